"""One endpoint: its states, its variants, and the one loop that moves them."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator

from async_endpoint.local.hosting.async_requests import AsyncRequests
from async_endpoint.local.hosting.deployment import Deployment, VariantSpec
from async_endpoint.local.hosting.fleet import Fleet
from async_endpoint.local.hosting.instance import Instance
from async_endpoint.local.hosting.logs import EndpointLogs
from async_endpoint.local.hosting.metrics import EndpointMetrics
from async_endpoint.local.hosting.preparation import DeploymentFailed, prepare
from async_endpoint.local.hosting.queue import Invocation
from async_endpoint.local.hosting.real_time import RealTime
from async_endpoint.local.hosting.recent import Recent
from async_endpoint.local.hosting.role import ExecutionRole
from async_endpoint.local.hosting.serverless import ServerlessFleet
from async_endpoint.local.hosting.site import Site
from async_endpoint.local.hosting.variant import Variant

LONGEST_PAUSE_SECONDS = 5.0
DELETING_SECONDS = 10.0  # AWS seconds for which an endpoint is seen Deleting; SageMaker takes as long as it takes
ROLLING_BACK_SECONDS = 30.0  # AWS seconds for which a rollback is seen at least
FAILURE_REASON_CHARS = 1_024  # DescribeEndpoint.FailureReason
STILL = ("InService", "UpdateRollbackFailed")  # the states in which an endpoint may be changed

log = logging.getLogger(__name__)


class Endpoint:
    """States as DescribeEndpoint names them. Public methods take the lock; what starts with an underscore runs under it."""

    def __init__(self, name: str, region: str, deployment: Deployment, site: Site) -> None:
        self.name = name
        self.region = region
        self.deployment = self.target = deployment  # what serves, and what is being deployed if that is another
        self.created_at = self.modified_at = site.clock.now()
        self.failure_reason = ""
        self.changed = threading.Condition(threading.RLock())
        self._site = site
        self._clock = site.clock
        asynchronous = deployment.async_settings is not None
        self._logs = EndpointLogs(name, region, site.clock, asynchronous)
        self._metrics: defaultdict[str, EndpointMetrics] = defaultdict(EndpointMetrics)  # by variant name, over all updates
        self._phase = "Creating"
        self._capacity = Recent()
        self._live: list[Variant] = []  # take traffic
        self._incoming: list[Variant] = []  # must pass /ping first
        self._retiring: list[Variant] = []  # finish what they have
        self.requests = AsyncRequests(name, region, site, self.changed, self._logs) if asynchronous else None
        self.real_time = None if asynchronous else RealTime(self.changed, lambda: self._live if self.open else [], site)
        threading.Thread(target=self._loop, name=f"endpoint-{name}", daemon=True).start()
        threading.Thread(target=self._deploy, args=(deployment,), name=f"deploy-{name}", daemon=True).start()

    # --- what the APIs and the scaling see -------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """InService becomes Updating while instances are added or removed, as SageMaker has it; not while one is replaced."""
        with self.changed:
            scaling = self._phase in STILL and any(variant.fleet.scaling for variant in self._live)
            return "Updating" if scaling else self._phase

    @property
    def variants(self) -> list[Variant]:
        """The variants that take traffic, the shadows among them; none until the endpoint was InService once."""
        with self.changed:
            return list(self._live)

    def variant(self, name: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.name == name), None)

    @property
    def instances(self) -> list[Instance]:
        """Every instance there is, those of incoming and retiring variants too."""
        with self.changed:
            return [instance for variant in self._all() for instance in variant.fleet.instances]

    @property
    def open(self) -> bool:
        """Whether requests are accepted; also while the endpoint is updated, scaled or rolled back."""
        return self._phase not in ("Creating", "Failed", "Deleting")

    def backlog(self) -> tuple[int, float]:
        """Asynchronous requests waiting or in process, and the age in AWS seconds of the oldest that waits."""
        return self.requests.backlog() if self.requests else (0, 0.0)

    def serving_at(self, moment: float) -> int | None:
        """Instances that took traffic at a recent moment (AWS seconds); None while the endpoint was not InService yet."""
        with self.changed:
            return self._capacity.at(moment)

    def invoke_async(self, invocation: Invocation) -> bool:
        """Queue a request; False while the endpoint takes none, or is no asynchronous one."""
        with self.changed:
            if not self.open or self.requests is None:
                return False
            self.requests.put(invocation)
            return True

    def adjust(self, variant_name: str, count: int | None, weight: float | None) -> None:
        """Give a variant another instance count or weight, as far as given; returns at once."""
        with self.changed:
            variant = self.variant(variant_name)
            if variant is None:
                return
            if weight is not None:
                variant.weight = weight
            if count is not None:
                variant.scale(count)

    def update(self, deployment: Deployment) -> bool:
        """Start a blue/green update; False while something else goes on. Queued requests stay queued."""
        with self.changed:
            if self.status not in STILL:
                return False
            self._phase, self.target = "Updating", deployment
            self.modified_at = self._clock.now()
        threading.Thread(target=self._deploy, args=(deployment,), name=f"deploy-{self.name}", daemon=True).start()
        return True

    def look_again(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def delete(self, gone: Callable[[], None]) -> None:
        """Stop every instance, end what waits or is in process as failures, and call `gone` a little later."""
        left = self.close()
        if self.requests is not None:
            self.requests.abandon(left, self.deployment, self._metrics[self.deployment.variants[0].name])
        timer = threading.Timer(self._clock.real(DELETING_SECONDS), gone)
        timer.daemon = True
        timer.start()

    def close(self) -> list[Invocation]:
        """Stop every instance and the loop, and return the requests that waited."""
        with self.changed:
            self._phase = "Deleting"
            self.modified_at = self._clock.now()
            for variant in self._all():
                variant.fleet.stop()
            self.changed.notify_all()
            return self.requests.close() if self.requests else []

    # --- deploying ---------------------------------------------------------------------------------------------------

    def _deploy(self, deployment: Deployment) -> None:
        """Create or update: prepare, start whole fleets, then move the traffic; otherwise fail, or roll back."""
        try:
            makers = {spec.name: self._instance_maker(spec) for spec in deployment.specs}
            with self.changed:
                self._incoming = [self._variant(deployment, spec, makers[spec.name]) for spec in deployment.specs]
                self.changed.notify_all()
                self.changed.wait_for(lambda: self._phase == "Deleting" or self._unfit() or self._fit())
                if self._phase == "Deleting":
                    return
                unfit = self._unfit()
                if unfit is not None:
                    raise DeploymentFailed(
                        f"The {'primary container' if len(unfit.spec.model.containers) == 1 else 'containers'} for production "
                        f"variant {unfit.name} did not pass the ping health check. Please check CloudWatch logs for this "
                        f"endpoint. ({unfit.fleet.last_failure})"
                    )
                fault = self._site.faults.update_failure(self.name) if self._live else ""
                if fault:
                    raise DeploymentFailed(fault)
                self._swap(deployment)
        except DeploymentFailed as failure:
            self._abandon(str(failure))
        except Exception as error:  # whatever goes wrong in here, the endpoint must reach a lasting state
            self._abandon(f"InternalFailure: {type(error).__name__}: {error}")
        else:
            if self.requests is not None:
                self.requests.processing(deployment, self._metrics[deployment.variants[0].name]).announce()

    def _instance_maker(self, spec: VariantSpec) -> Callable[[], Instance]:
        """Check the role, fetch the archives, and return what starts instances of them."""
        workload = prepare(spec.model, self.region, self._site.faults)
        log = self._logs.writer(ExecutionRole(spec.model.role_arn, self.region), spec.name)
        faults = self._site.faults
        return lambda: Instance(self._site, workload, spec.startup_seconds, log, self._apply, faults.start(self.name))

    def _variant(self, deployment: Deployment, spec: VariantSpec, make: Callable[[], Instance]) -> Variant:
        settings = deployment.async_settings
        if spec.serverless is not None:
            fleet: Fleet = ServerlessFleet(spec.serverless, make, self._clock)
        else:
            fleet = Fleet(spec.initial_count, make, self._clock, settings.concurrency if settings else None)
        shadow = spec in deployment.shadows
        return Variant(self.name, deployment, spec, fleet, self._metrics[spec.name], spec.weight, shadow, self._rescaled)

    def _fit(self) -> bool:
        return all(variant.fleet.settled for variant in self._incoming)

    def _unfit(self) -> Variant | None:
        return next((variant for variant in self._incoming if variant.fleet.last_failure), None)

    def _swap(self, deployment: Deployment) -> None:
        for variant in self._live:
            variant.fleet.scale(0)
        self._retiring += self._live
        self._live, self._incoming = self._incoming, []
        self.deployment = deployment
        self.failure_reason = ""
        self._enter("InService")

    def _abandon(self, reason: str) -> None:
        """A creation ends Failed; an update rolls back to the old configuration, which never stopped serving."""
        with self.changed:
            if self._phase == "Deleting":
                return
            self.failure_reason, self.target = reason[:FAILURE_REASON_CHARS], self.deployment
            self._enter("RollingBack" if self._live else "Failed")
            for variant in self._incoming:
                variant.fleet.scale(0)  # the loop stops them, one step later
            self._retiring += self._incoming
            self._incoming = []
            if not self._live:
                return
            for variant in self._live:
                variant.fleet.last_failure = ""
            self.changed.wait_for(self._unrestorable, self._clock.real(ROLLING_BACK_SECONDS))
            self.changed.wait_for(lambda: self._unrestorable() or self._restored())
            if self._phase != "Deleting":
                self._enter("UpdateRollbackFailed" if self._unrestorable() else "InService")

    def _restored(self) -> bool:
        """The old configuration has every instance it wants, and nothing is left of the new one."""
        return not self._retiring and all(variant.fleet.settled for variant in self._live)

    def _unrestorable(self) -> bool:
        """An instance of the old configuration died while the update rolled back to it, or all is over."""
        return self._phase == "Deleting" or any(variant.fleet.last_failure for variant in self._live)

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self.modified_at = self._clock.now()
        self.changed.notify_all()

    # --- the loop ----------------------------------------------------------------------------------------------------

    def _all(self) -> Iterator[Variant]:
        yield from (*self._live, *self._incoming, *self._retiring)

    def _apply(self, change: Callable[[], None]) -> None:
        """Let an instance change its state under the lock, and look again."""
        with self.changed:
            change()
            self.changed.notify_all()

    def _rescaled(self) -> None:
        with self.changed:
            self.modified_at = self._clock.now()
            self.changed.notify_all()

    def _loop(self) -> None:
        with self.changed:
            while self._phase != "Deleting":
                try:
                    self._step()
                except Exception:  # one bad step must not leave the endpoint standing still for good
                    log.exception("A step of endpoint %s failed.", self.name)
                self.changed.wait(self._pause())

    def _step(self) -> None:
        for variant in self._all():
            variant.fleet.reconcile()
        self._retiring = [variant for variant in self._retiring if variant.fleet.instances]
        self.changed.notify_all()  # those who wait for a fleet to be ready look again
        if self._live:
            self._capacity.set(self._clock.now(), sum(variant.serving for variant in self._live))
        if self.requests is not None and self._live:
            self.requests.step(self._live[0])

    def _pause(self) -> float:
        waits = [variant.fleet.wake_in() for variant in (*self._live, *self._incoming)]
        waits.append(self.requests.next_expiry() if self.requests else None)
        return min([LONGEST_PAUSE_SECONDS, *(wait for wait in waits if wait is not None)])

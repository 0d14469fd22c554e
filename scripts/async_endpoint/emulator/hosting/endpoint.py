"""One endpoint: its states, its variants, and the one loop that moves them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from async_endpoint.emulator.hosting.async_inference import AsyncInference
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.deployment import Deployment
from async_endpoint.emulator.hosting.endpoint_snapshot import EndpointSnapshot, VariantSnapshot
from async_endpoint.emulator.hosting.execution_role import AccessDenied
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.provisioning import DeploymentFailed, check_release
from async_endpoint.emulator.hosting.real_time import RealTimeInference
from async_endpoint.emulator.hosting.recent import TimeSeries
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.hosting.rollout import EndpointDeleted, Rollout
from async_endpoint.emulator.hosting.variant import Variant
from async_endpoint.emulator.hosting.variant_factory import VariantFactory
from async_endpoint.emulator.hosting.variant_set import VariantSet
from async_endpoint.emulator.moto_backends import ResourceNotFound

LONGEST_PAUSE_SECONDS = 5.0
DELETING_SECONDS = 120.0  # AWS seconds for which an endpoint is Deleting; SageMaker takes some minutes
DELETION_RETRY_SECONDS = 60.0  # AWS seconds until a deletion that lacked the role or a key is tried again
FAILURE_REASON_CHARS = 1_024  # DescribeEndpoint.FailureReason
STILL = ("InService", "UpdateRollbackFailed")  # the states in which an endpoint may be changed

log = logging.getLogger(__name__)


class Endpoint:
    """States as DescribeEndpoint names them. Public methods take the lock; what starts with an underscore runs under it."""

    def __init__(
        self,
        name: str,
        region: str,
        deployment: Deployment,
        context: HostingContext,
        gone: Callable[[Endpoint], None],
        saved: EndpointSnapshot | None = None,
    ) -> None:
        """Create the endpoint, or resume one that was `saved`. `gone` is called once it is deleted and its name free."""
        self.name = name
        self.region = region
        self.deployment = self.target = deployment  # what serves, and what is being deployed if that is another
        self.created_at = self.modified_at = context.clock.now()
        self.failure_reason = ""
        self.changed = threading.Condition(threading.RLock())
        self._context = context
        self._gone = gone
        self._clock = context.clock
        self._stopped = threading.Event()  # the local AWS ends
        self._holds_resources = False  # network interfaces and grants of keys, which a deletion gives back
        self._unprocessed: list[AsyncInvocation] = []  # requests that a deletion found waiting and has not ended yet
        self._phase = "Creating"
        self._variant_set = VariantSet()
        self._capacity = TimeSeries()
        asynchronous = deployment.async_settings is not None
        logs = EndpointLogs(name, region, context.clock, asynchronous)
        self._maker = VariantFactory(name, region, context, logs, self._apply)
        self.requests = AsyncInference(name, region, context, self.changed, logs) if asynchronous else None
        self.real_time = (
            None if asynchronous else RealTimeInference(self.changed, self._variant_set, lambda: self.open, context, logs)
        )
        unfinished = deployment if saved is None else self._resume(saved)
        threading.Thread(target=self._loop, name=f"endpoint-{name}", daemon=True).start()
        if unfinished is not None:
            threading.Thread(target=self._deploy, args=(unfinished,), name=f"deploy-{name}", daemon=True).start()

    # --- what the APIs and the scaling see -------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """InService becomes Updating while instances are added or removed, as SageMaker has it; not while one is replaced."""
        with self.changed:
            return "Updating" if self._phase in STILL and self._variant_set.scaling else self._phase

    @property
    def variants(self) -> list[Variant]:
        """The variants that take traffic, the shadows among them; none until the endpoint was InService once."""
        with self.changed:
            return list(self._variant_set.live)

    @property
    def taking(self) -> list[Variant]:
        """The same, and of an update on its way those that take traffic already."""
        with self.changed:
            return self._variant_set.taking

    @property
    def incoming(self) -> tuple[str, list[Variant]]:
        """Of an update or creation on its way: what is done (a ProductionVariantStatus), and with which variants."""
        with self.changed:
            return self._variant_set.stage, list(self._variant_set.incoming)

    def variant(self, name: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.name == name), None)

    @property
    def instances(self) -> list[Instance]:
        """Every instance there is, those of incoming and retiring variants too."""
        with self.changed:
            return [instance for variant in self._variant_set for instance in variant.fleet.instances]

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

    def invoke_async(self, invocation: AsyncInvocation) -> bool:
        """Queue a request; False while the endpoint takes none, or is no asynchronous one."""
        with self.changed:
            if not self.open or self.requests is None:
                return False
            self.requests.put(invocation)
            return True

    def refuse_again(self, invocation: AsyncInvocation) -> bool:
        """End a request that was accepted before a stop, of an endpoint that cannot serve since; False if it takes none."""
        if self.requests is None:
            return False
        metrics = self._maker.metrics[self.deployment.variants[0].name]
        self.requests.abandon([invocation], self.deployment, metrics, self.failure_reason)
        return True

    def adjust(self, variant_name: str, count: int | None, weight: float | None) -> None:
        """Give a variant another capacity (see Variant.capacity) or weight, as far as given; returns at once."""
        with self.changed:
            variant = self.variant(variant_name)
            if variant is None:
                return
            if weight is not None:
                variant.weight = weight
            if count is not None and count != variant.capacity:
                variant.fleet.set_capacity(count)
                self.modified_at = self._clock.now()
            self.changed.notify_all()

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

    def delete(self) -> bool:
        """Stop every instance, end what waits or is in process as failures, and be gone some AWS minutes later.

        False while anything is in progress, a deletion included.
        """
        with self.changed:
            if self.status not in (*STILL, "Failed"):
                return False
            self._unprocessed = self._end()
        self._start_deletion()
        return True

    def close(self) -> None:
        """Stop every instance and every thread: the local AWS ends."""
        self._stopped.set()
        self._end()

    def _end(self) -> list[AsyncInvocation]:
        """Stop every instance and the loop, and return the requests that waited."""
        with self.changed:
            self._phase = "Deleting"
            self.modified_at = self._clock.now()
            self._variant_set.stop()
            self.changed.notify_all()
            if self.real_time is not None:
                self.real_time.close()
            return self.requests.close() if self.requests else []

    def _start_deletion(self) -> None:
        threading.Thread(target=self._finish_deletion, name=f"delete-{self.name}", daemon=True).start()

    def _finish_deletion(self) -> None:
        """What DeleteEndpoint does after its answer. Without the role or a key it stays Deleting, and is tried again."""
        next_try = self._clock.now() + DELETING_SECONDS
        if self.requests is not None:
            metrics = self._maker.metrics[self.deployment.variants[0].name]
            self.requests.abandon(self._unprocessed, self.deployment, metrics)
        self._unprocessed = []
        while not self._clock.wait(self._stopped, next_try):
            try:
                if self._holds_resources:
                    check_release(self.deployment, self.region)
            except (AccessDenied, ResourceNotFound) as error:
                self.failure_reason = f"The endpoint cannot be deleted: {error}"[:FAILURE_REASON_CHARS]
                next_try = self._clock.now() + DELETION_RETRY_SECONDS
            else:
                self._gone(self)
                return

    # --- kept across a stop ------------------------------------------------------------------------------------------

    def saved(self) -> EndpointSnapshot:
        """What is kept of it."""
        with self.changed:
            waiting = self.requests.all() if self.requests else []
            return EndpointSnapshot(
                name=self.name,
                region=self.region,
                phase=self._phase,
                deployment=self.deployment,
                target=self.target,
                created_at=self.created_at,
                modified_at=self.modified_at,
                failure_reason=self.failure_reason,
                variants={variant.name: VariantSnapshot.of(variant) for variant in self._variant_set.live},
                metrics={name: metrics.counted() for name, metrics in dict(self._maker.metrics).items()},
                requests=(*self._unprocessed, *waiting),
            )

    def _resume(self, saved: EndpointSnapshot) -> Deployment | None:
        """Become what was saved, on new instances; returns what is still to be deployed, as the creation or update goes on.

        A rollback is over; a deletion begins again. What cannot be prepared again, its archive or role being gone, is Failed,
        and its requests with it.
        """
        self.created_at, self.modified_at = saved.created_at, saved.modified_at
        self.target, self.failure_reason = saved.target, saved.failure_reason
        self._phase = "InService" if saved.phase == "RollingBack" else saved.phase
        for name, counted in saved.metrics.items():
            self._maker.metrics[name].restore(counted)
        self._holds_resources = bool(saved.variants) or self._phase == "Deleting"
        if self._phase == "Deleting":
            self._unprocessed = list(saved.requests)
            self._start_deletion()
            return None
        try:
            self._variant_set.live = self._maker.make(self.deployment) if saved.variants else []
        except DeploymentFailed as failure:
            self._phase, self.target = "Failed", self.deployment
            self.failure_reason = str(failure)[:FAILURE_REASON_CHARS]
            if self.requests is not None:
                metrics = self._maker.metrics[self.deployment.variants[0].name]
                self.requests.abandon(list(saved.requests), self.deployment, metrics, self.failure_reason)
            return None
        for variant in self._variant_set.live:
            saved.variants[variant.name].apply(variant)
        for invocation in saved.requests:
            if self.requests is not None:
                self.requests.put(invocation)
        return self.target if self._phase in ("Creating", "Updating") else None

    # --- deploying ---------------------------------------------------------------------------------------------------

    def _deploy(self, deployment: Deployment) -> None:
        """Create or update: prepare, start the new instances, move the traffic; otherwise fail, or roll back."""

        def over() -> bool:
            return self._phase == "Deleting"

        rollout = Rollout(deployment.guardrails, self._variant_set, self.region, self._clock, self.changed, over)
        try:
            incoming = self._maker.make(deployment)
            with self.changed:
                self._holds_resources = True
                rollout.prepare(incoming)
                fault = self._context.faults.update_failure(self.name) if self._variant_set.live else ""
                if fault:
                    raise DeploymentFailed(fault)
                rollout.shift()
                self.deployment, self.failure_reason = deployment, ""
                self._enter("InService")
        except EndpointDeleted:
            return
        except DeploymentFailed as failure:
            self._abandon(str(failure), rollout)
        except Exception as error:  # whatever goes wrong in here, the endpoint must reach a lasting state
            self._abandon(f"InternalFailure: {type(error).__name__}: {error}", rollout)
        else:
            if self.requests is not None:
                self.requests.processing(deployment, self._maker.metrics[deployment.variants[0].name]).announce()

    def _abandon(self, reason: str, rollout: Rollout) -> None:
        """A creation ends Failed; an update rolls back to the old configuration, which never stopped serving."""
        with self.changed:
            if self._phase == "Deleting":
                return
            self.failure_reason, self.target = reason[:FAILURE_REASON_CHARS], self.deployment
            if not self._variant_set.live:
                self._variant_set.drop_incoming()
                self._enter("Failed")
                return
            self._enter("RollingBack")
            try:
                self._enter("UpdateRollbackFailed" if rollout.back() else "InService")
            except EndpointDeleted:
                return

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self.modified_at = self._clock.now()
        self.changed.notify_all()

    # --- the loop ----------------------------------------------------------------------------------------------------

    def _apply(self, change: Callable[[], None]) -> None:
        """Let an instance change its state under the lock, and look again."""
        with self.changed:
            change()
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
        self._variant_set.reconcile()
        self.changed.notify_all()  # those who wait for a fleet to be ready look again
        if self._variant_set.live:
            self._capacity.set(self._clock.now(), self._variant_set.serving)
            if self.requests is not None:
                self.requests.step(self._variant_set.taking)

    def _pause(self) -> float:
        expiry = self.requests.next_expiry() if self.requests else None
        return min([LONGEST_PAUSE_SECONDS, *self._variant_set.wake_in(), *([] if expiry is None else [expiry])])

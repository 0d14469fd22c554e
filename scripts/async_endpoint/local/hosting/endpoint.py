"""One endpoint: its states, its queue, its fleets, and the one loop that moves them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local.container.process import ContainerDied, ContainerSpec
from async_endpoint.local.hosting.deployment import Deployment
from async_endpoint.local.hosting.fleet import Fleet
from async_endpoint.local.hosting.instance import Instance
from async_endpoint.local.hosting.logs import EndpointLogs
from async_endpoint.local.hosting.metrics import EndpointMetrics
from async_endpoint.local.hosting.processing import Processing
from async_endpoint.local.hosting.queue import Invocation, RequestQueue
from async_endpoint.local.hosting.role import AccessDenied, ExecutionRole
from async_endpoint.local.hosting.site import Site
from async_endpoint.local.stores import NoSuchThing

# How often a request is given to an instance before an instance's death ends it. Not documented; poison must not kill for ever.
MOST_ATTEMPTS = 3
LONGEST_PAUSE_SECONDS = 5.0
FAILURE_REASON_CHARS = 1_024  # DescribeEndpoint.FailureReason

log = logging.getLogger(__name__)


class DeploymentFailed(Exception):
    """A deployment cannot serve; the text becomes the endpoint's FailureReason."""


class Endpoint:
    """States as DescribeEndpoint names them. Public methods take the lock; what starts with an underscore runs under it."""

    def __init__(self, name: str, region: str, deployment: Deployment, site: Site) -> None:
        self.name = name
        self.region = region
        self.deployment = self.target = deployment  # what serves, and what is being deployed if that is another
        self.created_at = self.modified_at = site.clock.now()
        self.failure_reason = ""
        self.metrics = EndpointMetrics()
        self._site = site
        self._clock = site.clock
        self._logs = EndpointLogs(name, region, site.clock)
        self._changed = threading.Condition(threading.RLock())
        self._phase = "Creating"
        self._queue = RequestQueue()
        self._in_process = 0
        self._fleet: Fleet | None = None  # takes traffic
        self._incoming: Fleet | None = None  # must pass /ping first
        self._retiring: list[Fleet] = []  # finishes what it has
        self._workers = ThreadPoolExecutor(max_workers=1_000, thread_name_prefix=name)
        threading.Thread(target=self._loop, name=f"endpoint-{name}", daemon=True).start()
        threading.Thread(target=self._deploy, args=(deployment,), name=f"deploy-{name}", daemon=True).start()

    # --- what the APIs and the scaling see -------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """InService becomes Updating while instances are added or removed, as SageMaker has it; not while one is replaced."""
        with self._changed:
            scaling = self._phase == "InService" and self._fleet is not None and self._fleet.scaling
            return "Updating" if scaling else self._phase

    @property
    def resource_id(self) -> str:
        """The variant as Application Auto Scaling names it."""
        return f"endpoint/{self.name}/variant/{self.deployment.variant_name}"

    @property
    def desired(self) -> int:
        with self._changed:
            return self._fleet.desired if self._fleet else self.deployment.initial_count

    @property
    def instances(self) -> list[Instance]:
        """Every instance there is, those of an incoming or retiring fleet too."""
        with self._changed:
            fleets = [fleet for fleet in (self._fleet, self._incoming, *self._retiring) if fleet is not None]
            return [instance for fleet in fleets for instance in fleet.instances]

    @property
    def serving(self) -> int:
        """Instances that take traffic now: CurrentInstanceCount."""
        with self._changed:
            return len(self._fleet.ready) if self._fleet else 0

    def backlog(self) -> tuple[int, float]:
        """Requests waiting or in process, and the age in AWS seconds of the oldest that waits (0 when none does)."""
        with self._changed:
            oldest = self._queue.oldest()
            return len(self._queue) + self._in_process, 0.0 if oldest is None else self._clock.now() - oldest

    def invoke(self, invocation: Invocation) -> bool:
        """Queue a request; False while the endpoint takes none (creating, failed, deleting)."""
        with self._changed:
            if self._phase in ("Creating", "Failed", "Deleting"):
                return False
            self._queue.put(invocation)
            self._changed.notify_all()
            return True

    def scale(self, desired: int) -> None:
        """Bring the number of instances to `desired`; returns at once."""
        with self._changed:
            if self._fleet is not None and self._fleet.desired != desired:
                self._fleet.scale(desired)
                self.modified_at = self._clock.now()
                self._changed.notify_all()

    def update(self, deployment: Deployment) -> bool:
        """Start a blue/green update; False unless the endpoint is InService. Queued requests stay queued."""
        with self._changed:
            if self.status != "InService":
                return False
            self._phase, self.target = "Updating", deployment
            self.modified_at = self._clock.now()
        threading.Thread(target=self._deploy, args=(deployment,), name=f"deploy-{self.name}", daemon=True).start()
        return True

    def delete(self) -> None:
        """Stop every instance; requests that wait or are in process end as failures, not in silence."""
        left = self.close()
        processing = self._processing(self.deployment)
        for invocation in left:
            processing.fail(invocation, self._deleted)

    def close(self) -> list[Invocation]:
        """Stop every instance and the loop, and return the requests that waited."""
        with self._changed:
            self._phase = "Deleting"
            for fleet in (self._fleet, self._incoming, *self._retiring):
                if fleet is not None:
                    fleet.stop()
            self._changed.notify_all()
            return self._queue.drain()

    # --- deploying ---------------------------------------------------------------------------------------------------

    def _deploy(self, deployment: Deployment) -> None:
        """Create or update: prepare, start a whole fleet, then move the traffic; otherwise fail, or roll back."""
        try:
            make = self._instance_maker(deployment)
            with self._changed:
                self._incoming = Fleet(deployment, deployment.initial_count, make, self._clock)
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._phase == "Deleting" or self._incoming_failed() or self._incoming_ready())
                if self._phase == "Deleting":
                    return
                if self._incoming_failed():
                    raise DeploymentFailed(
                        f"The primary container for production variant {deployment.variant_name} did not pass the ping health "
                        f"check. Please check CloudWatch logs for this endpoint. ({self._incoming_failed()})"
                    )
                self._swap(deployment)
        except DeploymentFailed as failure:
            self._abandon(str(failure))
        except Exception as error:  # whatever goes wrong in here, the endpoint must reach a lasting state
            self._abandon(f"InternalFailure: {type(error).__name__}: {error}")
        else:
            self._processing(deployment).announce()

    def _instance_maker(self, deployment: Deployment) -> Callable[[Deployment], Instance]:
        """Check the role, fetch the archive, and return what starts instances of it."""
        role = ExecutionRole(deployment.role_arn, self.region)
        try:
            role.assume()
            role.pull_image(deployment.image)
            archive = role.get_object(deployment.model_data).body if deployment.model_data else None
        except (AccessDenied, NoSuchThing) as error:
            raise DeploymentFailed(str(error)) from error
        spec = ContainerSpec(archive, deployment.environment)
        log = self._logs.writer(role, deployment.variant_name)

        def make(_: Deployment) -> Instance:
            return Instance(self._site, spec, deployment.startup_seconds, log, self._apply)

        return make

    def _incoming_ready(self) -> bool:
        return self._incoming is not None and self._incoming.settled

    def _incoming_failed(self) -> str:
        return self._incoming.last_failure if self._incoming is not None else ""

    def _swap(self, deployment: Deployment) -> None:
        if self._fleet is not None:
            self._fleet.scale(0)
            self._retiring.append(self._fleet)
        self._fleet, self._incoming = self._incoming, None
        self.deployment = deployment
        self.failure_reason = ""
        self._phase = "InService"
        self.modified_at = self._clock.now()
        self._changed.notify_all()

    def _abandon(self, reason: str) -> None:
        """A creation ends Failed; an update rolls back, and the old configuration goes on serving."""
        with self._changed:
            if self._phase == "Deleting":
                return
            if self._incoming is not None:
                self._incoming.stop()
                self._incoming = None
            self.failure_reason, self.target = reason[:FAILURE_REASON_CHARS], self.deployment
            self._phase = "Failed" if self._fleet is None else "InService"
            self.modified_at = self._clock.now()
            self._changed.notify_all()

    # --- the loop ----------------------------------------------------------------------------------------------------

    def _apply(self, change: Callable[[], None]) -> None:
        """Let an instance change its state under the lock, and look again."""
        with self._changed:
            change()
            self._changed.notify_all()

    def _loop(self) -> None:
        with self._changed:
            while self._phase != "Deleting":
                try:
                    self._step()
                except Exception:  # one bad step must not leave the endpoint standing still for good
                    log.exception("A step of endpoint %s failed.", self.name)
                self._changed.wait(self._pause())

    def _step(self) -> None:
        for fleet in (self._fleet, self._incoming, *self._retiring):
            if fleet is not None:
                fleet.reconcile()
        self._retiring = [fleet for fleet in self._retiring if fleet.instances]
        self._changed.notify_all()  # those who wait for a fleet to be ready look again
        self._expire()
        self._dispatch()

    def _pause(self) -> float:
        waits = [LONGEST_PAUSE_SECONDS]
        expiry = self._queue.next_expiry()
        if expiry is not None:
            waits.append(self._clock.real(expiry - self._clock.now()))
        waits += [wait for fleet in (self._fleet, self._incoming) if fleet and (wait := fleet.wake_in()) is not None]
        return min(waits)

    def _expire(self) -> None:
        for invocation in self._queue.expired(self._clock.now()):
            self._workers.submit(self._processing(self.deployment).expire, invocation)

    def _dispatch(self) -> None:
        while self._fleet is not None and len(self._queue) and (instance := self._fleet.free()) is not None:
            invocation = self._queue.take()
            instance.in_flight += 1
            self._in_process += 1
            self._workers.submit(self._process, invocation, instance, self._fleet.deployment)

    def _process(self, invocation: Invocation, instance: Instance, deployment: Deployment) -> None:
        processing = self._processing(deployment)
        invocation.attempts += 1
        try:
            processing.run(invocation, instance)
        except ContainerDied as death:
            reason = self._give_back(invocation, instance, death)
            if reason:
                processing.fail(invocation, reason)
        except Exception as error:  # whatever goes wrong in here, the request must reach a terminal state
            processing.fail(invocation, f"InternalFailure: {type(error).__name__}: {error}")
        finally:
            with self._changed:
                instance.in_flight -= 1
                self._in_process -= 1
                self._changed.notify_all()

    def _give_back(self, invocation: Invocation, instance: Instance, death: ContainerDied) -> str:
        """Queue again what a dead instance had, and give that instance nothing more; or the reason why not."""
        with self._changed:
            instance.died(str(death))
            if self._phase == "Deleting":
                return self._deleted
            if invocation.attempts >= MOST_ATTEMPTS:
                return f"The instance died {invocation.attempts} times while processing the request ({death})."
            self._queue.give_back(invocation)
            return ""

    @property
    def _deleted(self) -> str:
        return f"Endpoint {self.name} was deleted before the request was processed."

    def _processing(self, deployment: Deployment) -> Processing:
        role = ExecutionRole(deployment.role_arn, self.region)
        log = self._logs.writer(role, deployment.variant_name)
        return Processing(
            self.name, deployment.async_settings, role, self.metrics, self._clock, lambda line: log("service", line)
        )


def output_locations(
    deployment: Deployment, request_id: str, filename: str | None, extension: str | None
) -> tuple[S3Uri | None, S3Uri | None]:
    """Where a request's output and failure will lie. The failure key's form is what people observe, not documented."""
    settings = deployment.async_settings
    output = settings.output.join(extension or "", filename or f"{request_id}.out") if settings.output else None
    failure = settings.failure.join(f"{request_id}-error.out") if settings.failure else None
    return output, failure

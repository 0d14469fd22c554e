"""One endpoint: its state machine, its variants, and the control loop that drives them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from async_endpoint.core.metrics import Metric
from async_endpoint.emulator.hosting.async_inference import AsyncInference
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.endpoint_snapshot import EndpointSnapshot, VariantSnapshot
from async_endpoint.emulator.hosting.error_messages import unknown_role
from async_endpoint.emulator.hosting.hosted_config import HostedConfig
from async_endpoint.emulator.hosting.instance import Instance
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.metrics import StatisticSet, TimeSeries
from async_endpoint.emulator.hosting.provisioning import DeploymentFailed
from async_endpoint.emulator.hosting.real_time import RealTimeInference
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.hosting.rollout import EndpointDeleted, Rollout
from async_endpoint.emulator.hosting.variant import Variant
from async_endpoint.emulator.hosting.variant_factory import VariantFactory
from async_endpoint.emulator.hosting.variant_set import VariantSet

MAX_PAUSE_SECONDS = 5.0
DELETING_SECONDS = 120.0  # AWS seconds for which an endpoint is Deleting; SageMaker takes some minutes
FAILURE_REASON_CHARS = 1_024  # DescribeEndpoint.FailureReason
STABLE_STATES = ("InService", "UpdateRollbackFailed")  # an endpoint can be updated, scaled or deleted in these

log = logging.getLogger(__name__)


class HostedEndpoint:
    """States are those of DescribeEndpoint. Public methods acquire the lock; methods with an underscore run with it held."""

    def __init__(
        self,
        name: str,
        region: str,
        deployment: HostedConfig,
        context: HostingContext,
        on_deleted: Callable[[HostedEndpoint], None],
        saved: EndpointSnapshot | None = None,
    ) -> None:
        """Create the endpoint, or resume it from the snapshot `saved`. `on_deleted` is called once it is deleted."""
        self.name = name
        self.region = region
        self.deployment = self.target = deployment  # what serves; and what is being deployed
        self.created_at = self.modified_at = context.clock.now()
        self.failure_reason = ""
        self.changed = threading.Condition(threading.RLock())
        self._context = context
        self._on_deleted = on_deleted
        self._clock = context.clock
        self._stopped = threading.Event()  # the local AWS shuts down
        self._unprocessed: list[AsyncInvocation] = []  # requests that were waiting at deletion and have not failed yet
        self._phase = "Creating"
        self._variant_set = VariantSet()
        self._capacity = TimeSeries()
        asynchronous = deployment.async_settings is not None
        logs = EndpointLogs(name, region, context.clock)
        self._factory = VariantFactory(name, region, context, logs, self._apply)
        self.async_inference = AsyncInference(name, region, context, self.changed, logs) if asynchronous else None
        self.real_time = (
            None
            if asynchronous
            else RealTimeInference(self.changed, self._variant_set, lambda: self.accepts_requests, context, logs)
        )
        unfinished = deployment if saved is None else self._resume(saved)
        threading.Thread(target=self._loop, name=f"endpoint-{name}", daemon=True).start()
        if unfinished is not None:
            threading.Thread(target=self._deploy, args=(unfinished,), name=f"deploy-{name}", daemon=True).start()

    # --- for the APIs and for scaling -------------------------------------------------------------------------------

    @property
    def status(self) -> str:
        """The EndpointStatus. Scaling an InService endpoint makes it Updating; replacing an instance does not."""
        with self.changed:
            return "Updating" if self._phase in STABLE_STATES and self._variant_set.scaling else self._phase

    @property
    def variants(self) -> list[Variant]:
        """The live variants, shadows included; empty until the endpoint was InService once."""
        with self.changed:
            return list(self._variant_set.live)

    @property
    def receiving_traffic(self) -> list[Variant]:
        """The variants that receive traffic; during an update also the new ones that traffic has been shifted to."""
        with self.changed:
            return self._variant_set.receiving_traffic

    @property
    def incoming(self) -> tuple[str, list[Variant]]:
        """During a creation or update: its stage (a ProductionVariantStatus) and the new variants."""
        with self.changed:
            return self._variant_set.stage, list(self._variant_set.incoming)

    def variant(self, name: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.name == name), None)

    @property
    def instances(self) -> list[Instance]:
        """All instances, including those of incoming and retiring variants."""
        with self.changed:
            return [instance for variant in self._variant_set for instance in variant.fleet.instances]

    @property
    def accepts_requests(self) -> bool:
        """Whether requests are accepted, as they are during an update, scaling or a rollback."""
        return self._phase not in ("Creating", "Failed", "Deleting")

    def backlog(self) -> tuple[int, float]:
        """Asynchronous requests waiting or in process, and the age in AWS seconds of the oldest waiting one."""
        return self.async_inference.backlog() if self.async_inference else (0, 0.0)

    def serving_at(self, moment: float) -> int | None:
        """Instances that received traffic at a recent moment (AWS seconds); None before the endpoint was first InService."""
        with self.changed:
            return self._capacity.at(moment)

    def flush_metrics(self, variant_name: str) -> dict[str, dict[Metric, StatisticSet]]:
        """The statistics of a variant's old and new instances since the last flush, by configuration."""
        return self._factory.flush(variant_name)

    def invoke_async(self, invocation: AsyncInvocation) -> bool:
        """Queue a request; False when the endpoint does not accept requests or is not asynchronous."""
        with self.changed:
            if not self.accepts_requests or self.async_inference is None:
                return False
            self.async_inference.put(invocation)
            return True

    def fail_restored_request(self, invocation: AsyncInvocation) -> bool:
        """Fail a request accepted before a restart that the restored endpoint cannot serve; False for a real-time endpoint."""
        if self.async_inference is None:
            return False
        self._fail_requests([invocation], self.failure_reason)
        return True

    def adjust(self, variant_name: str, count: int | None, weight: float | None) -> None:
        """Set the capacity (see Variant.capacity) or weight of a variant, each if given; returns at once."""
        scaled = False
        with self.changed:
            variant = self.variant(variant_name)
            if variant is None:
                return
            if weight is not None:
                variant.weight = weight
            if count is not None and count != variant.capacity:
                variant.fleet.set_capacity(count)
                self.modified_at = self._clock.now()
                scaled = True
            self.changed.notify_all()
        if scaled:
            self._publish_test_notifications(self.deployment)

    def update(self, deployment: HostedConfig) -> bool:
        """Start a blue/green or rolling update; False unless the endpoint is in a stable state. Queued requests stay queued."""
        with self.changed:
            if self.status not in STABLE_STATES:
                return False
            self._phase, self.target = "Updating", deployment
            self.modified_at = self._clock.now()
        threading.Thread(target=self._deploy, args=(deployment,), name=f"deploy-{self.name}", daemon=True).start()
        return True

    def notify(self) -> None:
        """Wake the control loop."""
        with self.changed:
            self.changed.notify_all()

    def delete(self) -> bool:
        """Start deletion: stop the instances, fail the remaining requests; the name is free some AWS minutes later.

        False while an operation is in progress, a deletion included.
        """
        with self.changed:
            if self.status not in (*STABLE_STATES, "Failed"):
                return False
            self._unprocessed = self._stop_instances()
        self._start_deletion()
        return True

    def close(self) -> None:
        """Stop all instances and threads: the local AWS shuts down."""
        self._stopped.set()
        self._stop_instances()

    def _stop_instances(self) -> list[AsyncInvocation]:
        """Stop all instances and the control loop, and return the requests that were waiting."""
        with self.changed:
            self._phase = "Deleting"
            self.modified_at = self._clock.now()
            self._variant_set.stop()
            self.changed.notify_all()
            if self.real_time is not None:
                self.real_time.close()
            return self.async_inference.close() if self.async_inference else []

    def _fail_requests(self, requests: list[AsyncInvocation], reason: str | None = None) -> None:
        if self.async_inference is not None:
            metrics = self._factory.metrics[self.deployment.variants[0].name, self.deployment.config_name]
            self.async_inference.fail_all(requests, self.deployment, metrics, reason)

    def _start_deletion(self) -> None:
        threading.Thread(target=self._finish_deletion, name=f"delete-{self.name}", daemon=True).start()

    def _finish_deletion(self) -> None:
        """Complete a deletion. What its role is still needed for, its network interfaces, is removed later (A20, A23)."""
        gone_at = self._clock.now() + DELETING_SECONDS
        self._fail_requests(self._unprocessed)
        self._unprocessed = []
        if not self._clock.wait(self._stopped, gone_at):
            self._on_deleted(self)

    # --- snapshot and restore ------------------------------------------------------------------------------------------

    def snapshot(self) -> EndpointSnapshot:
        """The state that survives a restart with `--state-dir`."""
        with self.changed:
            waiting = self.async_inference.all() if self.async_inference else []
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
                metrics={key: counts for key, metrics in list(self._factory.metrics.items()) if (counts := metrics.current())},
                requests=(*self._unprocessed, *waiting),
            )

    def _resume(self, saved: EndpointSnapshot) -> HostedConfig | None:
        """Restore a snapshot on new instances; returns the deployment still to be done, of an unfinished creation or update.

        A rollback is treated as complete; a deletion starts over. An endpoint that cannot be provisioned again, because its
        archive or role no longer exists, is Failed and so are its requests.
        """
        self.created_at, self.modified_at = saved.created_at, saved.modified_at
        self.target, self.failure_reason = saved.target, saved.failure_reason
        self._phase = "InService" if saved.phase == "RollingBack" else saved.phase
        for key, counted in saved.metrics.items():
            self._factory.metrics[key].restore(counted)
        if self._phase == "Deleting":
            self._unprocessed = list(saved.requests)
            self._start_deletion()
            return None
        try:
            self._variant_set.live = self._factory.make(self.deployment) if saved.variants else []
        except DeploymentFailed as failure:
            self._phase, self.target = "Failed", self.deployment
            self.failure_reason = str(failure)[:FAILURE_REASON_CHARS]
            self._fail_requests(list(saved.requests), self.failure_reason)
            return None
        for variant in self._variant_set.live:
            saved.variants[variant.name].apply(variant)
        for invocation in saved.requests:
            if self.async_inference is not None:
                self.async_inference.put(invocation)
        return self.target if self._phase in ("Creating", "Updating") else None

    # --- deployment --------------------------------------------------------------------------------------------------

    def _deploy(self, deployment: HostedConfig) -> None:
        """Create or update: provision, start the new instances, shift the traffic. On an error fail, or roll back."""

        def is_deleted() -> bool:
            return self._phase == "Deleting"

        rollout = Rollout(deployment.guardrails, self._variant_set, self.region, self._clock, self.changed, is_deleted)
        try:
            if self._context.faults.role_unknown(self.name):
                raise DeploymentFailed(unknown_role(deployment.role_arn))
            incoming = self._factory.make(deployment)
            with self.changed:
                rollout.prepare(incoming)
                fault = self._context.faults.update_failure(self.name) if self._variant_set.live else ""
                if fault:
                    raise DeploymentFailed(fault)
                rollout.shift_traffic()
                self.deployment, self.failure_reason = deployment, ""
                self._set_phase("InService")
        except EndpointDeleted:
            return
        except DeploymentFailed as failure:
            self._fail_deployment(str(failure), rollout)
        except Exception as error:  # the endpoint must reach a stable state in every case
            self._fail_deployment(f"InternalFailure: {type(error).__name__}: {error}", rollout)
        else:
            self._publish_test_notifications(deployment)

    def _publish_test_notifications(self, deployment: HostedConfig) -> None:
        if self.async_inference is not None:
            metrics = self._factory.metrics[deployment.variants[0].name, deployment.config_name]
            self.async_inference.processing(deployment, metrics).publish_test_notifications()

    def _fail_deployment(self, reason: str, rollout: Rollout) -> None:
        """A failed creation ends Failed; a failed update rolls back to the old configuration, which never stopped serving."""
        with self.changed:
            if self._phase == "Deleting":
                return
            self.failure_reason, self.target = reason[:FAILURE_REASON_CHARS], self.deployment
            if not self._variant_set.live:
                self._variant_set.drop_incoming()
                self._set_phase("Failed")
                return
            self._set_phase("RollingBack")
            try:
                self._set_phase("UpdateRollbackFailed" if rollout.rollback() else "InService")
            except EndpointDeleted:
                return

    def _set_phase(self, phase: str) -> None:
        self._phase = phase
        self.modified_at = self._clock.now()
        self.changed.notify_all()

    # --- control loop ------------------------------------------------------------------------------------------------

    def _apply(self, change: Callable[[], None]) -> None:
        """Change an instance's state with the lock held, and wake the control loop."""
        with self.changed:
            change()
            self.changed.notify_all()

    def _loop(self) -> None:
        with self.changed:
            while self._phase != "Deleting":
                try:
                    self._step()
                except Exception:  # a failed step must not stop the endpoint for good
                    log.exception("A step of endpoint %s failed.", self.name)
                self.changed.wait(self._seconds_to_next_step())

    def _step(self) -> None:
        self._variant_set.reconcile()
        self.changed.notify_all()  # wakes a rollout that waits for its fleet
        if self._variant_set.live:
            self._capacity.set(self._clock.now(), self._variant_set.serving)
            if self.async_inference is not None:
                self.async_inference.step(self._variant_set.receiving_traffic)

    def _seconds_to_next_step(self) -> float:
        expiry = self.async_inference.next_expiry() if self.async_inference else None
        return min([MAX_PAUSE_SECONDS, *self._variant_set.next_wakeup(), *([] if expiry is None else [expiry])])

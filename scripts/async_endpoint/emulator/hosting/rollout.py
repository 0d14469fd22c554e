"""Rollout of an update (blue/green, rolling): start new instances, shift traffic in steps, bake, stop the old; or roll back.

Source: SageMaker developer guide, "Deployment guardrails". The bake time follows each step, the last one included (A80);
alarms are monitored from the first new instance to the end of the termination wait, and one already in ALARM counts (A162); an
asynchronous endpoint's queue is served by all old and new instances that receive traffic (A164).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from async_endpoint.core.hosting_rules import TrafficRouting
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.guardrails import Guardrails
from async_endpoint.emulator.hosting.provisioning import DeploymentFailed
from async_endpoint.emulator.hosting.variant import Variant
from async_endpoint.emulator.hosting.variant_set import VariantSet

# Between two checks of alarms and time-outs: in AWS seconds, and the maximum in real seconds.
POLL_INTERVAL_SECONDS = 15.0
MAX_POLL_INTERVAL_SECONDS = 1.0
MIN_ROLLBACK_SECONDS = 30.0  # AWS seconds a rollback lasts at least, so that it can be observed


class EndpointDeleted(Exception):
    """The endpoint is being deleted: the rollout stops."""


class Rollout:
    """Its methods are called with the endpoint's lock `changed` held, and release it while they wait."""

    def __init__(
        self,
        guardrails: Guardrails,
        variant_set: VariantSet,
        region: str,
        clock: ScaledClock,
        changed: threading.Condition,
        is_deleted: Callable[[], bool],
    ) -> None:
        self._guardrails = guardrails
        self._variant_set = variant_set
        self._region = region
        self._clock = clock
        self._changed = changed
        self._is_deleted = is_deleted
        self._deadline = clock.now() + guardrails.max_execution_seconds
        self._before = {variant.name: variant.desired for variant in variant_set.live}
        self._rolling = guardrails.mode is TrafficRouting.ROLLING and bool(variant_set.live)
        self._totals: dict[str, int] = {}
        self._stages: list[dict[str, int]] = []  # by variant, how many new instances receive traffic after each step

    def prepare(self, incoming: list[Variant]) -> None:
        """Start the new instances, or the first batch of them, until all answer. Raises DeploymentFailed or EndpointDeleted."""
        self._totals = {variant.name: variant.desired for variant in incoming}
        steps = {name: self._guardrails.stages(total) for name, total in self._totals.items()}
        for number in range(max(map(len, steps.values()))):
            self._stages.append({name: stages[min(number, len(stages) - 1)] for name, stages in steps.items()})
        for variant in incoming:
            variant.fleet.traffic_limit = 0
        self._variant_set.incoming = incoming
        self._start_instances(self._stages[0])

    def shift_traffic(self) -> None:
        """Shift the traffic in steps, then retire the old variants. Raises DeploymentFailed or EndpointDeleted."""
        if self._variant_set.live:
            for number, stage in enumerate(self._stages):
                if self._rolling and number:
                    self._start_instances(stage)
                self._enable_traffic(stage)
                self._wait_bake_time(self._guardrails.wait_interval)
                if self._rolling:
                    self._scale_in_old_instances()
            self._wait_bake_time(self._guardrails.termination_wait)
        self._variant_set.promote_incoming()

    def rollback(self) -> bool:
        """Return all traffic to the old variants; a rolling update first restores their instances, batch by batch.

        Returns whether one of their instances failed in the process. Raises EndpointDeleted.
        """
        self._variant_set.clear_failures()
        if self._rolling:
            self._restore_old_instances()
        for variant in self._variant_set.live:
            variant.fleet.traffic_limit = variant.fleet.rollback_count = None
        self._variant_set.drop_incoming()
        until = self._clock.now() + MIN_ROLLBACK_SECONDS
        self._wait(lambda: self._variant_set.has_failed_instance or self._clock.now() >= until, until, watched=False)
        self._wait(lambda: self._variant_set.has_failed_instance or self._variant_set.restored, watched=False)
        return self._variant_set.has_failed_instance

    def _restore_old_instances(self) -> None:
        step = self._guardrails.rollback_step
        while short := [item for item in self._variant_set.live if item.desired < self._before[item.name]]:
            for variant in short:
                whole = self._before[variant.name]
                variant.fleet.scale(min(variant.desired + (step.of(whole) if step else whole), whole))
                variant.fleet.traffic_limit = None
            self._changed.notify_all()
            self._wait(lambda: self._variant_set.has_failed_instance or self._variant_set.settled, watched=False)
            if self._variant_set.has_failed_instance:
                return

    def _start_instances(self, stage: dict[str, int]) -> None:
        """Start the new instances (in a rolling update those of `stage`) and wait until they answer."""
        self._variant_set.stage = "Creating"
        for variant in self._variant_set.incoming if self._rolling else ():
            variant.fleet.last_failure = ""
            variant.fleet.scale(stage[variant.name])
        self._changed.notify_all()
        self._wait(self._variant_set.check_incoming)

    def _enable_traffic(self, stage: dict[str, int]) -> None:
        self._variant_set.stage = "ActivatingTraffic"
        share = sum(stage.values()) / max(sum(self._totals.values()), 1)
        for variant in self._variant_set.incoming:
            variant.fleet.traffic_limit = stage[variant.name]
        for variant in self._variant_set.live:
            variant.fleet.traffic_limit = math.ceil(self._before[variant.name] * (1 - share))
        self._variant_set.share = share
        self._changed.notify_all()

    def _scale_in_old_instances(self) -> None:
        """Rolling update: stop the old instances that no longer receive traffic, after the batch's bake time."""
        for variant in self._variant_set.live:
            variant.fleet.rollback_count = self._before[variant.name]
            variant.fleet.scale(variant.fleet.traffic_limit or 0)
        self._changed.notify_all()

    def _wait_bake_time(self, seconds: float) -> None:
        self._variant_set.stage = "Baking"
        until = self._clock.now() + seconds
        self._wait(lambda: self._clock.now() >= until, until)

    def _wait(self, done: Callable[[], bool], until: float = math.inf, watched: bool = True) -> None:
        while True:
            if self._is_deleted():
                raise EndpointDeleted
            if watched:
                self._check_alarms_and_timeout()
            if done():
                return
            left = self._clock.real(min(until, self._clock.now() + POLL_INTERVAL_SECONDS) - self._clock.now())
            self._changed.wait(max(min(left, MAX_POLL_INTERVAL_SECONDS), 0.001))

    def _check_alarms_and_timeout(self) -> None:
        """Raise DeploymentFailed for an alarm in ALARM, or past the maximum execution time. The message is the local AWS's."""
        for name in self._guardrails.alarms:
            if moto_backends.alarm_state(self._region, name) == "ALARM":
                raise DeploymentFailed(f"The deployment was rolled back: CloudWatch alarm {name} is in ALARM.")
        if self._clock.now() > self._deadline:
            raise DeploymentFailed(
                "The deployment was rolled back: it took longer than its MaximumExecutionTimeoutInSeconds of "
                f"{self._guardrails.max_execution_seconds:.0f}."
            )

"""An update on its way: new instances started, traffic moved step by step, alarms watched meanwhile, the old ones ended.

Source: SageMaker developer guide, "Deployment guardrails". Our reading: each step, the last one included, is followed by the
waiting time; alarms are watched from the first new instance to the end of the termination wait, and one that is in ALARM
already counts; an asynchronous endpoint's queue is served by the old and the new instances that take traffic, by the room
they have.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.guardrails import Guardrails, TrafficRouting
from async_endpoint.emulator.hosting.provisioning import DeploymentFailed
from async_endpoint.emulator.hosting.variant import Variant
from async_endpoint.emulator.hosting.variant_set import VariantSet

# Between two looks at alarms and the time, in AWS seconds, and at most in real ones.
LOOK_SECONDS = 15.0
LONGEST_LOOK_SECONDS = 1.0
ROLLING_BACK_SECONDS = 30.0  # AWS seconds for which a rollback is seen at least


class EndpointDeleted(Exception):
    """The endpoint is being deleted: nobody needs this any more."""


class Rollout:
    """Called with the endpoint's lock `changed` held, which waiting lets go of; `over` says that the endpoint is deleted."""

    def __init__(
        self,
        guardrails: Guardrails,
        variant_set: VariantSet,
        region: str,
        clock: ScaledClock,
        changed: threading.Condition,
        over: Callable[[], bool],
    ) -> None:
        self._guardrails = guardrails
        self._variant_set = variant_set
        self._region = region
        self._clock = clock
        self._changed = changed
        self._over = over
        self._deadline = clock.now() + guardrails.longest
        self._before = {variant.name: variant.desired for variant in variant_set.live}
        self._rolling = guardrails.mode is TrafficRouting.ROLLING and bool(variant_set.live)
        self._totals: dict[str, int] = {}
        self._stages: list[dict[str, int]] = []  # by variant, how many of its new instances take traffic after each step

    def prepare(self, incoming: list[Variant]) -> None:
        """Until the new instances answer, those of the first batch at least. Raises DeploymentFailed, or Gone."""
        self._totals = {variant.name: variant.desired for variant in incoming}
        steps = {name: self._guardrails.stages(total) for name, total in self._totals.items()}
        for number in range(max(map(len, steps.values()))):
            self._stages.append({name: stages[min(number, len(stages) - 1)] for name, stages in steps.items()})
        for variant in incoming:
            variant.fleet.open = 0
        self._variant_set.incoming = incoming
        self._launch(self._stages[0])

    def shift(self) -> None:
        """Move the traffic, and end what had it. Raises DeploymentFailed, or Gone."""
        if self._variant_set.live:
            for number, stage in enumerate(self._stages):
                if self._rolling and number:
                    self._launch(stage)
                self._turn_on(stage)
                self._bake(self._guardrails.wait)
                if self._rolling:
                    self._end_old()
            self._bake(self._guardrails.termination_wait)
        self._variant_set.move_traffic()

    def back(self) -> bool:
        """All traffic to what had it before, and in a rolling update its instances too, batch by batch.

        Whether an instance of those died meanwhile. Raises Gone.
        """
        self._variant_set.forget_failures()
        if self._rolling:
            self._bring_back()
        for variant in self._variant_set.live:
            variant.fleet.open = variant.fleet.home = None
        self._variant_set.drop_incoming()
        until = self._clock.now() + ROLLING_BACK_SECONDS
        self._wait(lambda: self._variant_set.broken or self._clock.now() >= until, until, watched=False)
        self._wait(lambda: self._variant_set.broken or self._variant_set.restored, watched=False)
        return self._variant_set.broken

    def _bring_back(self) -> None:
        step = self._guardrails.rollback_step
        while short := [item for item in self._variant_set.live if item.desired < self._before[item.name]]:
            for variant in short:
                whole = self._before[variant.name]
                variant.fleet.scale(min(variant.desired + (step.of(whole) if step else whole), whole))
                variant.fleet.open = None
            self._changed.notify_all()
            self._wait(lambda: self._variant_set.broken or self._variant_set.settled, watched=False)
            if self._variant_set.broken:
                return

    def _launch(self, stage: dict[str, int]) -> None:
        """Until the new instances answer, in a rolling update so many of each variant."""
        self._variant_set.stage = "Creating"
        for variant in self._variant_set.incoming if self._rolling else ():
            variant.fleet.last_failure = ""
            variant.fleet.scale(stage[variant.name])
        self._changed.notify_all()
        self._wait(self._variant_set.check_incoming)

    def _turn_on(self, stage: dict[str, int]) -> None:
        self._variant_set.stage = "ActivatingTraffic"
        share = sum(stage.values()) / max(sum(self._totals.values()), 1)
        for variant in self._variant_set.incoming:
            variant.fleet.open = stage[variant.name]
        for variant in self._variant_set.live:
            variant.fleet.open = math.ceil(self._before[variant.name] * (1 - share))
        self._variant_set.share = share
        self._changed.notify_all()

    def _end_old(self) -> None:
        """Of a rolling update: the old instances that take no traffic any more go, after the batch's waiting time."""
        for variant in self._variant_set.live:
            variant.fleet.home = self._before[variant.name]
            variant.fleet.scale(variant.fleet.open or 0)
        self._changed.notify_all()

    def _bake(self, seconds: float) -> None:
        self._variant_set.stage = "Baking"
        until = self._clock.now() + seconds
        self._wait(lambda: self._clock.now() >= until, until)

    def _wait(self, done: Callable[[], bool], until: float = math.inf, watched: bool = True) -> None:
        while True:
            if self._over():
                raise EndpointDeleted
            if watched:
                self._look()
            if done():
                return
            left = self._clock.real(min(until, self._clock.now() + LOOK_SECONDS) - self._clock.now())
            self._changed.wait(max(min(left, LONGEST_LOOK_SECONDS), 0.001))

    def _look(self) -> None:
        """Raises DeploymentFailed for an alarm that is in ALARM, or when the update has taken too long; the words are ours."""
        for name in self._guardrails.alarms:
            if moto_backends.alarm_state(self._region, name) == "ALARM":
                raise DeploymentFailed(f"The deployment was rolled back: CloudWatch alarm {name} is in ALARM.")
        if self._clock.now() > self._deadline:
            longest = self._guardrails.longest
            raise DeploymentFailed(
                f"The deployment was rolled back: it took longer than its MaximumExecutionTimeoutInSeconds of {longest:.0f}."
            )

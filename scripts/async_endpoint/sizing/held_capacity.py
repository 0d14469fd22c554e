"""Holds an endpoint's variant at one instance for a while, and restores its bounds.

Each bound that is still the one of the hold is restored, to what it was before or to what scheduled actions have set since. A
bound that others set meanwhile stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from async_endpoint import signals
from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.sizing.deployed_settings import DIMENSION, described_parts
from async_endpoint.sizing.metric_history import newest_datapoint

Limits = tuple[int, int]  # MinCapacity and MaxCapacity


@dataclass
class HeldCapacity:
    """The scalable target of one variant. `on_event` receives lines of progress."""

    session: AwsSession
    outputs: AsyncEndpointOutputs
    on_event: Callable[[str], None]

    @property
    def resource(self) -> str:
        return self.outputs.scaling.resource_id

    def restoring_command(self) -> str | None:
        """The call of the AWS CLI that restores the bounds of now; None where a hold changes nothing."""
        before = self._bounds()
        return None if before in (None, (1, 1)) else self._command(before)

    @contextmanager
    def at_one(self) -> Iterator[None]:
        """Within the block the bounds are 1 and 1. Signals wait until they are restored; if that fails, an event says how."""
        before = self._bounds()
        if before in (None, (1, 1)):
            yield
            return
        actions, begun = list(described_parts(self.session, "ScheduledActions", self.resource)), self._now()
        self.on_event(f"held at one instance; bounds {before[0]} to {before[1]} are restored afterwards")
        try:
            self._set_bounds((1, 1))
            yield
        finally:
            with signals.deferred():
                self._restore(before, actions, begun)

    def _restore(self, before: Limits, actions: Sequence[dict[str, Any]], begun: float) -> None:
        wanted = before
        try:
            wanted = scheduled_bounds(before, actions, begun, self._now())
            found = self._bounds()
            if found is None:
                self.on_event(f"{self.resource} is no scalable target any more; its bounds were {before[0]} to {before[1]}")
                return
            low, high = (then if now == 1 else now for then, now in zip(wanted, found, strict=True))
            if (low, high) != found:
                self._set_bounds((min(low, high), high))
                self.on_event(f"bounds of {self.resource} are {min(low, high)} to {high} again")
        except BaseException:
            self.on_event(f"bounds of {self.resource} may still be 1 to 1; restore them with: {self._command(wanted)}")
            raise

    def _command(self, bounds: Limits) -> str:
        url = self.session.endpoint_url
        return (
            f"aws application-autoscaling register-scalable-target --service-namespace sagemaker --resource-id {self.resource} "
            f"--scalable-dimension {DIMENSION} --min-capacity {bounds[0]} --max-capacity {bounds[1]} "
            f"--region {self.session.region}" + (f" --endpoint-url {url}" if url else "")
        )

    def _now(self) -> float:
        """AWS's time in epoch seconds; that of a local AWS is the end of its newest minute."""
        now = time.time()
        return newest_datapoint(self.session, self.outputs.endpoint, now) + 60 if self.session.endpoint_url else now

    def _bounds(self) -> Limits | None:
        found = next(described_parts(self.session, "ScalableTargets", self.resource), None)
        return None if found is None else (int(found["MinCapacity"]), int(found["MaxCapacity"]))

    def _set_bounds(self, bounds: Limits) -> None:
        with translate_errors(self.session, "application-autoscaling:RegisterScalableTarget", self.resource):
            self.session.scaling.register_scalable_target(
                ServiceNamespace="sagemaker",
                ResourceId=self.resource,
                ScalableDimension=DIMENSION,
                MinCapacity=bounds[0],
                MaxCapacity=bounds[1],
            )


def scheduled_bounds(before: Limits, actions: Sequence[dict[str, Any]], begun: float, ended: float) -> Limits:
    """The bounds that `before` has become by the scheduled actions due after `begun`, up to `ended` (epoch seconds).

    `actions` are as DescribeScheduledActions returns them. One that would set a minimum above the maximum does nothing.
    """
    due = []
    for index, action in enumerate(actions):
        start, end, put = (
            None if action.get(name) is None else action[name].timestamp() for name in ("StartTime", "EndTime", "CreationTime")
        )
        schedule = parse_schedule(action["Schedule"], action.get("Timezone"), put or 0.0, start, end)
        moment = schedule.after(begun)
        while moment is not None and moment <= ended:
            due.append((moment, index))
            moment = schedule.after(moment)
    bounds = before
    for _, index in sorted(due):
        change = actions[index].get("ScalableTargetAction") or {}
        low, high = change.get("MinCapacity", bounds[0]), change.get("MaxCapacity", bounds[1])
        bounds = (low, high) if low <= high else bounds
    return bounds

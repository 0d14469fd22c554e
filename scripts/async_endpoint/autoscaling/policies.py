"""What one scaling policy makes of one metric value.

Sources: Application Auto Scaling user guide, "Target tracking scaling policies" and "Step scaling policies"; its API
reference for the defaults of SageMaker variants.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple, get_args

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.statistics import Statistic
from async_endpoint.core.errors import InvalidInput

AdjustmentType = Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]
Aggregation = Literal["Average", "Minimum", "Maximum"]

DEFAULT_COOLDOWN: Final = 300  # seconds, for SageMaker variants
SCALE_IN_FRACTION: Final = 0.9  # of the target, as in the alarms that AWS creates


class MetricId(NamedTuple):
    """A metric as CloudWatch knows it; dimensions as (name, value) pairs."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TargetTracking:
    """Keep `metric` at `target`; cooldowns in seconds. Raises InvalidInput unless the target is above zero."""

    name: str
    target: float
    metric: MetricId
    scale_in_cooldown: int = DEFAULT_COOLDOWN
    scale_out_cooldown: int = DEFAULT_COOLDOWN
    disable_scale_in: bool = False
    statistic: Statistic = "Average"

    def __post_init__(self) -> None:
        if not (self.target > 0 and math.isfinite(self.target)):
            raise InvalidInput(f"Target of scaling policy {self.name} is {self.target}; use a number above zero.")
        _check_cooldowns(self.name, self.scale_in_cooldown, self.scale_out_cooldown)


def tracking_alarms(policy: TargetTracking) -> tuple[AlarmRule, AlarmRule]:
    """The two alarms AWS creates: 3 minutes above the target, and 15 minutes below 90 % of it."""
    high = AlarmRule("GreaterThanThreshold", policy.target, 60, 3, 3, policy.statistic)
    low = AlarmRule("LessThanThreshold", policy.target * SCALE_IN_FRACTION, 60, 15, 15, policy.statistic)
    return high, low


def tracking_capacity(policy: TargetTracking, current: int, metric: float) -> int:
    """`current` x metric / target, rounded up: the capacity that brings a per-instance metric to its target.

    At zero instances the metric counts as one instance's. Inferred, not documented: AWS leaves zero by target tracking once the
    backlog exceeds the target, so the backlog per instance of no instances must be the backlog itself.
    """
    # Rounded first: 3 x 0.7 / 0.7 is 3.0000000000000004 and must not become 4.
    return max(0, math.ceil(round(max(current, 1) * metric / policy.target, 9)))


class Step(NamedTuple):
    """Bounds relative to the alarm's threshold, None for infinity; `adjustment` in instances or in percent."""

    lower: float | None
    upper: float | None
    adjustment: int


@dataclass(frozen=True)
class StepScaling:
    """Change capacity by how far an alarm is breached. Raises InvalidInput for steps that PutScalingPolicy refuses."""

    name: str
    adjustment_type: AdjustmentType
    steps: tuple[Step, ...]
    cooldown: int = DEFAULT_COOLDOWN
    min_adjustment_magnitude: int = 0
    metric_aggregation: Aggregation = "Average"

    def __post_init__(self) -> None:
        where = f"of scaling policy {self.name}"
        if self.adjustment_type not in get_args(AdjustmentType):
            allowed = ", ".join(get_args(AdjustmentType))
            raise InvalidInput(f"AdjustmentType {where} is {self.adjustment_type!r}; use one of {allowed}.")
        if self.metric_aggregation not in get_args(Aggregation):
            allowed = ", ".join(get_args(Aggregation))
            raise InvalidInput(f"MetricAggregationType {where} is {self.metric_aggregation!r}; use one of {allowed}.")
        _check_cooldowns(self.name, self.cooldown)
        _check_steps(where, self.steps)
        if self.adjustment_type == "ExactCapacity" and any(step.adjustment < 0 for step in self.steps):
            raise InvalidInput(f"A step {where} sets a capacity below zero; ExactCapacity needs 0 or more.")


def step_capacity(policy: StepScaling, current: int, breach: float) -> int:
    """The capacity after the step that `breach` (metric minus threshold) falls in; `current` when it falls in none.

    Above the threshold a lower bound is inclusive and an upper exclusive, below it the other way round; at it, either.
    """
    step = _step_at(policy.steps, breach)
    if step is None:
        return current
    if policy.adjustment_type == "ExactCapacity":
        return step.adjustment
    if policy.adjustment_type == "ChangeInCapacity":
        return max(0, current + step.adjustment)
    change = abs(current * step.adjustment / 100)
    # Documented rounding: toward zero, but never to zero.
    size = max(math.floor(round(change, 9)), 1 if change else 0, policy.min_adjustment_magnitude if step.adjustment else 0)
    return max(0, current + (size if step.adjustment > 0 else -size))


def _step_at(steps: Sequence[Step], breach: float) -> Step | None:
    for step in steps:
        if breach >= 0 and _low(step) <= breach < _high(step):
            return step
    for step in steps:
        if breach <= 0 and _low(step) < breach <= _high(step):
            return step
    return None


def _low(step: Step) -> float:
    return -math.inf if step.lower is None else step.lower


def _high(step: Step) -> float:
    return math.inf if step.upper is None else step.upper


def _check_steps(where: str, steps: Sequence[Step]) -> None:
    ordered = sorted(steps, key=_low)
    if not ordered:
        raise InvalidInput(f"StepAdjustments {where} are empty; give at least one step.")
    if any(_low(step) >= _high(step) or (step.lower is None and step.upper is None) for step in ordered):
        raise InvalidInput(
            f"A step {where} has no range; its upper bound must be above its lower one, and only one may be open."
        )
    if any(before.upper != after.lower for before, after in pairwise(ordered)):
        raise InvalidInput(f"The steps {where} overlap or leave a gap; each must start where another ends.")
    if -math.inf < _low(ordered[0]) < 0 or 0 < _high(ordered[-1]) < math.inf:
        raise InvalidInput(f"The steps {where} end too early; leave the outermost bound on each side of the threshold open.")


def _check_cooldowns(name: str, *seconds: int) -> None:
    if any(cooldown < 0 for cooldown in seconds):
        raise InvalidInput(f"A cooldown of scaling policy {name} is below zero; use 0 or more seconds.")

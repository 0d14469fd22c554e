"""Scaling policies: their configurations parsed, and the capacity that each computes from a metric value.

Sources: Application Auto Scaling user guide, "Target tracking scaling policies" and "Step scaling policies"; its API
reference for the defaults of SageMaker variants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, get_args

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.metric_math.queries import Queries, parse_queries
from async_endpoint.autoscaling.statistics import MetricId, Statistic
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput

AdjustmentType = Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]
Aggregation = Literal["Average", "Minimum", "Maximum"]

DEFAULT_COOLDOWN: Final = 300  # seconds, for SageMaker variants
SCALE_IN_FRACTION: Final = 0.9  # of the target, as in the alarms that AWS creates
INVOCATIONS_PER_INSTANCE: Final = "SageMakerVariantInvocationsPerInstance"
PROVISIONED_CONCURRENCY_UTILIZATION: Final = "SageMakerVariantProvisionedConcurrencyUtilization"


@dataclass(frozen=True)
class TargetTracking:
    """Keep `metric` at `target`; cooldowns in seconds. Raises InvalidInput unless the target is above zero.

    Metric math: the metric is the one query of several that is returned; `statistic` is then without effect.
    """

    name: str
    target: float
    metric: MetricId | Queries
    scale_in_cooldown: int = DEFAULT_COOLDOWN
    scale_out_cooldown: int = DEFAULT_COOLDOWN
    disable_scale_in: bool = False
    statistic: Statistic = "Average"
    unit: str | None = None

    def __post_init__(self) -> None:
        if not (self.target > 0 and math.isfinite(self.target)):
            raise InvalidInput(f"Target of scaling policy {self.name} is {self.target}; use a number above zero.")
        _check_cooldowns(self.name, self.scale_in_cooldown, self.scale_out_cooldown)


def parse_target_tracking(name: str, resource_id: str, config: Mapping[str, Any]) -> TargetTracking:
    """A policy from its TargetTrackingScalingPolicyConfiguration.

    Raises InvalidInput for metric math that cannot be evaluated, and for a predefined metric that no variant publishes.
    """
    metric, statistic = _tracked_metric(name, resource_id, config)
    return TargetTracking(
        name=name,
        target=float(config["TargetValue"]),
        metric=metric,
        scale_in_cooldown=config.get("ScaleInCooldown", DEFAULT_COOLDOWN),
        scale_out_cooldown=config.get("ScaleOutCooldown", DEFAULT_COOLDOWN),
        disable_scale_in=config.get("DisableScaleIn", False),
        statistic=statistic,
        unit=(config.get("CustomizedMetricSpecification") or {}).get("Unit"),
    )


def _tracked_metric(name: str, resource_id: str, config: Mapping[str, Any]) -> tuple[MetricId | Queries, Statistic]:
    """The metric and its statistic. Invocations per instance are the sum of a minute; the other statistic is A157."""
    custom, predefined = config.get("CustomizedMetricSpecification"), config.get("PredefinedMetricSpecification") or {}
    if custom and custom.get("Metrics"):
        return _tracked_math(name, custom), "Average"
    if custom and "MetricName" in custom:
        metric_id = MetricId.of(custom["Namespace"], custom["MetricName"], custom.get("Dimensions") or ())
        return metric_id, custom.get("Statistic", "Average")
    known: dict[str, tuple[m.Metric, Statistic]] = {
        INVOCATIONS_PER_INSTANCE: (m.INVOCATIONS_PER_INSTANCE, "Sum"),
        PROVISIONED_CONCURRENCY_UTILIZATION: (m.PROVISIONED_CONCURRENCY_UTILIZATION, "Maximum"),
    }
    if predefined.get("PredefinedMetricType") in known:
        _, endpoint, _, variant = resource_id.split("/")
        metric, statistic = known[predefined["PredefinedMetricType"]]
        return MetricId.of(m.NAMESPACE, metric.name, metric.dimensions(endpoint, variant)), statistic
    raise InvalidInput(
        f"Scaling policy {name} tracks a predefined metric that is not supported, or none; give a "
        f"CustomizedMetricSpecification, {INVOCATIONS_PER_INSTANCE} for a real-time endpoint, or "
        f"{PROVISIONED_CONCURRENCY_UTILIZATION} for a serverless one."
    )


def _tracked_math(name: str, custom: Mapping[str, Any]) -> Queries:
    """The queries of a CustomizedMetricSpecification with Metrics, by the minute (its structures have no period)."""
    if "MetricName" in custom:
        raise InvalidInput(f"Scaling policy {name} has both MetricName and Metrics; give one of them.")
    structures = [
        dict(item) | ({"MetricStat": {"Period": 60, **item["MetricStat"]}} if item.get("MetricStat") else {})
        for item in custom["Metrics"]
    ]
    queries = parse_queries(structures, "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification.Metrics")
    queries.check_alarm()
    return queries


def tracking_alarms(policy: TargetTracking) -> tuple[AlarmRule, AlarmRule]:
    """The alarms (high, low) that AWS creates: 3 minutes above the target, 15 minutes below 90 % of it."""
    high = AlarmRule("GreaterThanThreshold", policy.target, 60, 3, 3, policy.statistic)
    low = AlarmRule("LessThanThreshold", policy.target * SCALE_IN_FRACTION, 60, 15, 15, policy.statistic)
    return high, low


def tracking_capacity(policy: TargetTracking, current: int, metric: float) -> int:
    """`current` x metric / target, rounded up: the capacity that brings a per-instance metric to its target.

    At zero instances the metric counts as one instance's. Inferred (A171): AWS leaves zero by target tracking once the
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
    """Change capacity by the size of an alarm's breach. Raises InvalidInput for steps that PutScalingPolicy refuses."""

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


def parse_step_scaling(name: str, config: Mapping[str, Any]) -> StepScaling:
    """A policy from its StepScalingPolicyConfiguration; raises InvalidInput for steps that PutScalingPolicy refuses."""
    return StepScaling(
        name=name,
        adjustment_type=config["AdjustmentType"],
        steps=tuple(
            Step(step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound"), int(step["ScalingAdjustment"]))
            for step in config["StepAdjustments"]
        ),
        cooldown=int(config.get("Cooldown", DEFAULT_COOLDOWN)),
        min_adjustment_magnitude=int(config.get("MinAdjustmentMagnitude", 0)),
        metric_aggregation=config.get("MetricAggregationType", "Average"),
    )


def step_capacity(policy: StepScaling, current: int, breach: float) -> int:
    """The capacity after the step that `breach` (metric minus threshold) falls in; `current` if it falls in none.

    Above the threshold, lower bounds are inclusive and upper bounds exclusive; below it, the reverse; at it, both are.
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

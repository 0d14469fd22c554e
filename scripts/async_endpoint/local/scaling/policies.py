"""The scaling policies that Application Auto Scaling holds, as autoscaling/ reads them."""

from __future__ import annotations

from typing import Any

from async_endpoint.autoscaling.policies import Step, StepScaling, TargetTracking
from async_endpoint.contract.errors import InvalidInput
from async_endpoint.local.scaling.samples import metric_id

DEFAULT_COOLDOWN_SECONDS = 300  # of SageMaker variants, where the policy names none


def read_tracking(name: str, config: dict[str, Any]) -> TargetTracking:
    """A target tracking configuration; raises InvalidInput for a predefined metric, which async endpoints never publish."""
    custom = config.get("CustomizedMetricSpecification")
    if not custom or "MetricName" not in custom:
        raise InvalidInput(
            f"Scaling policy {name} tracks a predefined metric or metric math; asynchronous endpoints publish neither: give a "
            "CustomizedMetricSpecification on ApproximateBacklogSizePerInstance."
        )
    return TargetTracking(
        name=name,
        target=float(config["TargetValue"]),
        metric=metric_id(custom["Namespace"], custom["MetricName"], custom.get("Dimensions") or ()),
        scale_in_cooldown=config.get("ScaleInCooldown", DEFAULT_COOLDOWN_SECONDS),
        scale_out_cooldown=config.get("ScaleOutCooldown", DEFAULT_COOLDOWN_SECONDS),
        disable_scale_in=config.get("DisableScaleIn", False),
        statistic=custom.get("Statistic", "Average"),
    )


def read_steps(name: str, config: dict[str, Any]) -> StepScaling:
    """A step scaling configuration; raises InvalidInput when its steps do not fit together."""
    return StepScaling(
        name=name,
        adjustment_type=config["AdjustmentType"],
        steps=tuple(
            Step(step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound"), int(step["ScalingAdjustment"]))
            for step in config["StepAdjustments"]
        ),
        cooldown=int(config.get("Cooldown", DEFAULT_COOLDOWN_SECONDS)),
        min_adjustment_magnitude=int(config.get("MinAdjustmentMagnitude", 0)),
        metric_aggregation=config.get("MetricAggregationType", "Average"),
    )

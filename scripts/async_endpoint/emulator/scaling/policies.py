"""The scaling policies that Application Auto Scaling holds, as autoscaling/ reads them."""

from __future__ import annotations

from typing import Any

from async_endpoint.autoscaling.policies import MetricId, Step, StepScaling, TargetTracking
from async_endpoint.autoscaling.statistics import Statistic
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.metric_store import metric_id

PREDEFINED = "SageMakerVariantInvocationsPerInstance"
OF_PROVISIONED = "SageMakerVariantProvisionedConcurrencyUtilization"
DEFAULT_COOLDOWN_SECONDS = 300  # of SageMaker variants, where the policy names none


def read_tracking(name: str, resource_id: str, config: dict[str, Any]) -> TargetTracking:
    """A target tracking configuration; raises InvalidInput for metric math and for predefined metrics nobody publishes here."""
    metric, statistic = _tracked(name, resource_id, config)
    return TargetTracking(
        name=name,
        target=float(config["TargetValue"]),
        metric=metric,
        scale_in_cooldown=config.get("ScaleInCooldown", DEFAULT_COOLDOWN_SECONDS),
        scale_out_cooldown=config.get("ScaleOutCooldown", DEFAULT_COOLDOWN_SECONDS),
        disable_scale_in=config.get("DisableScaleIn", False),
        statistic=statistic,
    )


def _tracked(name: str, resource_id: str, config: dict[str, Any]) -> tuple[MetricId, Statistic]:
    """The metric, and how it is aggregated: of the predefined ones invocations per instance are the sum of a minute."""
    custom, predefined = config.get("CustomizedMetricSpecification"), config.get("PredefinedMetricSpecification") or {}
    if custom and "MetricName" in custom:
        found = metric_id(custom["Namespace"], custom["MetricName"], custom.get("Dimensions") or ())
        return found, custom.get("Statistic", "Average")
    known: dict[str, tuple[m.Metric, Statistic]] = {
        PREDEFINED: (m.INVOCATIONS_PER_INSTANCE, "Sum"),
        OF_PROVISIONED: (m.PROVISIONED_CONCURRENCY_UTILIZATION, "Maximum"),  # the statistic is our reading
    }
    if predefined.get("PredefinedMetricType") in known:
        _, endpoint, _, variant = resource_id.split("/")
        metric, statistic = known[predefined["PredefinedMetricType"]]
        return metric_id(m.NAMESPACE, metric.name, metric.dimensions(endpoint, variant)), statistic
    raise InvalidInput(
        f"Scaling policy {name} tracks metric math, or a predefined metric that the local AWS does not publish; give a "
        f"CustomizedMetricSpecification with a MetricName, {PREDEFINED} for a real-time endpoint, or {OF_PROVISIONED} for a "
        "serverless one."
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

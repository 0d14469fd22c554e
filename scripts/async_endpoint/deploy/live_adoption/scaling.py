"""Scaling of one variant of a live endpoint: its target, policies, scheduled actions, and the alarms of step policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.metrics import (
    APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE,
    HAS_BACKLOG_WITHOUT_CAPACITY,
)
from async_endpoint.deploy.live_adoption.resources import LiveResource

_NAMESPACE: Final = "sagemaker"
_COUNT: Final = "sagemaker:variant:DesiredInstanceCount"
_COOLDOWN: Final = 300  # seconds, TargetTrackingScalingPolicyConfiguration: of a scalable target of SageMaker

# Target of module endpoint by what a target tracking policy measures: a predefined metric, or namespace and name of a
# customized one.
TARGETS: Final = {
    "SageMakerVariantInvocationsPerInstance": "invocations_per_instance",
    "SageMakerVariantProvisionedConcurrencyUtilization": "provisioned_concurrency_utilization",
    f"AWS/SageMaker {APPROXIMATE_BACKLOG_SIZE_PER_INSTANCE.name}": "backlog_per_instance",
    "/aws/sagemaker/Endpoints CPUUtilization": "cpu_percent",
    "/aws/sagemaker/Endpoints GPUUtilization": "gpu_percent",
}


@dataclass(frozen=True)
class TrackingPolicy:
    """A target tracking policy. `target` is module endpoint's name of what it tracks, None for a metric that it does not track.

    `value` is the target in the metric's own unit, cooldowns are in seconds, None where AWS's default of 300 applies.
    """

    resource: LiveResource
    target: str | None
    metric: str
    value: float
    scale_in_seconds: int | None
    scale_out_seconds: int | None
    keeps_instances: bool  # DisableScaleIn

    @property
    def cooldowns(self) -> tuple[int, int]:
        """Those that apply, for scaling in and out, in seconds."""
        scale_in = _COOLDOWN if self.scale_in_seconds is None else self.scale_in_seconds
        return scale_in, _COOLDOWN if self.scale_out_seconds is None else self.scale_out_seconds


@dataclass(frozen=True)
class StepPolicy:
    """A step policy and the alarms that trigger it. `wakes` says that it starts the first instance, as the module's does."""

    resource: LiveResource
    alarms: tuple[LiveResource, ...]
    cooldown_seconds: int | None
    wakes: bool


@dataclass(frozen=True)
class VariantScaling:
    """`bounds` are the least and the most instances (or provisioned concurrency)."""

    variant: str
    target: LiveResource
    bounds: tuple[int, int]
    tracking: tuple[TrackingPolicy, ...]
    steps: tuple[StepPolicy, ...]
    scheduled: tuple[LiveResource, ...]

    @property
    def wake(self) -> StepPolicy | None:
        return next((one for one in self.steps if one.wakes), None)

    @property
    def suspended(self) -> list[str]:
        """The kinds of scaling that are suspended, by their names in SuspendedState."""
        return sorted(name for name, is_suspended in (self.target.details.get("SuspendedState") or {}).items() if is_suspended)

    @property
    def resources(self) -> list[LiveResource]:
        alarms = {alarm.name: alarm for step in self.steps for alarm in step.alarms}
        policies = [*(one.resource for one in self.tracking), *(one.resource for one in self.steps)]
        return [self.target, *policies, *alarms.values(), *self.scheduled]


def variant_scaling(aws: AwsSession, endpoint: str, variant: str) -> VariantScaling | None:
    """Scaling of a variant; None where no scalable target is registered."""
    resource_id = f"endpoint/{endpoint}/variant/{variant}"
    asked = {"ServiceNamespace": _NAMESPACE, "ResourceIds": [resource_id]}
    found = aws.scaling.describe_scalable_targets(**asked)["ScalableTargets"]
    if not found:
        return None
    target, named = found[0], {"ServiceNamespace": _NAMESPACE, "ResourceId": resource_id}
    policies = list(_pages(aws, "describe_scaling_policies", "ScalingPolicies", named))
    actions = list(_pages(aws, "describe_scheduled_actions", "ScheduledActions", named))
    return VariantScaling(
        variant,
        _target(aws, target),
        (int(target["MinCapacity"]), int(target["MaxCapacity"])),
        tuple(_tracking(one) for one in policies if one["PolicyType"] == "TargetTrackingScaling"),
        tuple(_step(aws, one) for one in policies if one["PolicyType"] == "StepScaling"),
        tuple(_action(one) for one in actions),
    )


def _pages(aws: AwsSession, operation: str, member: str, named: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for page in aws.scaling.get_paginator(operation).paginate(**named):
        yield from page[member]


def _target(aws: AwsSession, target: Mapping[str, Any]) -> LiveResource:
    resource_id, dimension = str(target["ResourceId"]), str(target["ScalableDimension"])
    arn = str(target.get("ScalableTargetARN", ""))
    tags = aws.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] if arn else {}
    physical = f"{resource_id}|{dimension}|{_NAMESPACE}"  # template reference of the scalable target, "Ref"
    import_id = f"{_NAMESPACE}/{resource_id}/{dimension}"
    return LiveResource("aws_appautoscaling_target", resource_id, import_id, physical, arn, tags, target)


def _below_target(kind: str, name: str, one: Mapping[str, Any], arn: str) -> LiveResource:
    """A policy or a scheduled action, which the provider imports by its target and its name."""
    import_id = "/".join((_NAMESPACE, str(one["ResourceId"]), str(one["ScalableDimension"]), name))
    return LiveResource(kind, name, import_id, arn, arn, {}, one)


def _tracking(policy: Mapping[str, Any]) -> TrackingPolicy:
    settings = policy["TargetTrackingScalingPolicyConfiguration"]
    metric = _metric(settings)
    return TrackingPolicy(
        _below_target("aws_appautoscaling_policy", str(policy["PolicyName"]), policy, str(policy["PolicyARN"])),
        TARGETS.get(metric) if _is_plain(settings) else None,
        metric,
        float(settings["TargetValue"]),
        settings.get("ScaleInCooldown"),
        settings.get("ScaleOutCooldown"),
        bool(settings.get("DisableScaleIn")),
    )


def _metric(settings: Mapping[str, Any]) -> str:
    predefined = settings.get("PredefinedMetricSpecification")
    if predefined:
        return str(predefined["PredefinedMetricType"])
    custom = settings.get("CustomizedMetricSpecification") or {}
    return f"{custom['Namespace']} {custom['MetricName']}" if custom.get("MetricName") else "metric math"


def _is_plain(settings: Mapping[str, Any]) -> bool:
    """Whether a customized metric is averaged over the endpoint, or over one variant, as module endpoint's is."""
    custom = settings.get("CustomizedMetricSpecification") or {}
    return not custom or custom.get("Statistic", "Average") == "Average"


def _step(aws: AwsSession, policy: Mapping[str, Any]) -> StepPolicy:
    alarms = tuple(_alarms(aws, str(policy["PolicyARN"])))
    settings = policy["StepScalingPolicyConfiguration"]
    watched = {alarm.details.get("MetricName") for alarm in alarms}
    return StepPolicy(
        _below_target("aws_appautoscaling_policy", str(policy["PolicyName"]), policy, str(policy["PolicyARN"])),
        alarms,
        settings.get("Cooldown"),
        wakes=HAS_BACKLOG_WITHOUT_CAPACITY.name in watched,
    )


def _alarms(aws: AwsSession, policy: str) -> Iterator[LiveResource]:
    """The alarms that trigger a policy."""
    pages = aws.cloudwatch.get_paginator("describe_alarms").paginate(ActionPrefix=policy)
    for alarm in (one for page in pages for one in page["MetricAlarms"]):
        name, arn = str(alarm["AlarmName"]), str(alarm["AlarmArn"])
        tags = {tag["Key"]: tag["Value"] for tag in aws.cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]}
        yield LiveResource("aws_cloudwatch_metric_alarm", name, name, name, arn, tags, alarm)


def _action(action: Mapping[str, Any]) -> LiveResource:
    arn = str(action["ScheduledActionARN"])
    return _below_target("aws_appautoscaling_scheduled_action", str(action["ScheduledActionName"]), action, arn)

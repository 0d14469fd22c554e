"""Endpoints as SageMaker, Application Auto Scaling and CloudWatch describe them, with what modules/endpoint deploys."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from async_endpoint.aws import AwsSession
from support.metric_store import FakeMetrics

ACTIVE = datetime(2026, 11, 30, 12, tzinfo=UTC)

NAME, VARIANT = "shop", "primary"
RESOURCE = f"endpoint/{NAME}/variant/{VARIANT}"
WAKE_ARN = f"arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:resource/sagemaker/{RESOURCE}:policyName/wake"
ENDPOINT_DIMENSION = [{"Name": "EndpointName", "Value": NAME}]


def target(**changes: Any) -> dict[str, Any]:
    return {"ResourceId": RESOURCE, "MinCapacity": 0, "MaxCapacity": 2, "SuspendedState": {}} | changes


def tracking(**metric: Any) -> dict[str, Any]:
    """The target tracking policy, with changes of its metric's specification."""
    specification = {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Statistic": "Average",
        "Dimensions": ENDPOINT_DIMENSION,
    }
    return {
        "PolicyName": "tracking",
        "PolicyARN": "arn:tracking",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 5.0,
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 120,
            "CustomizedMetricSpecification": specification | metric,
        },
    }


def wake() -> dict[str, Any]:
    return {
        "PolicyName": "wake",
        "PolicyARN": WAKE_ARN,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
            "Cooldown": 240,
            "MetricAggregationType": "Average",
        },
    }


def wake_alarm(**changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": "wake-alarm",
        "AlarmActions": [WAKE_ARN],
        "ActionsEnabled": True,
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": ENDPOINT_DIMENSION,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "Period": 60,
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
        "Statistic": "Average",
        "TreatMissingData": "missing",
    } | changes


def capacity_activity(minute: int, desired: int, seconds: float | None, *, status: str = "Successful") -> dict[str, Any]:
    """A scaling activity that began `minute` minutes after ACTIVE and took so many seconds."""
    begun = ACTIVE + timedelta(minutes=minute)
    return {
        "StartTime": begun,
        "StatusCode": status,
        "Description": f"Setting desired instance count to {desired}.",
        "Cause": "monitor alarm a in state ALARM triggered policy p",
    } | ({} if seconds is None else {"EndTime": begun + timedelta(seconds=seconds)})


@dataclass
class DescribedAws:
    """The calls that read an endpoint's settings, activities and metrics; lists come one item a page. Nothing is written."""

    instances: int = 1
    created: datetime = ACTIVE - timedelta(days=90)
    config: dict[str, Any] = field(default_factory=lambda: {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4}})
    targets: list[dict[str, Any]] = field(default_factory=lambda: [target()])
    policies: list[dict[str, Any]] = field(default_factory=lambda: [tracking(), wake()])
    alarms: list[dict[str, Any]] = field(default_factory=lambda: [wake_alarm(AlarmName="x", AlarmActions=[]), wake_alarm()])
    actions: list[dict[str, Any]] = field(default_factory=list)
    activities: list[dict[str, Any]] = field(default_factory=list)
    metrics: FakeMetrics = field(default_factory=lambda: FakeMetrics({}))
    calls: list[str] = field(default_factory=list)

    def session(self, region: str = "eu-west-1") -> AwsSession:
        variant = {"VariantName": VARIANT, "CurrentInstanceCount": self.instances, "DesiredInstanceCount": self.instances}
        endpoint = {"EndpointStatus": "InService", "EndpointConfigName": f"{NAME}-1", "ProductionVariants": [variant]}
        endpoint["CreationTime"] = self.created
        configured = {"VariantName": VARIANT, "InstanceType": "ml.m5.xlarge"}
        config = {"ProductionVariants": [configured], "AsyncInferenceConfig": self.config, "CreationTime": ACTIVE}
        services: dict[str, Any] = {
            "sagemaker": SimpleNamespace(
                describe_endpoint=lambda EndpointName: endpoint, describe_endpoint_config=lambda EndpointConfigName: config
            ),
            "application-autoscaling": SimpleNamespace(
                describe_scalable_targets=self._pages("ScalableTargets", self.targets),
                describe_scaling_policies=self._pages("ScalingPolicies", self.policies),
                describe_scheduled_actions=self._pages("ScheduledActions", self.actions),
                describe_scaling_activities=self._pages("ScalingActivities", self.activities[::-1]),
            ),
            "cloudwatch": SimpleNamespace(
                describe_alarms=self._pages("MetricAlarms", self.alarms), get_metric_data=self.metrics.get_metric_data
            ),
        }
        return AwsSession(services.__getitem__, region)

    def _pages(self, member: str, items: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def page(NextToken: str = "0", **_: Any) -> dict[str, Any]:
            self.calls.append(member)
            number = int(NextToken)
            return {member: items[number : number + 1]} | ({"NextToken": str(number + 1)} if number + 1 < len(items) else {})

        return page

"""Alarms of target tracking policies, and updates that keep a policy's ARN. moto has neither for SageMaker variants."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.moto_api._internal import mock_random

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.policies import TargetTracking, parse_target_tracking, tracking_alarms
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.moto_backends import DIMENSIONS
from async_endpoint.emulator.moto_patches.application_autoscaling import (
    ApplicationAutoscalingBackend,
    FakeApplicationAutoscalingPolicy,
)
from async_endpoint.emulator.moto_patches.scalable_target import check_registered

_put = ApplicationAutoscalingBackend.put_scaling_policy


def _put_scaling_policy(self: ApplicationAutoscalingBackend, **request: Any) -> FakeApplicationAutoscalingPolicy:
    names = ("service_namespace", "resource_id", "scalable_dimension", "policy_name")
    key = FakeApplicationAutoscalingPolicy.formulate_key(*(request[name] for name in names))
    check_registered(self, request["service_namespace"], request["resource_id"], request["scalable_dimension"])
    before = self.policies.get(key)
    policy = _put(self, **request)
    if before is not None:
        before.delete_alarms(self.account_id, self.region_name)
        policy.policy_arn, policy.creation_time = before.policy_arn, before.creation_time
    if policy.scalable_dimension in DIMENSIONS and policy.policy_type == "TargetTrackingScaling":
        policy.alarms = _alarms(policy)
    return policy


def _alarms(policy: FakeApplicationAutoscalingPolicy) -> list[Any]:
    try:
        tracking = parse_target_tracking(policy.policy_name, policy.resource_id, policy._policy_body)
    except InvalidInput:  # stored, as on AWS, and never acts
        return []
    high, low = tracking_alarms(tracking)
    return [_alarm(policy, tracking, "AlarmHigh", high), _alarm(policy, tracking, "AlarmLow", low)]


def _alarm(policy: FakeApplicationAutoscalingPolicy, tracking: TargetTracking, word: str, rule: AlarmRule) -> Any:
    return cloudwatch_backends[policy.account_id][policy.region_name].put_metric_alarm(
        name=f"TargetTracking-{policy.resource_id}-{word}-{mock_random.uuid4()}",
        namespace=tracking.metric.namespace,
        metric_name=tracking.metric.name,
        comparison_operator=rule.comparison,
        evaluation_periods=rule.evaluation_periods,
        period=rule.period,
        threshold=rule.threshold,
        statistic=rule.statistic,
        description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.policy_arn}.",
        dimensions=[{"Name": name, "Value": value} for name, value in tracking.metric.dimensions],
        alarm_actions=[policy.policy_arn],
    )


def apply() -> None:
    ApplicationAutoscalingBackend.put_scaling_policy = _put_scaling_policy

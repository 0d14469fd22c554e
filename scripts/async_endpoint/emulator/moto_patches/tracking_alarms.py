"""Alarms of target tracking policies, and updates that keep a policy's ARN. moto has neither for SageMaker variants.

Policies that could not act here, such as those of an unknown predefined metric, are refused, where moto stores anything.
"""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import Dimension, Metric, MetricDataQuery, MetricStat, cloudwatch_backends
from moto.moto_api._internal import mock_random

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.metric_math.queries import MetricQuery, Query
from async_endpoint.autoscaling.policies import TargetTracking, parse_step_scaling, parse_target_tracking, tracking_alarms
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.moto_backends import DIMENSIONS
from async_endpoint.emulator.moto_patches.application_autoscaling import (
    ApplicationAutoscalingBackend,
    AWSValidationException,
    FakeApplicationAutoscalingPolicy,
)
from async_endpoint.emulator.moto_patches.scalable_target import check_registered

_put = ApplicationAutoscalingBackend.put_scaling_policy


def _put_scaling_policy(self: ApplicationAutoscalingBackend, **request: Any) -> FakeApplicationAutoscalingPolicy:
    names = ("service_namespace", "resource_id", "scalable_dimension", "policy_name")
    key = FakeApplicationAutoscalingPolicy.formulate_key(*(request[name] for name in names))
    check_registered(self, request["service_namespace"], request["resource_id"], request["scalable_dimension"])
    before = self.policies.get(key)
    tracking = _parsed(request, before)
    policy = _put(self, **request)
    if before is not None:
        before.delete_alarms(self.account_id, self.region_name)
        policy.policy_arn, policy.creation_time = before.policy_arn, before.creation_time
    if tracking is not None:
        high, low = tracking_alarms(tracking)
        policy.alarms = [_alarm(policy, tracking, "AlarmHigh", high), _alarm(policy, tracking, "AlarmLow", low)]
    return policy


def _parsed(request: dict[str, Any], before: FakeApplicationAutoscalingPolicy | None) -> TargetTracking | None:
    """The target tracking that a policy of a variant asks for; None for step scaling and for other services.

    Raises AWSValidationException for a policy that could not act here.
    """
    if request["scalable_dimension"] not in DIMENSIONS:
        return None
    name, kind = request["policy_name"], request["policy_type"] or (before and before.policy_type)
    body = request["policy_body"] or (before and before._policy_body)
    if kind not in ("StepScaling", "TargetTrackingScaling") or not body:
        raise AWSValidationException(
            f"Scaling policy {name} has type {kind} and {'a' if body else 'no'} configuration; the local AWS scales variants "
            "by StepScaling and TargetTrackingScaling."
        )
    try:
        if kind == "StepScaling":
            parse_step_scaling(name, body)
            return None
        return parse_target_tracking(name, request["resource_id"], body)
    except InvalidInput as error:
        raise AWSValidationException(str(error)) from error


def _alarm(policy: FakeApplicationAutoscalingPolicy, tracking: TargetTracking, word: str, rule: AlarmRule) -> Any:
    return cloudwatch_backends[policy.account_id][policy.region_name].put_metric_alarm(
        name=f"TargetTracking-{policy.resource_id}-{word}-{mock_random.uuid4()}",
        comparison_operator=rule.comparison,
        evaluation_periods=rule.evaluation_periods,
        threshold=rule.threshold,
        description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.policy_arn}.",
        alarm_actions=[policy.policy_arn],
        **_watched(tracking, rule),
    )


def _watched(tracking: TargetTracking, rule: AlarmRule) -> dict[str, Any]:
    """The members of an alarm, by moto's names, for the metric or the metric math of a policy."""
    if isinstance(tracking.metric, MetricId):
        return {
            "namespace": tracking.metric.namespace,
            "metric_name": tracking.metric.name,
            "dimensions": [{"Name": name, "Value": value} for name, value in tracking.metric.dimensions],
            "period": rule.period,
            "statistic": rule.statistic,
            "unit": tracking.unit,
        }
    unwatched = dict.fromkeys(("namespace", "metric_name", "period", "statistic"))
    return {**unwatched, "dimensions": [], "metric_data_queries": [_query(query) for query in tracking.metric.all]}


def _query(query: Query) -> MetricDataQuery:
    source = query.source
    if not isinstance(source, MetricQuery):
        return MetricDataQuery(query.id, query.label, source.period, query.returned, source.text)
    dimensions = [Dimension(name, value) for name, value in source.metric.dimensions]
    metric = Metric(source.metric.name, source.metric.namespace, dimensions)
    stat = MetricStat(metric, source.period, source.statistic, source.unit)
    return MetricDataQuery(query.id, query.label, None, query.returned, None, stat)


def apply() -> None:
    ApplicationAutoscalingBackend.put_scaling_policy = _put_scaling_policy

"""An AWS that scales otherwise, or measures otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from async_endpoint.autoscaling import policies
from async_endpoint.autoscaling.metric_math import values
from async_endpoint.core import metrics as m
from async_endpoint.emulator.emulator import Emulator
from async_endpoint.emulator.moto_patches import metric_store
from async_endpoint.emulator.scaling import scalable_targets
from async_endpoint.emulator.scaling.scalable_targets import ScalableTargets
from support.deviating_aws import Answer, answering, deviation


@deviation("tags_of_a_target")
def registering_again_removes_tags(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """RegisterScalableTarget without Tags removes the tags of an existing target."""
    registered: list[int] = []

    def count(answer: Answer, request: bytes) -> Answer:
        if b"SuspendedState" in request:
            registered.append(1)
        return answer

    def forget(answer: Answer, _: bytes) -> Answer:
        return answer.sub(r'"Tags": *\{[^}]*\}', '"Tags": {}') if registered else answer

    answering(patch, aws, "application-autoscaling", "RegisterScalableTarget", count)
    answering(patch, aws, "application-autoscaling", "ListTagsForResource", forget)


@deviation("alarms_of_target_tracking")
def scaling_in_has_another_threshold(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """The alarm for scaling in has a threshold of 85 % of the target."""
    patch.setattr(policies, "SCALE_IN_FRACTION", 0.85)


@deviation("capacity_outside_the_bounds")
def bounds_bind_policies_alone(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A capacity outside the bounds stays until a policy acts."""
    decide = ScalableTargets._decide

    def changed(self: ScalableTargets, endpoint: Any, variant: Any, *rest: Any) -> None:
        if scalable_targets.moto_backends.scaling_policies(endpoint.region, variant.resource_id):
            decide(self, endpoint, variant, *rest)

    patch.setattr(ScalableTargets, "_decide", changed)


@deviation("scheduled_actions")
def missed_actions_run_later(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An action whose time passed while scheduled scaling was suspended runs when it is resumed."""
    run = scalable_targets._run_scheduled_actions
    patch.setattr(
        scalable_targets,
        "_run_scheduled_actions",
        lambda region, resource, target, begin, end: run(region, resource, target, begin - 600, end),
    )


@deviation("wake_and_sleep")
def idle_endpoints_publish_no_backlog(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """HasBacklogWithoutCapacity has no datapoints while there is no backlog."""

    statistics = metric_store.metric_statistics

    def changed(reader: Any, request: Any) -> list[dict[str, Any]]:
        return [] if request["MetricName"] == "HasBacklogWithoutCapacity" else statistics(reader, request)

    patch.setattr(metric_store, "metric_statistics", changed)


@deviation("percentiles")
def percentiles_are_interpolated(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """A percentile lies between two values."""
    statistics = metric_store.metric_statistics

    def changed(reader: Any, request: Any) -> list[dict[str, Any]]:
        points = statistics(reader, request)
        for point in points:
            for name in point.get("ExtendedStatistics", ()):
                point["ExtendedStatistics"][name] += 0.5
        return points

    patch.setattr(metric_store, "metric_statistics", changed)


@deviation("alarms_that_can_never_be_evaluated")
def every_alarm_is_accepted(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """PutMetricAlarm accepts alarms that could never be evaluated."""

    def accept(answer: Answer, _: bytes) -> Answer:
        return answer if answer.status.startswith("2") else replace(answer, status="200 OK", body=_ACCEPTED)

    answering(patch, aws, "cloudwatch", "PutMetricAlarm", accept)


@deviation("alarm_out_of_reach")
def alarms_keep_their_state(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An alarm in ALARM keeps that state when its threshold changes."""

    def keep(answer: Answer, _: bytes) -> Answer:
        return answer.sub(r"\b(OK|INSUFFICIENT_DATA)\b", "ALARM") if b"1000000000" in answer.body else answer

    answering(patch, aws, "cloudwatch", "DescribeAlarms", keep)


@deviation("activity_of_a_deregistered_target")
def activities_outlive_their_target(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An activity whose target is deregistered stays in progress."""
    patch.setattr(ScalableTargets, "fail_activities_of", lambda *_: None)
    patch.setattr(ScalableTargets, "fail_orphaned_activities", lambda *_: None)


_ACCEPTED = b'<PutMetricAlarmResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"/>'


@deviation("metrics_by_configuration")
def metrics_name_no_configuration(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """Metrics of asynchronous endpoints have no dimension EndpointConfigName."""
    dimensions = m.Metric.dimensions

    def changed(self: m.Metric, endpoint: str, variant: str, config: str = "") -> list[dict[str, str]]:
        return dimensions(self, endpoint, variant, "another" if config else "")

    patch.setattr(m.Metric, "dimensions", changed)


@deviation("metric_math")
def missing_values_have_no_result(patch: pytest.MonkeyPatch, aws: Emulator) -> None:
    """An operation of a value and a missing one has no result."""
    pointwise = values._pointwise

    def changed(symbol: str, left: Any, right: Any) -> values.Series:
        found = pointwise(symbol, left, right)
        sides = [side.values for side in (left, right) if isinstance(side, values.Series)]
        return replace(
            found, values=tuple(None if None in row else point for point, *row in zip(found.values, *sides, strict=True))
        )

    patch.setattr(values, "_pointwise", changed)

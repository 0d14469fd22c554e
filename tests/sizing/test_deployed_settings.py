"""The settings and start times of a live endpoint, as AWS describes it over several pages."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.autoscaling.decisions import Bounds
from async_endpoint.capacity.settings import Stepped, Tracked
from async_endpoint.core.errors import UsageError
from async_endpoint.sizing.deployed_settings import deployed_settings
from async_endpoint.sizing.scaling_activities import capacity_changes, start_seconds
from support.described_endpoints import NAME, RESOURCE, DescribedAws, capacity_activity, target, tracking, wake


def test_policies_of_every_page_with_the_alarms_that_name_them() -> None:
    aws = DescribedAws(instances=2)
    found = deployed_settings(aws.session(), NAME, 900)
    assert [type(one) for one in found.settings.policies] == [Tracked, Stepped]
    assert (found.settings.instance_type, found.settings.concurrency) == ("ml.m5.xlarge", 4)
    assert (found.settings.bounds, found.settings.initial, found.settings.request_ttl_seconds) == (Bounds(0, 2), 2, 900)
    assert found.notes == ()
    assert aws.calls.count("MetricAlarms") == 2


def test_suspended_scaling_is_reported() -> None:
    aws = DescribedAws(targets=[target(SuspendedState={"DynamicScalingOutSuspended": True})])
    [note] = deployed_settings(aws.session(), NAME).notes
    assert "Scaling of endpoint/shop/variant/primary is suspended (scale-out)" in note


def test_an_endpoint_without_scaling_has_fixed_instances() -> None:
    found = deployed_settings(DescribedAws(instances=3, targets=[], policies=[]).session(), NAME)
    assert (found.settings.bounds, found.settings.policies) == (Bounds(3, 3), ())


def test_other_kinds_of_endpoints_are_refused() -> None:
    with pytest.raises(UsageError, match="Endpoint shop is not asynchronous"):
        deployed_settings(DescribedAws(config={}).session(), NAME)


def test_starts_are_those_of_scale_outs_that_ended() -> None:
    aws = DescribedAws(
        activities=[
            capacity_activity(0, 1, 999),  # what there was before it is not known
            capacity_activity(10, 0, 30),
            capacity_activity(20, 1, 200),
            capacity_activity(30, 3, 150, status="Failed"),
            capacity_activity(40, 2, 180),
            capacity_activity(50, 3, None, status="InProgress"),
        ]
    )
    changes = capacity_changes(aws.session(), RESOURCE)
    assert [change.desired for change in changes] == [1, 0, 1, 2, 3]
    assert start_seconds(changes) == [200, 180]


def test_alarms_are_asked_for_by_name_where_the_policies_list_them() -> None:
    asked: list[dict[str, Any]] = []
    aws = DescribedAws(policies=[tracking(), wake() | {"Alarms": [{"AlarmName": "wake-alarm", "AlarmARN": "arn:alarm"}]}])
    session = aws.session()
    found = session.cloudwatch.describe_alarms
    session.cloudwatch.describe_alarms = lambda **request: asked.append(request) or found(**request)
    assert len(deployed_settings(session, NAME).settings.policies) == 2
    assert all(request["AlarmNames"] == ["wake-alarm"] for request in asked)

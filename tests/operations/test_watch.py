"""Which minute `watch` shows: the newest one, whose clock is the local AWS's where there is one."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.client.clock import Clock
from async_endpoint.operations.watch import Watch

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTES = {NOW - timedelta(minutes=3): 1.0, NOW + timedelta(minutes=95): 7.0, NOW + timedelta(minutes=99): 2.0}  # processed


def get_metric_data(MetricDataQueries: list[dict[str, Any]], StartTime: datetime, EndTime: datetime) -> dict[str, Any]:
    """Sums of the periods of which a part lies in the time asked for."""
    results = []
    for query in MetricDataQueries:
        period = query["MetricStat"]["Period"]
        sums: dict[datetime, float] = {}
        for minute, value in MINUTES.items():
            begin = datetime.fromtimestamp(minute.timestamp() // period * period, UTC)
            if begin + timedelta(seconds=period) > StartTime and begin < EndTime:
                sums[begin] = sums.get(begin, 0) + value
        results.append({"Id": query["Id"], "Timestamps": list(sums), "Values": list(sums.values()), "StatusCode": "Complete"})
    return {"MetricDataResults": results}


SERVICES = {
    "sagemaker": SimpleNamespace(
        describe_endpoint=lambda **_: {"EndpointStatus": "InService", "EndpointConfigName": "shop-1", "ProductionVariants": []}
    ),
    "cloudwatch": SimpleNamespace(get_metric_data=get_metric_data),
    "s3": SimpleNamespace(list_objects_v2=lambda **_: {"IsTruncated": False}),
    "application-autoscaling": SimpleNamespace(
        describe_scaling_activities=lambda **_: {"ScalingActivities": []},
        describe_scalable_targets=lambda ResourceIds, **_: {
            "ScalableTargets": [
                {
                    "ResourceId": ResourceIds[0],
                    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
                    "ScalableTargetARN": "arn:target",
                    "SuspendedState": {"DynamicScalingInSuspended": True, "ScheduledScalingSuspended": False},
                }
            ]
        },
        list_tags_for_resource=lambda **_: {"Tags": {}},
    ),
}


@pytest.mark.parametrize(
    ("endpoint_url", "minute", "processed"),
    [(None, NOW - timedelta(minutes=3), 1.0), ("http://127.0.0.1:4599", NOW + timedelta(minutes=99), 9.0)],
)
def test_the_newest_minute_is_shown_also_of_a_clock_that_is_ahead(
    outputs: Any, endpoint_url: str | None, minute: datetime, processed: float
) -> None:
    clock = Clock(now=NOW.timestamp)
    view = Watch(AwsSession(SERVICES.__getitem__, "eu-west-1", endpoint_url), outputs, clock).snapshot()
    assert (view.measured, view.processed) == (minute.isoformat(timespec="seconds"), processed)


def test_suspended_scaling_is_named_with_the_command_that_resumes_it(outputs: Any) -> None:
    view = Watch(AwsSession(SERVICES.__getitem__, "eu-west-1"), outputs).snapshot()
    assert view.suspended == ("scale-in",)
    assert view.suspension is not None
    assert view.suspension.endswith("--suspended-state DynamicScalingInSuspended=false")
    assert "not by async-endpoint" in view.suspension

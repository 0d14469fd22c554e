"""Scheduled actions, seen from outside: bounds change at their time, capacity follows, activities say so in AWS's words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import DIMENSION, AwsHarness

MINUTE = 60
SOON = 20  # AWS minutes: two seconds, time enough to put it


@pytest.fixture(scope="module")
def endpoint(local_aws: AwsHarness) -> Iterator[Deployed]:
    deployed = local_aws.endpoint()
    yield deployed
    local_aws.forget(deployed.name)


@pytest.fixture
def target(local_aws: AwsHarness, endpoint: Deployed) -> Iterator[dict[str, str]]:
    """The endpoint's scalable target, of one to four instances."""
    named = {"ServiceNamespace": "sagemaker", "ResourceId": endpoint.resource_id, "ScalableDimension": DIMENSION}
    local_aws.scaling.register_scalable_target(**named, MinCapacity=1, MaxCapacity=4)
    yield named
    local_aws.scaling.deregister_scalable_target(**named)


def put(local_aws: AwsHarness, target: dict[str, str], **action: Any) -> str:
    name = unique("action")
    local_aws.scaling.put_scheduled_action(**target, ScheduledActionName=name, **action)
    return name


def at(local_aws: AwsHarness, minutes: float, zone: str = "UTC") -> datetime:
    """The local time so many AWS minutes from now, to the second."""
    return datetime.fromtimestamp(local_aws.aws.clock.now() + minutes * MINUTE, ZoneInfo(zone)).replace(microsecond=0)


def activities(local_aws: AwsHarness, target: dict[str, str], name: str) -> list[dict[str, Any]]:
    """What an action did, newest first."""
    found = local_aws.scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])
    return [one for one in found["ScalingActivities"] if one["Cause"] == f"scheduled action name {name} was triggered"]


def bounds(local_aws: AwsHarness, target: dict[str, str]) -> tuple[int, int]:
    (found,) = local_aws.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[target["ResourceId"]])[
        "ScalableTargets"
    ]
    return found["MinCapacity"], found["MaxCapacity"]


def minutes_pass(local_aws: AwsHarness, count: int) -> None:
    then = local_aws.aws.clock.now() + count * MINUTE
    until(lambda: local_aws.aws.clock.now() > then, f"{count} AWS minutes")


def test_once_at_its_time_the_bounds_change_and_the_capacity_follows(
    local_aws: AwsHarness, endpoint: Deployed, target: dict[str, str]
) -> None:
    when = at(local_aws, SOON)
    name = put(
        local_aws, target, Schedule=f"at({when:%Y-%m-%dT%H:%M:%S})", ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 3}
    )
    assert bounds(local_aws, target) == (1, 4)
    (done,) = until(lambda: activities(local_aws, target, name), "it is triggered")
    assert done["Description"] == "Setting min capacity to 2 and max capacity to 3"
    assert done["StatusMessage"] == "Successfully set min capacity to 2 and max capacity to 3"
    assert (done["StatusCode"], "EndTime" in done) == ("Successful", False)
    late = done["StartTime"] - when
    assert 0 <= late.total_seconds() < MINUTE
    assert bounds(local_aws, target) == (2, 3)
    endpoint.serving(2)
    found = local_aws.scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])
    follows = next(one for one in found["ScalingActivities"] if one["Cause"] == "minimum capacity was set to 2")
    assert follows["Description"] == "Setting desired instance count to 2."
    assert follows["StartTime"] == done["StartTime"]
    # What was lowered takes instances away, at once too.
    until(lambda: endpoint.describe()["EndpointStatus"] == "InService", "it is in service")
    put(
        local_aws,
        target,
        Schedule=f"at({at(local_aws, SOON):%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
    )
    endpoint.serving(1)
    assert len(activities(local_aws, target, name)) == 1


def test_a_rate_comes_again_until_its_end(local_aws: AwsHarness, target: dict[str, str]) -> None:
    start = at(local_aws, SOON).replace(second=0)
    name = put(
        local_aws,
        target,
        Schedule="rate(3 minutes)",
        StartTime=start,
        EndTime=start.timestamp() + 7 * MINUTE,
        ScalableTargetAction={"MaxCapacity": 2},
    )
    until(lambda: len(activities(local_aws, target, name)) == 3, "it comes three times")
    assert [one["StartTime"].timestamp() - start.timestamp() for one in activities(local_aws, target, name)] == [360, 180, 0]
    assert activities(local_aws, target, name)[0]["Description"] == "Setting max capacity to 2"
    minutes_pass(local_aws, 6)
    assert len(activities(local_aws, target, name)) == 3
    assert bounds(local_aws, target) == (1, 2)


def test_a_cron_expression_is_read_in_its_time_zone(local_aws: AwsHarness, target: dict[str, str]) -> None:
    tokyo = at(local_aws, SOON, "Asia/Tokyo")
    schedule = f"cron({tokyo.minute} {tokyo.hour} {tokyo.day} {tokyo.month} ? {tokyo.year})"
    elsewhere = put(local_aws, target, Schedule=schedule, ScalableTargetAction={"MaxCapacity": 3})
    name = put(local_aws, target, Schedule=schedule, Timezone="Asia/Tokyo", ScalableTargetAction={"MaxCapacity": 2})
    (done,) = until(lambda: activities(local_aws, target, name), "it is triggered")
    assert done["StartTime"].timestamp() == tokyo.replace(second=0).timestamp()
    assert activities(local_aws, target, elsewhere) == []


def test_suspended_or_deleted_it_does_nothing(local_aws: AwsHarness, target: dict[str, str]) -> None:
    local_aws.scaling.register_scalable_target(**target, SuspendedState={"ScheduledScalingSuspended": True})
    name = put(local_aws, target, Schedule="rate(1 minute)", ScalableTargetAction={"MaxCapacity": 2})
    minutes_pass(local_aws, 4)
    assert (activities(local_aws, target, name), bounds(local_aws, target)) == ([], (1, 4))
    local_aws.scaling.register_scalable_target(**target, SuspendedState={"ScheduledScalingSuspended": False})
    until(lambda: activities(local_aws, target, name), "it is triggered")
    local_aws.scaling.delete_scheduled_action(**target, ScheduledActionName=name)
    before = len(activities(local_aws, target, name))
    minutes_pass(local_aws, 4)
    assert len(activities(local_aws, target, name)) <= before + 1  # one may have been on its way


def test_bounds_that_cross_are_told_as_a_failure_and_change_nothing(local_aws: AwsHarness, target: dict[str, str]) -> None:
    name = put(local_aws, target, Schedule="rate(1 minute)", ScalableTargetAction={"MinCapacity": 9})
    failed = until(lambda: activities(local_aws, target, name), "it is triggered")[0]
    assert failed["StatusCode"] == "Failed"
    assert "the minimum capacity would be 9 and the maximum 4" in failed["StatusMessage"]
    assert bounds(local_aws, target) == (1, 4)


def test_what_was_put_is_described_and_an_update_keeps_what_it_does_not_name(
    local_aws: AwsHarness, target: dict[str, str]
) -> None:
    start, end = at(local_aws, 600), at(local_aws, 6_000)
    before = local_aws.aws.clock.now()
    first = put(
        local_aws,
        target,
        Schedule="cron(0 10 ? * MON-FRI *)",
        Timezone="America/New_York",
        StartTime=start,
        EndTime=end,
        ScalableTargetAction={"MinCapacity": 2},
    )

    def described(**wanted: Any) -> dict[str, Any]:
        answer: dict[str, Any] = local_aws.scaling.describe_scheduled_actions(
            ServiceNamespace="sagemaker", ResourceId=target["ResourceId"], **wanted
        )
        return answer

    (action,) = described()["ScheduledActions"]
    arn, created = action.pop("ScheduledActionARN"), action.pop("CreationTime")
    assert arn.startswith("arn:aws:autoscaling:eu-west-1:123456789012:scheduledAction:")
    assert arn.endswith(f":resource/sagemaker/{target['ResourceId']}:scheduledActionName/{first}")
    assert before <= created.timestamp() <= local_aws.aws.clock.now()
    assert action == target | {
        "ScheduledActionName": first,
        "Schedule": "cron(0 10 ? * MON-FRI *)",
        "Timezone": "America/New_York",
        "StartTime": start,
        "EndTime": end,
        "ScalableTargetAction": {"MinCapacity": 2},
    }
    local_aws.scaling.put_scheduled_action(**target, ScheduledActionName=first, Schedule="rate(1 day)")
    (action,) = described()["ScheduledActions"]
    assert (action["Schedule"], action["Timezone"]) == ("rate(1 day)", "America/New_York")
    assert (action["ScalableTargetAction"], action["ScheduledActionARN"]) == ({"MinCapacity": 2}, arn)
    assert action.keys().isdisjoint({"StartTime", "EndTime"})
    second = put(local_aws, target, Schedule="rate(2 days)", ScalableTargetAction={"MinCapacity": 1})
    page = described(MaxResults=1)
    rest = described(MaxResults=1, NextToken=page["NextToken"])
    assert [one["ScheduledActionName"] for one in (*page["ScheduledActions"], *rest["ScheduledActions"])] == [first, second]
    assert "NextToken" not in rest
    assert refusal(described, NextToken="soon")[0] == "InvalidNextTokenException"
    assert [one["ScheduledActionName"] for one in described(ScheduledActionNames=[second])["ScheduledActions"]] == [second]
    local_aws.scaling.deregister_scalable_target(**target)
    assert described()["ScheduledActions"] == []
    local_aws.scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"Schedule": "0 10 * * ? *"}, "ValidationException", "Details: Schedule expressions must have"),
        ({"Schedule": "cron(0 10 * * * *)"}, "ValidationException", "Invalid schedule expression"),
        ({"Schedule": "rate(0 days)"}, "ValidationException", "Invalid schedule expression"),
        ({"Timezone": "Mars/Olympus"}, "ValidationException", "Mars/Olympus"),
        ({"ScalableTargetAction": {}}, "ValidationException", "MinCapacity"),
        ({"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}}, "ValidationException", "Minimum capacity"),
        ({"StartTime": datetime(2031, 1, 2), "EndTime": datetime(2031, 1, 1)}, "ValidationException", "End time"),
        ({"ResourceId": "endpoint/none/variant/none"}, "ObjectNotFoundException", "No scalable target registered for service"),
    ],
)  # fmt: skip
def test_what_aws_refuses(local_aws: AwsHarness, target: dict[str, str], changed: dict[str, Any], code: str, said: str) -> None:
    action = {"Schedule": "rate(1 day)", "ScalableTargetAction": {"MinCapacity": 1}}
    found = refusal(local_aws.scaling.put_scheduled_action, **target | {"ScheduledActionName": "refused"} | action | changed)
    assert (found[0], said in found[1]) == (code, True), found
    assert local_aws.scaling.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=target["ResourceId"])[
        "ScheduledActions"
    ] == []  # fmt: skip


def test_what_is_not_there_cannot_be_taken_away(local_aws: AwsHarness, target: dict[str, str]) -> None:
    none = target | {"ResourceId": "endpoint/none/variant/none"}
    for call, named in (
        (local_aws.scaling.delete_scheduled_action, target | {"ScheduledActionName": "none"}),
        (local_aws.scaling.delete_scaling_policy, target | {"PolicyName": "none"}),
        (local_aws.scaling.deregister_scalable_target, none),
        (local_aws.scaling.put_scaling_policy, none | {"PolicyName": "none", "PolicyType": "StepScaling"}),
    ):
        assert refusal(call, **named)[0] == "ObjectNotFoundException", named


def test_bounds_that_make_no_sense_are_refused(local_aws: AwsHarness, target: dict[str, str]) -> None:
    for wanted in ({"MinCapacity": 5}, {"MaxCapacity": 0}, {"MinCapacity": 3, "MaxCapacity": 2}):
        assert refusal(local_aws.scaling.register_scalable_target, **target, **wanted)[0] == "ValidationException", wanted
    assert bounds(local_aws, target) == (1, 4)

"""Requests to IAM, STS and CloudWatch that break a constraint of their service model: refused, all violations at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import AwsHarness

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
TRUST_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
ALARM: dict[str, Any] = {
    "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


@pytest.fixture
def unchecked(local_aws: AwsHarness) -> Any:
    """A client by service that sends what it is given."""
    return lambda service: local_aws.client(service, parameter_validation=False)


@pytest.mark.parametrize(
    ("change", "violated"),
    [
        (
            {"RoleName": "r" * 65},
            "at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64",
        ),
        (
            {"RoleName": "two words"},
            "at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern",
        ),
        ({"Description": "the team’s role"}, "at 'description' failed to satisfy constraint"),
        ({"MaxSessionDuration": 43_201}, "at 'maxSessionDuration' failed to satisfy constraint: Member must have value less"),
        ({"Tags": [{"Key": "k" * 129, "Value": ""}]}, "at 'tags.1.member.key' failed to satisfy constraint"),
    ],
)
def test_a_role_that_is_refused(unchecked: Any, change: dict[str, Any], violated: str) -> None:
    given = {"RoleName": unique("role"), "AssumeRolePolicyDocument": TRUST_POLICY} | change
    code, message = refusal(unchecked("iam").create_role, **given)
    assert (code, violated in message) == ("ValidationError", True), message
    assert given["RoleName"] not in [item["RoleName"] for item in unchecked("iam").list_roles()["Roles"]]


def test_all_violations_are_listed(unchecked: Any) -> None:
    code, message = refusal(unchecked("iam").put_role_policy, RoleName="r" * 65, PolicyName="p" * 129, PolicyDocument="—")
    assert (code, message.startswith("3 validation errors detected: ")) == ("ValidationError", True), message


@pytest.mark.parametrize(
    "change", [{"AlarmName": "a" * 256}, {"AlarmDescription": "d" * 1_025}, {"MetricName": ""}, {"Statistic": "Total"}]
)
def test_an_alarm_that_is_refused(unchecked: Any, change: dict[str, Any]) -> None:
    code, message = refusal(unchecked("cloudwatch").put_metric_alarm, **ALARM | {"AlarmName": unique("alarm")} | change)
    assert (code, "validation error detected" in message) == ("ValidationError", True), message


def test_names_of_the_longest_length_are_accepted(local_aws: AwsHarness) -> None:
    name = unique("role").ljust(64, "r")
    local_aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST_POLICY, Description="für Größeres")
    local_aws.iam.delete_role(RoleName=name)
    alarm = unique("alarm").ljust(255, "a")
    local_aws.cloudwatch.put_metric_alarm(**ALARM, AlarmName=alarm, AlarmDescription="d" * 1_024)
    local_aws.cloudwatch.delete_alarms(AlarmNames=[alarm])

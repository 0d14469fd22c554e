"""Resource policies of CloudWatch Logs and of event buses that are refused when they are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

GROUPS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/*"
LOGS = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": GROUPS}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "is not JSON"),
        (document(), "is empty"),
        (document(LOGS | {"Principal": {"AWS": "events.amazonaws.com"}}), "events.amazonaws.com does not exist"),
        (document(LOGS | {"Principal": {"Service": "events"}}), "events does not exist"),
        (document(LOGS | {"Action": "s3:PutObject"}), "not of CloudWatch Logs"),
        (document(LOGS | {"Resource": "arn:aws:s3:::bucket"}), "not of CloudWatch Logs"),
        (document({name: value for name, value in LOGS.items() if name != "Resource"}), "has no Resource"),
    ],
)
def test_a_policy_of_log_groups_that_is_refused(local_aws: AwsHarness, text: str, reason: str) -> None:
    name = unique("policy")
    code, message = refusal(local_aws.logs.put_resource_policy, policyName=name, policyDocument=text)
    assert (code, reason in message) == ("InvalidParameterException", True), message
    assert message.startswith("Could not convert to persistable policy.")
    assert name not in [item["policyName"] for item in local_aws.logs.describe_resource_policies()["resourcePolicies"]]


def test_a_policy_of_log_groups_that_is_accepted(local_aws: AwsHarness) -> None:
    name, text = unique("policy"), document(LOGS)
    put = local_aws.logs.put_resource_policy(policyName=name, policyDocument=text)
    assert put["resourcePolicy"]["policyDocument"] == text
    of_group = {"resourceArn": GROUPS, "policyDocument": text}
    assert refusal(local_aws.logs.put_resource_policy, **of_group)[0] == "InvalidParameterException"
    local_aws.logs.delete_resource_policy(policyName=name)


def test_permissions_of_an_event_bus(local_aws: AwsHarness) -> None:
    events, name = local_aws.client("events"), unique("bus")
    arn = events.create_event_bus(Name=name)["EventBusArn"]
    good = {"Sid": "Put", "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "events:PutEvents", "Resource": arn}
    for wrong in (
        "nonsense",
        document(),
        document({key: value for key, value in good.items() if key != "Sid"}),
        document(good | {"Action": "sqs:SendMessage"}),
        document(good | {"Resource": f"{arn}-other"}),
        document(good | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/of-no-one"}}),
    ):
        assert refusal(events.put_permission, EventBusName=name, Policy=wrong)[0] == "ValidationException", wrong
    long = document(good | {"Condition": {"StringEquals": {"aws:SourceAccount": [ACCOUNT] * 700}}})
    assert refusal(events.put_permission, EventBusName=name, Policy=long)[0] == "PolicyLengthExceededException"
    organization = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1234567890"}
    granted = {"EventBusName": name, "Action": "events:PutEvents", "Principal": "*", "StatementId": "org"}
    wrong = organization | {"Key": "aws:SourceAccount"}
    assert refusal(events.put_permission, **granted, Condition=wrong)[0] == "ValidationException"
    assert "Policy" not in events.describe_event_bus(Name=name)
    events.put_permission(**granted, Condition=organization)
    events.put_permission(EventBusName=name, Policy=document(good))
    assert len(json.loads(events.describe_event_bus(Name=name)["Policy"])["Statement"]) == 2
    events.delete_event_bus(Name=name)

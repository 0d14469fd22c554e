"""Stacks while IAM is enforced: what they make is made with the rights of their caller, or of their role."""

from __future__ import annotations

import json
from typing import Any

from support.common import unique, until
from support.iam_callers import allow, policy, refused, role, user
from support.in_process_aws import AwsHarness

STACKS = allow("cloudformation:*")
QUEUES = allow(["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueue*", "sqs:SetQueueAttributes", "sqs:*Tag*", "sqs:ListQueue*"])


def test_a_stack_makes_what_its_caller_may_make(enforcing: AwsHarness) -> None:
    someone = user(enforcing)
    with refused("AccessDenied", "cloudformation:CreateStack"):
        _create(someone, unique("stack"))
    someone.put(STACKS)
    assert _status(someone, _create(someone, unique("stack"))).startswith("ROLLBACK")
    someone.put(STACKS, allow(QUEUES["Action"], "*", StringEquals={"aws:CalledViaFirst": "cloudformation.amazonaws.com"}))
    assert _status(someone, _create(someone, unique("stack"))) == "CREATE_COMPLETE"
    with refused("AccessDenied"):
        someone.client("sqs").create_queue(QueueName=unique("queue"))


def test_a_stack_with_a_role_makes_what_its_role_may_make(enforcing: AwsHarness) -> None:
    trusted = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "cloudformation.amazonaws.com"}})
    arn = role(enforcing, trusted, QUEUES)
    someone = user(enforcing, STACKS)
    with refused("AccessDenied", f"iam:PassRole on resource: {arn}"):
        _create(someone, unique("stack"), RoleARN=arn)
    someone.put(STACKS, allow("iam:PassRole", arn))
    assert _status(someone, _create(someone, unique("stack"), RoleARN=arn)) == "CREATE_COMPLETE"


def _create(caller: Any, name: str, **more: Any) -> str:
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}}}
    return str(
        caller.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template), **more)["StackId"]
    )


def _status(caller: Any, stack: str) -> str:
    """The status of a stack once it is at rest."""

    def at_rest() -> str:
        status = str(caller.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
        return "" if status.endswith("IN_PROGRESS") else status

    return str(until(at_rest, f"{stack} is at rest"))

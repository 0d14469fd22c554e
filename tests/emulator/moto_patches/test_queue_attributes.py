"""Attributes of queues: their limits, and the policy of a dead-letter queue about its sources."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import AwsHarness


def attributes(aws: AwsHarness, url: str, *names: str) -> dict[str, str]:
    found: dict[str, str] = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*names] or ["All"]).get("Attributes", {})
    return found


def test_a_dead_letter_queue_permits_its_sources(local_aws: AwsHarness) -> None:
    dead, permitted, other = (local_aws.queue() for _ in range(3))
    policy = {"redrivePermission": "byQueue", "sourceQueueArns": [permitted.arn]}
    local_aws.sqs.set_queue_attributes(QueueUrl=dead.url, Attributes={"RedriveAllowPolicy": json.dumps(policy)})
    assert json.loads(attributes(local_aws, dead.url)["RedriveAllowPolicy"]) == policy
    assert json.loads(attributes(local_aws, dead.url, "RedriveAllowPolicy")["RedriveAllowPolicy"]) == policy
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2})}
    local_aws.sqs.set_queue_attributes(QueueUrl=permitted.url, Attributes=redrive)
    code, message = refusal(local_aws.sqs.set_queue_attributes, QueueUrl=other.url, Attributes=redrive)
    assert code == "InvalidParameterValue"
    assert "does not permit" in message
    assert "RedrivePolicy" not in attributes(local_aws, other.url)
    assert refusal(local_aws.sqs.create_queue, QueueName=unique("source"), Attributes=redrive)[0] == "InvalidParameterValue"

    deny = json.dumps({"redrivePermission": "denyAll"})
    local_aws.sqs.set_queue_attributes(QueueUrl=dead.url, Attributes={"RedriveAllowPolicy": deny})
    assert refusal(local_aws.sqs.set_queue_attributes, QueueUrl=other.url, Attributes=redrive)[0] == "InvalidParameterValue"
    local_aws.sqs.set_queue_attributes(QueueUrl=dead.url, Attributes={"RedriveAllowPolicy": ""})
    assert "RedriveAllowPolicy" not in attributes(local_aws, dead.url)
    local_aws.sqs.set_queue_attributes(QueueUrl=other.url, Attributes=redrive)


@pytest.mark.parametrize(
    "policy",
    [
        "nonsense",
        {"redrivePermission": "some"},
        {"redrivePermission": "byQueue"},
        {"redrivePermission": "denyAll", "sourceQueueArns": ["arn:aws:sqs:eu-west-1:123456789012:q"]},
        {"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:eu-west-1:123456789012:q"] * 11},
    ],
)
def test_a_policy_that_is_refused(local_aws: AwsHarness, policy: Any) -> None:
    url = local_aws.queue().url
    given = {"RedriveAllowPolicy": policy if isinstance(policy, str) else json.dumps(policy)}
    assert refusal(local_aws.sqs.set_queue_attributes, QueueUrl=url, Attributes=given)[0] == "InvalidAttributeValue"
    assert "RedriveAllowPolicy" not in attributes(local_aws, url)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DelaySeconds", "901"),
        ("DelaySeconds", "x"),
        ("KmsDataKeyReusePeriodSeconds", "59"),
        ("MaximumMessageSize", "1023"),
        ("MessageRetentionPeriod", "1209601"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("VisibilityTimeout", "-1"),
    ],
)
def test_an_attribute_beyond_its_limit_is_refused_and_named(local_aws: AwsHarness, name: str, value: str) -> None:
    queue = local_aws.queue()
    before = attributes(local_aws, queue.url)
    for call, given in (
        (local_aws.sqs.set_queue_attributes, {"QueueUrl": queue.url}),
        (local_aws.sqs.create_queue, {"QueueName": unique("refused")}),
    ):
        code, message = refusal(call, **given, Attributes={name: value})
        assert code == "InvalidAttributeValue"
        assert name in message
    assert attributes(local_aws, queue.url) == before


def test_a_change_of_one_attribute_keeps_the_policy(local_aws: AwsHarness) -> None:
    queue = local_aws.queue()
    policy = attributes(local_aws, queue.url)["Policy"]
    local_aws.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "60"})
    assert attributes(local_aws, queue.url)["Policy"] == policy


def test_a_dead_letter_queue_exists_is_another_queue_and_of_the_same_type(local_aws: AwsHarness) -> None:
    queue, fifo = local_aws.queue(), f"{unique('fifo')}.fifo"
    local_aws.sqs.create_queue(QueueName=fifo, Attributes={"FifoQueue": "true"})
    account = queue.arn.rpartition(":")[0]
    for policy, reason in (
        ({"deadLetterTargetArn": f"{account}:{unique('none')}", "maxReceiveCount": 3}, "Dead letter target does not exist."),
        ({"deadLetterTargetArn": queue.arn, "maxReceiveCount": 3}, "A queue cannot be its own dead letter target."),
        ({"deadLetterTargetArn": f"{account}:{fifo}", "maxReceiveCount": 3}, "must be same type of queue as the source."),
        ({"deadLetterTargetArn": queue.arn}, "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ({"maxReceiveCount": 3}, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
    ):
        given = {"RedrivePolicy": json.dumps(policy)}
        code, message = refusal(local_aws.sqs.set_queue_attributes, QueueUrl=queue.url, Attributes=given)
        assert (code, reason in message) == ("InvalidParameterValue", True), message
    assert "RedrivePolicy" not in attributes(local_aws, queue.url)


def test_the_name_of_a_deleted_queue_is_not_free_for_a_minute(local_aws: AwsHarness) -> None:
    sqs, clock, name = local_aws.sqs, local_aws.aws.clock, unique("again")
    with pytest.MonkeyPatch.context() as patch:
        now = clock.now()
        patch.setattr(clock, "now", lambda: now)
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
        sqs.delete_queue(QueueUrl=url)
        patch.setattr(clock, "now", lambda: now + 59)
        assert refusal(sqs.create_queue, QueueName=name)[0] == "AWS.SimpleQueueService.QueueDeletedRecently"
        clock.jump(60)
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url

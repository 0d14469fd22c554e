"""Notifications of a bucket: refused where S3 may not send, delivered while it may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.deployed_endpoint import Queue
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

S3 = {"Service": "s3.amazonaws.com"}
UNVERIFIED = ("InvalidArgument", "Unable to validate the following destination configurations")
CREATED = "s3:ObjectCreated:*"


@pytest.fixture(scope="module")
def bucket(local_aws: AwsHarness) -> str:
    """A bucket whose configurations are all refused."""
    return local_aws.bucket()


def rule(target: str, *events: str, prefix: str = "", suffix: str = "") -> dict[str, Any]:
    filters = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    kind = "QueueArn" if ":sqs:" in target else "TopicArn"
    return {kind: target, "Events": list(events or [CREATED])} | (
        {"Filter": {"Key": {"FilterRules": filters}}} if filters else {}
    )


def put(aws: AwsHarness, bucket: str, *rules: dict[str, Any], **more: Any) -> None:
    wanted = {
        "QueueConfigurations": [item for item in rules if "QueueArn" in item],
        "TopicConfigurations": [item for item in rules if "TopicArn" in item],
    }
    aws.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted, **more)


def refused(aws: AwsHarness, bucket: str, *rules: dict[str, Any]) -> tuple[str, str]:
    return refusal(lambda: put(aws, bucket, *rules))


def received(queue: Queue) -> list[str]:
    """The events in a queue: `s3:TestEvent`, or the event and its key."""
    found = [json.loads(body) for body in queue.take()]
    return [
        body.get("Event") or f"{body['Records'][0]['eventName']} {body['Records'][0]['s3']['object']['key']}" for body in found
    ]


def test_a_target_that_s3_may_not_send_to(local_aws: AwsHarness, bucket: str) -> None:
    closed, foreign, encrypted = (local_aws.queue(open_to_sns=False) for _ in range(3))
    foreign.allow(S3, Condition={"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::another"}})
    encrypted.allow(S3)
    local_aws.sqs.set_queue_attributes(QueueUrl=encrypted.url, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    missing = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{unique('none')}"
    for target in (closed.arn, foreign.arn, encrypted.arn, local_aws.topic(), missing, missing.replace("sqs", "sns")):
        assert refused(local_aws, bucket, rule(target)) == UNVERIFIED, target
    elsewhere = refused(local_aws, bucket, rule(missing.replace(REGION, "us-east-1")))
    assert elsewhere[0] == "InvalidArgument"
    assert "QueueConfigurations" not in local_aws.s3.get_bucket_notification_configuration(Bucket=bucket)


def test_rules_that_overlap(local_aws: AwsHarness, bucket: str) -> None:
    queue = local_aws.queue(open_to_sns=False)
    queue.allow(S3)
    for first, second in (
        (rule(queue.arn), rule(queue.arn, "s3:ObjectCreated:Put")),
        (rule(queue.arn, prefix="in"), rule(queue.arn, prefix="in/put")),
        (rule(queue.arn, prefix="a", suffix=".txt"), rule(queue.arn, prefix="a", suffix="t")),
    ):
        assert refused(local_aws, bucket, first, second)[0] == "InvalidArgument"
    apart = local_aws.bucket()
    put(local_aws, apart, rule(queue.arn, prefix="a"), rule(queue.arn, prefix="b"), rule(queue.arn, "s3:ObjectRemoved:*"))
    assert len(local_aws.s3.get_bucket_notification_configuration(Bucket=apart)["QueueConfigurations"]) == 3


def test_events_arrive_as_long_as_the_policy_allows(local_aws: AwsHarness) -> None:
    bucket, queue = local_aws.bucket(), local_aws.queue(open_to_sns=False)
    source = {
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    }
    queue.allow(S3, **source)
    put(local_aws, bucket, rule(queue.arn))
    assert received(queue) == ["s3:TestEvent"]
    local_aws.put(bucket, "first", b"")
    assert received(queue) == ["ObjectCreated:Put first"]
    local_aws.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": ""})
    local_aws.put(bucket, "second", b"")
    assert received(queue) == []


def test_validation_can_be_skipped(local_aws: AwsHarness) -> None:
    bucket, queue = local_aws.bucket(), local_aws.queue(open_to_sns=False)
    put(local_aws, bucket, rule(queue.arn), SkipDestinationValidation=True)
    assert received(queue) == []

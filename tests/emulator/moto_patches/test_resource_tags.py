"""Tags that buckets, topics, queues, KMS keys and alarms refuse: more than 50, and keys that only AWS sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import REGION, AwsHarness

MANY = [f"tag-{number}" for number in range(51)]


def pairs(keys: list[str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: "x"} for name in keys]


def tag_bucket(aws: AwsHarness, first: list[str], more: list[str]) -> Any:
    """A bucket's tags are put as a whole."""
    bucket = aws.bucket()
    return aws.s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": pairs(first + more)})


def tag_topic(aws: AwsHarness, first: list[str], more: list[str]) -> Any:
    arn = aws.sns.create_topic(Name=unique("tagged"), Tags=pairs(first))["TopicArn"]
    return more and aws.sns.tag_resource(ResourceArn=arn, Tags=pairs(more))


def tag_queue(aws: AwsHarness, first: list[str], more: list[str]) -> Any:
    url = aws.sqs.create_queue(QueueName=unique("tagged"), tags=dict.fromkeys(first, "x"))["QueueUrl"]
    return more and aws.sqs.tag_queue(QueueUrl=url, Tags=dict.fromkeys(more, "x"))


def tag_key(aws: AwsHarness, first: list[str], more: list[str]) -> Any:
    kms = aws.client("kms")
    key = kms.create_key(Tags=pairs(first, "TagKey", "TagValue"))["KeyMetadata"]["KeyId"]
    return more and kms.tag_resource(KeyId=key, Tags=pairs(more, "TagKey", "TagValue"))


def tag_alarm(aws: AwsHarness, first: list[str], more: list[str]) -> Any:
    cloudwatch, name = aws.client("cloudwatch"), unique("tagged")
    put_alarm(aws, name, Tags=pairs(first))
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return more and cloudwatch.tag_resource(ResourceARN=alarm["AlarmArn"], Tags=pairs(more))


def tag_composite(aws: AwsHarness, first: list[str], more: list[str]) -> Any:
    child = unique("child")
    put_alarm(aws, child)
    tags = pairs(first + more)
    return aws.client("cloudwatch").put_composite_alarm(AlarmName=unique("c"), AlarmRule=f'ALARM("{child}")', Tags=tags)


def put_alarm(aws: AwsHarness, name: str, **options: Any) -> None:
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="n",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        **options,
    )


Tagging = Callable[..., Any]


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        (tag_bucket, "BadRequest"),
        (tag_topic, "TagLimitExceeded"),
        (tag_queue, "InvalidParameterValue"),
        (tag_key, "TagException"),
        (tag_alarm, "InvalidParameterValue"),
        (tag_composite, "ValidationError"),
    ],
)
def test_a_resource_has_fifty_tags_at_most(local_aws: AwsHarness, tag: Tagging, code: str) -> None:
    tag(local_aws, MANY[:40], MANY[40:50])
    assert refusal(tag, aws=local_aws, first=MANY[:40], more=MANY[40:])[0] == code
    created = refusal(tag, aws=local_aws, first=MANY, more=[])[0]
    assert created == ("ValidationError" if tag is tag_alarm else code)


@pytest.mark.parametrize(
    ("tag", "codes"),
    [
        (tag_key, ("TagException", "TagException")),
        (tag_alarm, ("ValidationError", "InvalidParameterValue")),
        (tag_composite, ("ValidationError", "ValidationError")),
    ],
)
@pytest.mark.parametrize("key", ["aws:owner", "AWS:owner"])
def test_a_reserved_key_is_refused(local_aws: AwsHarness, tag: Tagging, codes: tuple[str, str], key: str) -> None:
    assert refusal(tag, aws=local_aws, first=[key], more=[])[0] == codes[0]
    assert refusal(tag, aws=local_aws, first=[], more=[key])[0] == codes[1]


def test_an_alarm_may_name_a_topic_that_does_not_exist(local_aws: AwsHarness) -> None:
    name, missing = unique("unheard"), f"arn:aws:sns:{REGION}:123456789012:{unique('missing')}"
    put_alarm(local_aws, name, AlarmActions=[missing])
    [alarm] = local_aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["AlarmActions"] == [missing]

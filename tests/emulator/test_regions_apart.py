"""Regions are apart, as on AWS: what is in one is neither listed, found nor changed from another, by its name or by its ARN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import DIMENSION, REGION, AwsHarness

ELSEWHERE = "ap-southeast-1"


@dataclass(frozen=True)
class Made:
    """A resource of REGION, and calls from another region that must not reach it, with the code of each refusal."""

    listed: Callable[[AwsHarness, str], list[Any]]
    calls: tuple[tuple[str, Callable[[AwsHarness, str], Any]], ...] = ()


def topic(local_aws: AwsHarness) -> tuple[str, Made]:
    arn = local_aws.topic()
    return arn, Made(
        lambda aws, region: [item["TopicArn"] for item in aws.client("sns", region).list_topics()["Topics"]],
        (
            ("NotFound", lambda aws, region: aws.client("sns", region).publish(TopicArn=arn, Message="hello")),
            ("NotFound", lambda aws, region: aws.client("sns", region).get_topic_attributes(TopicArn=arn)),
            (
                "NotFound",
                lambda aws, region: aws.client("sns", region).subscribe(
                    TopicArn=arn, Protocol="email", Endpoint="a@example.com"
                ),
            ),
        ),
    )


def queue(local_aws: AwsHarness) -> tuple[str, Made]:
    url = local_aws.queue().url
    name = url.rpartition("/")[2]
    missing = "AWS.SimpleQueueService.NonExistentQueue"
    return url, Made(
        lambda aws, region: aws.client("sqs", region).list_queues(QueueNamePrefix=name).get("QueueUrls", []),
        (
            (missing, lambda aws, region: aws.client("sqs", region).get_queue_url(QueueName=name)),
            (missing, lambda aws, region: aws.client("sqs", region).receive_message(QueueUrl=url)),
            (missing, lambda aws, region: aws.client("sqs", region).delete_queue(QueueUrl=url)),
        ),
    )


def key(local_aws: AwsHarness) -> tuple[str, Made]:
    arn = local_aws.kms.create_key()["KeyMetadata"]["Arn"]
    return arn, Made(
        lambda aws, region: [item["KeyArn"] for item in aws.client("kms", region).list_keys()["Keys"]],
        (
            ("NotFoundException", lambda aws, region: aws.client("kms", region).describe_key(KeyId=arn)),
            (
                "NotFoundException",
                lambda aws, region: aws.client("kms", region).generate_data_key(KeyId=arn, KeySpec="AES_256"),
            ),
        ),
    )


def alarm(local_aws: AwsHarness) -> tuple[str, Made]:
    name = unique("alarm")
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="own", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    return name, Made(
        lambda aws, region: [item["AlarmName"] for item in aws.client("cloudwatch", region).describe_alarms()["MetricAlarms"]],
        (
            (
                "ResourceNotFound",
                lambda aws, region: aws.client("cloudwatch", region).set_alarm_state(
                    AlarmName=name, StateValue="OK", StateReason="none"
                ),
            ),
        ),
    )


def log_group(local_aws: AwsHarness) -> tuple[str, Made]:
    name = unique("/aws/group")
    local_aws.logs.create_log_group(logGroupName=name)
    return name, Made(
        lambda aws, region: [item["logGroupName"] for item in aws.client("logs", region).describe_log_groups()["logGroups"]],
        (("ResourceNotFoundException", lambda aws, region: aws.client("logs", region).delete_log_group(logGroupName=name)),),
    )


def endpoint(local_aws: AwsHarness, deploy: Any) -> tuple[str, Made]:
    name = deploy().name
    target = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceId": f"endpoint/{name}/variant/main"}
    return name, Made(
        lambda aws, region: [item["EndpointName"] for item in aws.client("sagemaker", region).list_endpoints()["Endpoints"]],
        (
            ("ValidationException", lambda aws, region: aws.client("sagemaker", region).describe_endpoint(EndpointName=name)),
            ("ValidationException", lambda aws, region: aws.client("sagemaker", region).delete_endpoint(EndpointName=name)),
            (
                "ValidationError",
                lambda aws, region: aws.client("sagemaker-runtime", region).invoke_endpoint_async(
                    EndpointName=name, Body=b"{}"
                ),
            ),
            (
                "ValidationException",
                lambda aws, region: aws.client("application-autoscaling", region).register_scalable_target(
                    **target, MinCapacity=0, MaxCapacity=1
                ),
            ),
        ),
    )


@pytest.mark.parametrize("make", [topic, queue, key, alarm, log_group])
def test_a_resource_is_in_its_region_alone(local_aws: AwsHarness, make: Callable[[AwsHarness], tuple[str, Made]]) -> None:
    _check(local_aws, *make(local_aws))


def test_an_endpoint_is_in_its_region_alone(local_aws: AwsHarness, deploy: Any) -> None:
    _check(local_aws, *endpoint(local_aws, deploy))


def _check(local_aws: AwsHarness, name: str, made: Made) -> None:
    assert name in made.listed(local_aws, REGION)
    assert name not in made.listed(local_aws, ELSEWHERE)
    for code, call in made.calls:
        assert refusal(partial(call, local_aws, ELSEWHERE))[0] == code
    assert name in made.listed(local_aws, REGION)

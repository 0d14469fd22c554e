"""Topics, subscriptions and messages that SNS refuses, and what a refused call leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"


def policy(**changes: Any) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"} | changes
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("Arn", "arn:aws:sns:eu-west-1:123456789012:other", "AttributeName"),
        ("FifoTopic", "true", "AttributeName"),
        ("DisplayName", "x" * 101, "at most 100 characters"),
        ("SignatureVersion", "3", "Must be 1 or 2"),
        ("TracingConfig", "Always", "Must be PassThrough or Active"),
        ("ContentBasedDeduplication", "true", "can only be set on FIFO topics"),
        ("SQSSuccessFeedbackSampleRate", "101", "Must be from 0 to 100"),
        ("SQSSuccessFeedbackRoleArn", "role", "Must be the ARN of a role"),
        ("DeliveryPolicy", "nonsense", "failed to parse JSON"),
        ("ArchivePolicy", '{"MessageRetentionPeriod": 30}', "does not keep messages for replay"),
        ("Policy", "", "Policy Error: null"),
        ("Policy", "nonsense", "Policy Error: The policy is not JSON"),
        ("Policy", "{}", "has no Statement"),
        ("Policy", policy(Effect="Maybe"), "has Effect 'Maybe'"),
        ("Policy", policy(Action="sqs:SendMessage"), "Policy statement action out of service scope!"),
    ],
)
def test_an_attribute_of_a_topic_that_is_refused(local_aws: AwsHarness, name: str, value: str, message: str) -> None:
    topic = local_aws.topic()
    before = local_aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    code, said = refusal(local_aws.sns.set_topic_attributes, TopicArn=topic, AttributeName=name, AttributeValue=value)
    assert code == "InvalidParameter"
    assert message in said
    assert local_aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"] == before


def test_a_new_topic_has_known_attributes_only(local_aws: AwsHarness) -> None:
    code, said = refusal(local_aws.topic, Colour="red")
    assert (code, "Unknown attribute Colour" in said) == ("InvalidParameter", True)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"RawMessageDelivery": "perhaps"}, "RawMessageDelivery: Invalid value [perhaps]. Must be true or false."),
        ({"FilterPolicyScope": "Everything"}, "Must be MessageAttributes or MessageBody"),
        ({"FilterPolicy": "nonsense"}, "FilterPolicy: failed to parse JSON"),
        ({"FilterPolicy": "[]"}, "FilterPolicy: must be a JSON object"),
        ({"FilterPolicy": '{"shop": "coats"}'}, "must be an object or an array"),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "nonsense"}'}, "deadLetterTargetArn must be the ARN of an SQS queue"),
        ({"RedrivePolicy": "[]"}, "RedrivePolicy: must be a JSON object"),
        ({"Colour": "red"}, "AttributeName"),
    ],
)
def test_a_subscription_that_is_refused_is_not_made(local_aws: AwsHarness, attributes: dict[str, str], message: str) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    code, said = refusal(local_aws.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=queue.arn, Attributes=attributes)
    assert code == "InvalidParameter"
    assert message in said
    assert local_aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []


@pytest.mark.parametrize(
    ("protocol", "endpoint", "message"),
    [
        ("pigeon", "x", "does not support this protocol string: pigeon"),
        ("http", "https://shop.example", "https://shop.example is not an endpoint of protocol http"),
        ("email", "shop", "not an endpoint of protocol email"),
        ("lambda", QUEUE + "q", "not an endpoint of protocol lambda"),
        ("firehose", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s", "SubscriptionRoleArn: is required"),
    ],
)
def test_an_endpoint_must_fit_its_protocol(local_aws: AwsHarness, protocol: str, endpoint: str, message: str) -> None:
    code, said = refusal(local_aws.sns.subscribe, TopicArn=local_aws.topic(), Protocol=protocol, Endpoint=endpoint)
    assert code == "InvalidParameter"
    assert message in said


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"Message": ""}, "Empty message"),
        ({"Message": "x", "Subject": "two\nlines"}, "Invalid parameter: Subject"),
        ({"Message": "x", "MessageStructure": "json"}, "JSON message body failed to parse"),
        ({"Message": '{"sqs": "x"}', "MessageStructure": "json"}, "No default entry in JSON message body"),
    ],
)
def test_a_message_that_is_refused(local_aws: AwsHarness, request_: dict[str, str], message: str) -> None:
    code, said = refusal(local_aws.sns.publish, TopicArn=local_aws.topic(), **request_)
    assert code == "InvalidParameter"
    assert message in said


def test_a_batch_has_a_size(local_aws: AwsHarness) -> None:
    entries = [{"Id": str(number), "Message": "x" * 60_000} for number in range(5)]
    code, _ = refusal(local_aws.sns.publish_batch, TopicArn=local_aws.topic(), PublishBatchRequestEntries=entries)
    assert code == "BatchRequestTooLong"


def test_a_topic_is_created_again_with_the_same_attributes_only(local_aws: AwsHarness) -> None:
    name, first = unique("topic"), {"DisplayName": "Shop", "KmsMasterKeyId": "alias/aws/sns"}
    tags = [{"Key": "team", "Value": "shop"}]
    arn = local_aws.sns.create_topic(Name=name, Attributes=first, Tags=tags)["TopicArn"]
    for same in ({}, first, {"DisplayName": "Shop"}, {"SignatureVersion": "1"}):
        assert local_aws.sns.create_topic(Name=name, Attributes=same, Tags=tags)["TopicArn"] == arn
    for other in ({"DisplayName": "Store"}, {"TracingConfig": "Active"}, first | {"KmsMasterKeyId": ""}, {"Policy": policy()}):
        assert refusal(local_aws.sns.create_topic, Name=name, Attributes=other) == (
            "InvalidParameter",
            "Invalid parameter: Attributes Reason: Topic already exists with different attributes",
        )
    assert refusal(local_aws.sns.create_topic, Name=name, Tags=[{"Key": "team", "Value": "other"}]) == (
        "InvalidParameter",
        "Invalid parameter: Tags Reason: Topic already exists with different tags",
    )
    assert local_aws.sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "Shop"


def test_the_dead_letter_queue_of_a_subscription(local_aws: AwsHarness) -> None:
    topic, queue, fifo = local_aws.topic(), local_aws.queue(), f"{unique('fifo')}.fifo"
    local_aws.sqs.create_queue(QueueName=fifo, Attributes={"FifoQueue": "true"})
    subscribed = local_aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)["SubscriptionArn"]
    for target, more, reason in (
        (QUEUE + unique("none"), {}, "does not exist."),
        (QUEUE + fifo, {}, "must use a standard queue"),
        (queue.arn.replace(REGION, "us-east-1"), {}, "of another account or region"),
        (queue.arn, {"maxReceiveCount": 3}, "Attribute maxReceiveCount is unknown."),
    ):
        value = json.dumps({"deadLetterTargetArn": target} | more)
        given = {"AttributeName": "RedrivePolicy", "AttributeValue": value}
        found = refusal(local_aws.sns.set_subscription_attributes, SubscriptionArn=subscribed, **given)
        assert (found[0], reason in found[1]) == ("InvalidParameter", True), found
        attributes = {"RedrivePolicy": value}
        new = {"TopicArn": topic, "Protocol": "lambda", "Endpoint": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"}
        assert refusal(local_aws.sns.subscribe, **new, Attributes=attributes)[0] == "InvalidParameter"
    assert "RedrivePolicy" not in local_aws.sns.get_subscription_attributes(SubscriptionArn=subscribed)["Attributes"]


def test_attributes_of_a_topic_are_returned_once_they_are_set(local_aws: AwsHarness) -> None:
    set_attributes = {
        "TracingConfig": "Active",
        "SignatureVersion": "2",
        "SQSSuccessFeedbackSampleRate": "50",
        "SQSFailureFeedbackRoleArn": f"arn:aws:iam::{ACCOUNT}:role/feedback",
        "DeliveryPolicy": json.dumps({"http": {"disableSubscriptionOverrides": True}}),
    }
    topic = local_aws.topic()
    created = local_aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert not created.keys() & set_attributes.keys()
    for name, value in set_attributes.items():
        local_aws.sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
    assert local_aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"] == created | set_attributes
    other = local_aws.topic(TracingConfig="Active")
    assert local_aws.sns.get_topic_attributes(TopicArn=other)["Attributes"]["TracingConfig"] == "Active"

"""Delivery from SNS to SQS: the policies of queue and key decide; an undeliverable message is a dead letter or lost."""

from __future__ import annotations

import json
import socket

import pytest

from support.common import until
from support.deployed_endpoint import Queue
from support.in_process_aws import ACCOUNT, REGION, AwsHarness


def published(local_aws: AwsHarness, topic: str, text: str = "hello") -> None:
    local_aws.sns.publish(TopicArn=topic, Message=text)


def texts(queue: Queue) -> list[str]:
    return [json.loads(body)["Message"] for body in queue.take()]


def dead_letters_of(local_aws: AwsHarness, topic: str, queue: Queue, **attributes: str) -> Queue:
    dead = local_aws.queue()
    local_aws.subscribe(topic, queue, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn}), **attributes)
    return dead


def key(local_aws: AwsHarness, *actions: str) -> str:
    """A customer key that SNS may use for `actions`."""
    whole = {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    service = {"Effect": "Allow", "Action": list(actions), "Resource": "*", "Principal": {"Service": "sns.amazonaws.com"}}
    policy = {"Version": "2012-10-17", "Statement": [whole, *([service] if actions else [])]}
    found: str = local_aws.kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["KeyId"]
    return found


def test_a_queue_that_allows_sns_receives_the_message(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(open_to_sns=False)
    queue.allow({"Service": "sns.amazonaws.com"}, Condition={"ArnEquals": {"aws:SourceArn": topic}})
    dead = dead_letters_of(local_aws, topic, queue)
    published(local_aws, topic)
    assert (texts(queue), dead.take()) == (["hello"], [])


def test_without_a_queue_policy_the_message_is_a_dead_letter(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(open_to_sns=False)
    dead = dead_letters_of(local_aws, topic, queue)
    published(local_aws, topic)
    assert (queue.take(), texts(dead)) == ([], ["hello"])


def test_with_a_policy_for_another_topic_the_message_is_a_dead_letter(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(open_to_sns=False)
    queue.allow({"Service": "sns.amazonaws.com"}, Condition={"ArnEquals": {"aws:SourceArn": topic + "-other"}})
    dead = dead_letters_of(local_aws, topic, queue)
    published(local_aws, topic)
    assert (queue.take(), texts(dead)) == ([], ["hello"])


def test_without_a_dead_letter_queue_the_message_is_lost_and_publishing_succeeds(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(open_to_sns=False)
    local_aws.subscribe(topic, queue)
    assert "MessageId" in local_aws.sns.publish(TopicArn=topic, Message="hello")
    assert queue.take() == []


def test_a_filtered_message_is_not_a_dead_letter(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(open_to_sns=False)
    dead = dead_letters_of(
        local_aws, topic, queue, FilterPolicy=json.dumps({"kind": ["wanted"]}), FilterPolicyScope="MessageBody"
    )
    published(local_aws, topic, json.dumps({"kind": "other"}))
    published(local_aws, topic, json.dumps({"kind": "wanted"}))
    assert texts(dead) == ['{"kind": "wanted"}']


@pytest.mark.parametrize(
    ("actions", "delivered"),
    [
        ((), False),
        (("kms:GenerateDataKey",), False),
        (("kms:Decrypt",), False),
        (("kms:GenerateDataKey*", "kms:Decrypt"), True),
    ],
)
def test_an_encrypted_queue_needs_a_key_that_sns_may_use(
    local_aws: AwsHarness, actions: tuple[str, ...], delivered: bool
) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(KmsMasterKeyId=key(local_aws, *actions))
    dead = dead_letters_of(local_aws, topic, queue)
    published(local_aws, topic)
    assert (texts(queue), texts(dead)) == ((["hello"], []) if delivered else ([], ["hello"]))


def test_sns_cannot_use_the_aws_managed_key_of_sqs(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(KmsMasterKeyId="alias/aws/sqs")
    dead = dead_letters_of(local_aws, topic, queue)
    published(local_aws, topic)
    assert (queue.take(), texts(dead)) == ([], ["hello"])


def test_with_a_deleted_queue_the_message_is_a_dead_letter(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    dead = dead_letters_of(local_aws, topic, queue)
    local_aws.sqs.delete_queue(QueueUrl=queue.url)
    published(local_aws, topic)
    assert texts(dead) == ["hello"]


def test_a_raw_delivery_that_fails_is_a_raw_dead_letter(local_aws: AwsHarness) -> None:
    topic, queue = local_aws.topic(), local_aws.queue(open_to_sns=False)
    dead = dead_letters_of(local_aws, topic, queue, RawMessageDelivery="true")
    published(local_aws, topic)
    assert dead.take() == ["hello"]


def test_other_protocols_receive_nothing(local_aws: AwsHarness) -> None:
    """An address of this machine that would answer is not asked; a function that is not there is no error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        topic, queue = local_aws.topic(), local_aws.queue()
        local_aws.subscribe(topic, queue)
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none"
        web = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        for protocol, endpoint in (("http", web), ("lambda", function), ("email", "ops@example.com")):
            local_aws.sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
        local_aws.sns.publish(TopicArn=topic, Message="hello")
        assert until(queue.take, "the queue receives it")
        with pytest.raises(TimeoutError):
            listener.accept()

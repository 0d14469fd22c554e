"""Filter policies take effect late, and a topic has 200 of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.common import refusal
from support.in_process_aws import AwsHarness


class StoppedClock:
    def __init__(self) -> None:
        self.moment = 0.0

    def now(self) -> float:
        return self.moment


@pytest.fixture
def delay(local_aws: AwsHarness) -> Iterator[Any]:
    """Fifteen AWS minutes, by a clock that stands still: `clock.moment` is its time."""
    given = local_aws.aws.filter_delay
    before = vars(given).copy()
    given.seconds, given.clock = 900.0, StoppedClock()
    yield given
    vars(given).update(before)


def policy(value: str) -> dict[str, str]:
    return {
        "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps({"key": [{"prefix": value}]}),
        "RawMessageDelivery": "true",
    }


def publish(local_aws: AwsHarness, topic: str, *values: str) -> None:
    for value in values:
        local_aws.sns.publish(TopicArn=topic, Message=json.dumps({"key": value}))


def received(queue: Any) -> list[str]:
    return sorted(json.loads(body)["key"] for body in queue.take())


@pytest.mark.parametrize("unfiltered", [False, True])
def test_a_new_policy_takes_effect_after_the_delay(local_aws: AwsHarness, delay: Any, unfiltered: bool) -> None:
    delay.unfiltered = unfiltered
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue, **policy("a"))
    publish(local_aws, topic, "a1", "b1")
    assert received(queue) == (["a1", "b1"] if unfiltered else [])
    delay.clock.moment += 901
    publish(local_aws, topic, "a2", "b2")
    assert received(queue) == ["a2"]


def test_a_changed_policy_takes_effect_after_the_delay(local_aws: AwsHarness, delay: Any) -> None:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue, **policy("a"))
    delay.clock.moment += 901
    [subscription] = local_aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    local_aws.subscribe(topic, queue, **policy("a"))
    publish(local_aws, topic, "a0")
    assert received(queue) == ["a0"], "subscribing again with the same policy changes nothing"
    local_aws.sns.set_subscription_attributes(
        SubscriptionArn=subscription["SubscriptionArn"],
        AttributeName="FilterPolicy",
        AttributeValue=policy("b")["FilterPolicy"],
    )
    publish(local_aws, topic, "a1", "b1")
    assert received(queue) == ["a1"]
    delay.clock.moment += 901
    publish(local_aws, topic, "a2", "b2")
    assert received(queue) == ["b2"]


def test_a_topic_has_at_most_200_filter_policies(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("async_endpoint.emulator.moto_patches.sns_filter_policies.MAX_POLICIES_PER_TOPIC", 2)
    topic, queues = local_aws.topic(), [local_aws.queue() for _ in range(3)]
    for queue in queues[:2]:
        local_aws.subscribe(topic, queue, **policy("a"))
    local_aws.subscribe(topic, queues[0], **policy("a"))
    code, _ = refusal(local_aws.sns.subscribe, TopicArn=topic, Protocol="sqs", Endpoint=queues[2].arn, Attributes=policy("a"))
    assert code == "FilterPolicyLimitExceeded"
    assert len(local_aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]) == 2

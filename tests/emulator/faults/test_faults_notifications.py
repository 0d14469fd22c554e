"""Faults of notifications (lost, duplicated, delayed, out of order), as the consumer of a queue sees them."""

from __future__ import annotations

import json

import pytest

from support.common import until
from support.deployed_endpoint import Queue
from support.fault_injection import fault, known, put
from support.in_process_aws import AwsHarness


def texts(queue: Queue) -> list[str]:
    """What is in the queue now, oldest first."""
    found: list[str] = []
    while bodies := queue.take():
        found += [json.loads(body)["Message"] for body in bodies]
    return found


def arriving(queue: Queue, count: int) -> list[str]:
    """So many messages, in the order they arrive."""
    arrived: list[str] = []

    def look() -> bool:
        arrived.extend(texts(queue))
        return len(arrived) >= count

    until(look, f"{count} messages have arrived")
    return arrived


def subscribed(local_aws: AwsHarness, **attributes: str) -> tuple[str, Queue]:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue, **attributes)
    return topic, queue


def publish(local_aws: AwsHarness, topic: str, count: int) -> list[str]:
    sent = [str(number) for number in range(count)]
    for text in sent:
        local_aws.sns.publish(TopicArn=topic, Message=text)
    return sent


def test_the_seed_decides_which_notifications_are_lost(local_aws: AwsHarness) -> None:
    topic, queue = subscribed(local_aws)

    def spared(seed: int) -> list[str]:
        with fault(local_aws, "notification-loss", topic=topic, rate=0.5, seed=seed) as name:
            sent = publish(local_aws, topic, 30)
            arrived = texts(queue)
            assert known(local_aws)[name]["happened"] == 30 - len(arrived)
        assert set(arrived) < set(sent)
        return arrived

    assert spared(1) == spared(1) != spared(2)


def test_a_lost_notification_is_not_a_dead_letter(local_aws: AwsHarness) -> None:
    dead = local_aws.queue()
    topic, queue = subscribed(local_aws, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn}))
    with fault(local_aws, "notification-loss"):
        publish(local_aws, topic, 3)
    assert (queue.take(), dead.take()) == ([], [])


def test_only_the_named_topic_is_affected(local_aws: AwsHarness) -> None:
    (topic, queue), (other, others) = subscribed(local_aws), subscribed(local_aws)
    with fault(local_aws, "notification-loss", topic=topic.rpartition(":")[2]):
        publish(local_aws, topic, 2)
        publish(local_aws, other, 2)
    assert (texts(queue), texts(others)) == ([], ["0", "1"])


def test_a_filtered_notification_is_not_sampled(local_aws: AwsHarness) -> None:
    wanted = json.dumps({"kind": ["wanted"]})
    topic, queue = subscribed(local_aws, FilterPolicy=wanted, FilterPolicyScope="MessageBody")
    with fault(local_aws, "notification-loss", topic=topic, count=1):
        for kind in ("other", "wanted", "wanted"):
            local_aws.sns.publish(TopicArn=topic, Message=json.dumps({"kind": kind}))
    assert texts(queue) == ['{"kind": "wanted"}']


def test_a_notification_arrives_more_than_once(local_aws: AwsHarness) -> None:
    topic, queue = subscribed(local_aws)
    with fault(local_aws, "notification-duplicate", topic=topic, copies=2, count=1):
        publish(local_aws, topic, 2)
    bodies = [json.loads(body) for body in queue.take()]
    assert [body["Message"] for body in bodies] == ["0", "0", "0", "1"]
    assert len({body["MessageId"] for body in bodies}) == 2


def test_a_late_notification_is_overtaken_and_arrives(local_aws: AwsHarness) -> None:
    topic, queue = subscribed(local_aws)
    with fault(local_aws, "notification-delay", topic=topic, seconds=3000, count=1):  # five seconds here
        publish(local_aws, topic, 2)
    assert arriving(queue, 2) == ["1", "0"]


def test_the_seed_decides_the_order_of_shuffled_notifications(local_aws: AwsHarness) -> None:
    topic, queue = subscribed(local_aws)

    def order(seed: int) -> list[str]:
        with fault(local_aws, "notification-shuffle", topic=topic, window=12, seconds=604_800, seed=seed):
            sent = publish(local_aws, topic, 11)
            assert queue.take() == []
            local_aws.sns.publish(TopicArn=topic, Message="11")
        arrived = texts(queue)
        assert sorted(arrived) == sorted([*sent, "11"])
        assert arrived != [*sent, "11"]
        return arrived

    assert order(4) == order(4) != order(5)


def test_held_notifications_arrive_in_time_even_if_the_fault_is_cleared(local_aws: AwsHarness) -> None:
    topic, queue = subscribed(local_aws)
    with fault(local_aws, "notification-shuffle", topic=topic, window=1000, seconds=60):
        publish(local_aws, topic, 3)
    assert sorted(arriving(queue, 3)) == ["0", "1", "2"]


def test_faults_of_deliveries_add_up(local_aws: AwsHarness) -> None:
    topic, queue = subscribed(local_aws)
    with (
        fault(local_aws, "notification-duplicate", topic=topic),
        fault(local_aws, "notification-shuffle", topic=topic, window=6, seconds=604_800),
    ):
        publish(local_aws, topic, 3)
    assert sorted(texts(queue)) == ["0", "0", "1", "1", "2", "2"]


@pytest.mark.parametrize("kind", ["notification-loss", "notification-duplicate"])
def test_every_subscription_is_sampled_separately(local_aws: AwsHarness, kind: str) -> None:
    topic, first = subscribed(local_aws)
    second = local_aws.queue()
    local_aws.subscribe(topic, second)
    name = put(local_aws, kind, topic=topic, count=1)["id"]
    publish(local_aws, topic, 1)
    assert name not in known(local_aws)
    assert sorted(len(queue.take()) for queue in (first, second)) == ([0, 1] if kind == "notification-loss" else [1, 2])

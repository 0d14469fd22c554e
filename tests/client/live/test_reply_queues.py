"""Reply queues outlive runs: the next run leases one, no two runs share one, and what nothing uses is deleted."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from async_endpoint.client import queue_leases, reply_queues
from async_endpoint.client.reply_queues import ReplyQueues
from async_endpoint.client.retries import Retries
from async_endpoint.deploy import leftovers
from support.client_against_emulator import JSON, Batch, Stage, orders
from support.common import until
from support.in_process_aws import AwsHarness

# A run that waits for a result that does not come, in a process of its own.
WAITING = """
import json, sys
from async_endpoint import AsyncEndpoint, ClientConfig, EndpointInfo
from async_endpoint.core.outputs import Limits

name, url, bucket, *topics = sys.argv[1:]
target = EndpointInfo(name, "eu-west-1", f"s3://{bucket}/input/", tuple(topics), Limits(21600, 60, 60))
endpoint = AsyncEndpoint(target, endpoint_url=url, config=ClientConfig(collect="notifications"))
invocation = endpoint.submit(b"{}", content_type="application/json")
print(invocation.accepted().inference_id, flush=True)
try:
    invocation.result()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def asleep(local_aws: AwsHarness) -> Stage:
    stage = Stage(local_aws)
    stage.deployed.asleep()
    return stage


@pytest.fixture
def own(local_aws: AwsHarness) -> Stage:
    """An endpoint without queues yet."""
    return Stage(local_aws)


@contextmanager
def waiting(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    target = stage.target
    command = [sys.executable, "-c", WAITING, target.name, stage.local_aws.url, stage.deployed.bucket, *target.topics]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline(), "it has not submitted"
        yield process
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()


def subscriptions(stage: Stage) -> list[str]:
    """The endpoints of those subscriptions that clients have made."""
    found: list[dict[str, Any]] = []
    for topic in stage.target.topics:
        found += stage.local_aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return [item["Endpoint"] for item in found if "-reply-" in item["Endpoint"]]


def queues_of(stage: Stage, client: Any) -> ReplyQueues:
    return ReplyQueues(client._session, stage.target, Retries(3, 0.1, 1.0, lambda seconds: False), client._collector._clock.now)


def test_the_next_run_uses_the_queue_at_the_price_of_its_lease(own: Stage) -> None:
    with own.client() as client:
        Batch(client, 20).check()
    [queue] = own.queues()
    assert own.leases() == {queue.rpartition("/")[2]: False}
    with own.counted() as calls, own.client(notification_grace=60) as client:
        Batch(client, 20).check()
        client.close()
        counted = calls()
    assert own.queues() == [queue] and len(subscriptions(own)) == 2
    assert not {"sqs:CreateQueue", "sns:Subscribe", "sns:Unsubscribe", "sqs:DeleteQueue", "s3:GetObject"} & set(counted)
    assert counted["s3:ListObjectsV2"] == counted["sqs:GetQueueAttributes"] == 1
    assert counted["s3:PutObject"] == 2, "the lease is claimed and released"


def test_a_run_of_few_requests_has_no_queue(own: Stage) -> None:
    with own.counted() as calls, own.client(collect="auto") as client:
        assert client.submit(orders(answer=1), content_type=JSON).result().json() == 1
        counted = calls()
    assert own.queues() == []
    assert sum(counted.values()) <= 3, counted


def test_two_runs_at_a_time_have_queues_of_their_own_and_receive_nothing_of_each_other(own: Stage) -> None:
    with own.client() as one, own.client() as other:
        mine = [one.submit(b'{"answer": 1}', content_type=JSON, key=f"k{n}") for n in range(10)]
        theirs = [other.submit(b'{"answer": 2}', content_type=JSON, key=f"k{n}") for n in range(10)]
        assert {invocation.result().json() for invocation in mine} == {1}
        assert {invocation.result().json() for invocation in theirs} == {2}
        assert len(own.queues()) == 2
        assert not {i.inference_id[:10] for i in mine} & {i.inference_id[:10] for i in theirs}
        assert list(own.leases().values()) == [True, True]
    assert list(own.leases().values()) == [False, False]


def test_of_many_that_lease_at_the_same_time_no_two_get_the_same_queue(own: Stage) -> None:
    with own.client() as client:
        queues = queues_of(own, client)
        for _ in range(2):
            with ThreadPoolExecutor(12) as pool:
                leased = list(pool.map(lambda _: queues.lease(), range(12)))
            assert len({queue.url for queue in leased}) == 12
            for queue in leased:
                queue.release()
        assert len(own.queues()) == 12, "those who lost a queue to another took the next, and created none"


def test_ctrl_c_releases_the_lease_without_a_with_block(asleep: Stage) -> None:
    with waiting(asleep) as process:
        [queue] = asleep.queues()
        assert asleep.leases() == {queue.rpartition("/")[2]: True}
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    until(lambda: asleep.leases() == {queue.rpartition("/")[2]: False}, "the lease is released")
    assert asleep.queues() == [queue] and len(subscriptions(asleep)) == 2


def test_the_queue_of_a_killed_run_is_free_once_its_lease_has_expired(asleep: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with waiting(asleep) as process:
        [dead] = asleep.queues()
        process.kill()
        process.wait(30)
    with asleep.client() as client:
        queues = queues_of(asleep, client)
        fresh = queues.lease()
        assert fresh.url != dead, "its holder may still live"
        fresh.release()
        fresh.delete(())
        monkeypatch.setattr(queue_leases, "LEASE_SECONDS", -1.0)
        taken = queues.lease()
        assert taken.url == dead
        assert len(subscriptions(asleep)) == 2 + 2, "subscribing again has changed nothing; those of the deleted queue stay"


def test_unused_queues_are_deleted_with_subscriptions_and_leases(own: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with own.client() as client:
        queues = queues_of(own, client)
        kept, unused, orphan = (queues.lease() for _ in range(3))
        for queue in (kept, unused, orphan):
            queue.release()
        own.local_aws.s3.delete_object(
            Bucket=own.deployed.bucket, Key=f"input/_queues/{orphan.url.rpartition('/')[2]}"
        )  # as its expiry as an input would
        stranger = own.local_aws.sqs.create_queue(QueueName=f"{own.target.name}-reply-0123456789")["QueueUrl"]
        assert queues.sweep() == [], "all are young"
        assert set(leftovers.reply_queues(client._session, own.target.name)) == {kept.url, unused.url, orphan.url}
        monkeypatch.setattr(reply_queues, "UNUSED_SECONDS", -1.0)
        assert queues.sweep(lambda: True) == [], "the client is closing"
        assert set(queues.sweep()) == {kept.url, unused.url, orphan.url}
        assert own.queues() == [stranger], "without the tag it belongs to something else"
        assert subscriptions(own) == [] and own.leases() == {}


def test_messages_of_an_earlier_run_change_nothing(asleep: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with asleep.client() as client:
        earlier = [client.submit(orders(answer=0), content_type=JSON, key=f"k{n}") for n in range(25)]
        assert all(invocation.accepted() for invocation in earlier)
    [queue] = asleep.queues()
    asleep.deployed.scale(1)
    attribute = "ApproximateNumberOfMessages"
    sqs = asleep.local_aws.sqs
    until(  # the receive that the earlier run had begun takes some
        lambda: int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[attribute])["Attributes"][attribute]) >= 15,
        "the results of the earlier run are announced",
    )
    monkeypatch.setattr(queue_leases, "RECEIVE_SECONDS", -1.0)
    with asleep.client() as client:
        later = [client.submit(orders(answer=1), content_type=JSON, key=f"k{n}") for n in range(25)]
        assert {invocation.result().json() for invocation in later} == {1}
        assert asleep.queues() == [queue]

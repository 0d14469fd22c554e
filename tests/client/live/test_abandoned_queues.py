"""The queue of a run is deleted however it ends; that of a killed process by the next client."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from async_endpoint.client.abandoned_queues import remove_abandoned
from async_endpoint.client.run_queue import HEARTBEAT_TAG
from support.client_against_emulator import Stage
from support.common import until
from support.in_process_aws import AwsHarness

# A run that waits for a result that does not come, in a process of its own.
WAITING = """
import json, sys
from async_endpoint import AsyncEndpoint, ClientConfig, EndpointInfo
from async_endpoint.core.outputs import Limits

name, url, bucket, *topics = sys.argv[1:]
target = EndpointInfo(name, "eu-west-1", f"s3://{bucket}/input/", tuple(topics), Limits(21600, 60, 60))
endpoint = AsyncEndpoint(target, endpoint_url=url)
invocation = endpoint.submit(b"{}", content_type="application/json")
print(invocation.accepted().inference_id, flush=True)
try:
    invocation.result()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture(scope="module")
def asleep(local_aws: AwsHarness) -> Stage:
    stage = Stage(local_aws)
    stage.deployed.asleep()
    return stage


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
    """The endpoints of those subscriptions that runs have made."""
    found: list[dict[str, Any]] = []
    for topic in stage.target.topics:
        found += stage.local_aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return [item["Endpoint"] for item in found if "-run-" in item["Endpoint"]]


def test_ctrl_c_removes_queue_and_subscriptions_without_a_with_block(asleep: Stage) -> None:
    with waiting(asleep) as process:
        [queue] = asleep.queues()
        assert len(subscriptions(asleep)) == 2
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    until(lambda: queue not in asleep.queues(), "the queue is gone")
    assert subscriptions(asleep) == []


def test_an_abandoned_queue_is_deleted_once_old_and_without_heartbeat(asleep: Stage) -> None:
    with waiting(asleep) as process:
        [dead] = asleep.queues()
        process.kill()
        process.wait(30)
    with asleep.client() as client:
        session = client._session
        tomorrow = time.time() + 86_400
        assert remove_abandoned(session, asleep.target) == [], "it is young"
        session.sqs.tag_queue(QueueUrl=dead, Tags={HEARTBEAT_TAG: str(int(tomorrow - 3_600))})
        assert remove_abandoned(session, asleep.target, tomorrow) == [], "its owner was alive an hour before"
        stranger = session.sqs.create_queue(QueueName=f"{asleep.target.name}-run-of-another-client")["QueueUrl"]
        session.sqs.tag_queue(QueueUrl=dead, Tags={HEARTBEAT_TAG: str(int(time.time()))})
        assert remove_abandoned(session, asleep.target, tomorrow) == [dead]
        assert asleep.queues() == [stranger], "without a heartbeat tag it belongs to something else"
        assert subscriptions(asleep) == []
        session.sqs.delete_queue(QueueUrl=stranger)


def test_the_next_run_removes_abandoned_queues(asleep: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with waiting(asleep) as process:
        [dead] = asleep.queues()
        process.kill()
        process.wait(30)
    monkeypatch.setattr("async_endpoint.client.abandoned_queues.ABANDONED_AFTER_SECONDS", -1.0)
    with asleep.client() as client:
        client.submit(b"{}", content_type="application/json").accepted()
        until(lambda: dead not in asleep.queues(), "the dead queue is gone")


def test_two_runs_of_one_endpoint_receive_nothing_of_each_other(stage: Stage) -> None:
    with stage.client() as one, stage.client() as other:
        mine = [one.submit(b'{"answer": 1}', content_type="application/json", key=f"k{n}") for n in range(10)]
        theirs = [other.submit(b'{"answer": 2}', content_type="application/json", key=f"k{n}") for n in range(10)]
        assert {invocation.result().json() for invocation in mine} == {1}
        assert {invocation.result().json() for invocation in theirs} == {2}
        assert len(stage.queues()) == 2
    assert stage.queues() == []

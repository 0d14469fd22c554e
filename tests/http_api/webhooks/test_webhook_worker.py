"""The worker's threads: what it receives, deletes, puts off and keeps invisible, and how it stops."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import NotReady
from async_endpoint.http_api.webhooks import worker as worker_module
from async_endpoint.http_api.webhooks.worker import Worker, WorkerSettings
from support.common import until
from support.in_memory_aws import client_error

QUEUE = "https://sqs.eu-west-1.amazonaws.com/1/deliveries"


class StubSqs:
    """Hands out each of `bodies` once; records deletions and visibilities by body."""

    def __init__(self, bodies: list[str]) -> None:
        self.bodies = list(bodies)
        self.deleted: list[str] = []
        self.visibility: list[tuple[str, int]] = []
        self.failures: list[Exception] = []
        self.received_counts: dict[str, int] = {}
        self.lock = threading.Lock()
        self.idle = threading.Event()

    def receive_message(self, QueueUrl: str, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        assert QueueUrl == QUEUE
        with self.lock:
            if self.failures:
                raise self.failures.pop()
            taken, self.bodies = self.bodies[:MaxNumberOfMessages], self.bodies[MaxNumberOfMessages:]
        if not taken:
            self.idle.wait(0.02)  # as a long poll
        return {
            "Messages": [
                {
                    "MessageId": body,
                    "ReceiptHandle": body,
                    "Body": body,
                    "Attributes": {"ApproximateReceiveCount": str(self.received_counts.get(body, 1))},
                }
                for body in taken
            ]
        }

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:
        self.deleted.append(ReceiptHandle)

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.visibility.append((ReceiptHandle, VisibilityTimeout))

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        self.visibility += [(entry["ReceiptHandle"], entry["VisibilityTimeout"]) for entry in Entries]


@contextmanager
def working(sqs: StubSqs, handle: Callable[[str], None], **settings: Any) -> Iterator[Worker]:
    session = AwsSession({"sqs": sqs}.__getitem__, "eu-west-1")
    worker = Worker(session, QUEUE, handle, WorkerSettings(**settings))
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def test_every_message_is_handled_and_deleted() -> None:
    sqs = StubSqs([str(number) for number in range(50)])
    handled: list[str] = []
    with working(sqs, handled.append):
        until(lambda: len(sqs.deleted) == 50, "all are deleted")
    assert sorted(handled) == sorted(sqs.deleted)


@pytest.mark.parametrize("error", [NotReady("S3 does not answer."), ValueError("a defect")])
def test_what_fails_is_put_off_the_longer_the_more_often(error: Exception) -> None:
    sqs = StubSqs(["first", "third", "hundredth"])
    sqs.received_counts = {"third": 3, "hundredth": 100}

    def handle(body: str) -> None:
        raise error

    with working(sqs, handle):
        until(lambda: len(sqs.visibility) == 3, "all are put off")
    assert dict(sqs.visibility) == {"first": 60, "third": 900, "hundredth": 900}
    assert not sqs.deleted


def test_it_receives_no_more_than_it_has_threads_for_and_keeps_them_invisible() -> None:
    sqs = StubSqs([str(number) for number in range(9)])
    blocked, release = threading.Semaphore(0), threading.Event()

    def handle(body: str) -> None:
        blocked.release()
        release.wait(20)

    with working(sqs, handle, threads=3, renewal=0.02):
        for _ in range(3):
            assert blocked.acquire(timeout=20)
        until(lambda: len({body for body, seconds in sqs.visibility if seconds == 60}) == 3, "all three are renewed")
        assert len(sqs.bodies) == 6
        release.set()
        until(lambda: len(sqs.deleted) == 9, "all are deleted")


def test_it_survives_an_outage_of_sqs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "PAUSE_SECONDS", (0.01, 0.02))
    sqs = StubSqs(["after"])
    sqs.failures = [client_error("ServiceUnavailable", "not now", 503) for _ in range(5)] + [KeyError("a defect")]
    with working(sqs, lambda body: None):
        until(lambda: sqs.deleted == ["after"], "the message is handled after the outage")


def test_what_a_poll_brings_after_the_stop_is_left_to_others() -> None:
    sqs = StubSqs([])
    with working(sqs, lambda body: None) as worker:
        worker.begin_stop()
        sqs.bodies = ["late"]
    until(lambda: ("late", 0) in sqs.visibility or sqs.bodies == ["late"], "it is visible again")
    assert not sqs.deleted


def test_a_stop_waits_for_attempts_under_way_and_takes_no_more() -> None:
    sqs = StubSqs(["under way", "next", "more"])
    begun, release = threading.Event(), threading.Event()

    def handle(body: str) -> None:
        begun.set()
        release.wait(20)

    with working(sqs, handle, threads=1) as worker:
        assert begun.wait(20)
        stopping = threading.Thread(target=worker.stop)
        stopping.start()
        release.set()
        stopping.join(20)
        assert not stopping.is_alive()
    assert sqs.deleted[0] == "under way"
    assert len(sqs.bodies) >= 1

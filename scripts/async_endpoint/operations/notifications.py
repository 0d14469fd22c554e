"""Finding the notifications of given requests in a queue that others read too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.client.clock import SYSTEM_CLOCK, Clock
from async_endpoint.client.models import Submitted
from async_endpoint.core.errors import AsyncEndpointError, InvalidInput
from async_endpoint.core.notifications import Notification, parse_notification

SQS_BATCH: Final = 10  # messages per receive, entries per batch call
POLL_SECONDS: Final = 5


@dataclass(frozen=True)
class Received:
    """The first notification of each wanted request, by inference id, and how many messages were not notifications."""

    notifications: dict[str, Notification]
    skipped: int


def find_notifications(
    session: AwsSession, queue_url: str, wanted: Sequence[Submitted], *, seconds: float, clock: Clock = SYSTEM_CLOCK
) -> Received:
    """The notifications of the wanted requests that come within `seconds`.

    Messages of these requests are deleted. All others are hidden meanwhile, so that a full queue is read to its end, and
    visible again afterwards; their receive count grows by one. Raises UsageError or NotReady if the queue cannot be read.
    """
    found: dict[str, Notification] = {}
    unparseable: set[str] = set()
    deadline = clock.now() + seconds
    with _held(session, queue_url) as others:
        while len(found) < len(wanted) and (remaining := deadline - clock.now()) > 0:
            for message in _receive(session, queue_url, hold_seconds=remaining + 2 * POLL_SECONDS):
                try:
                    notification = parse_notification(message["Body"])
                except InvalidInput:
                    notification = None
                    unparseable.add(message["MessageId"])
                owner = next((request for request in wanted if notification and _belongs(notification, request)), None)
                if notification is None or owner is None:
                    others[message["MessageId"]] = message["ReceiptHandle"]
                    continue
                found.setdefault(owner.inference_id, notification)
                with translate_errors(session, "sqs:DeleteMessage", queue_url):
                    session.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return Received(found, len(unparseable))


def _receive(session: AwsSession, queue_url: str, *, hold_seconds: float) -> list[dict[str, Any]]:
    with translate_errors(session, "sqs:ReceiveMessage", queue_url):
        reply = session.sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=SQS_BATCH,
            WaitTimeSeconds=POLL_SECONDS,
            VisibilityTimeout=int(hold_seconds),
        )
    messages: list[dict[str, Any]] = reply.get("Messages", [])
    return messages


@contextmanager
def _held(session: AwsSession, queue_url: str) -> Iterator[dict[str, str]]:
    """Messages of other requests, receipt handle by message id; made visible again at the end."""
    others: dict[str, str] = {}
    try:
        yield others
    finally:
        handles = list(others.values())
        for start in range(0, len(handles), SQS_BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + SQS_BATCH])
            ]
            # if this fails, the messages become visible by themselves a little later
            with suppress(AsyncEndpointError), translate_errors(session, "sqs:ChangeMessageVisibility", queue_url):
                session.sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)


def _belongs(notification: Notification, request: Submitted) -> bool:
    """By inference id; by location in the flatter shape, whose requestId is another id (core/notifications.py)."""
    return (
        notification.inference_id == request.inference_id
        or notification.output_location == request.output_location
        or (notification.failure_location is not None and notification.failure_location == request.failure_location)
    )

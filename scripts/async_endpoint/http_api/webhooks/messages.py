"""Messages of the delivery queue: notifications of SageMaker, and deliveries to try at a later time.

A message only names a prediction by its key. What is delivered, and where, is decided by the prediction's record and by S3, so
that a forged, duplicate or late message changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.notifications import parse_notification
from async_endpoint.http_api.predictions.identity import key_of_inference
from async_endpoint.http_api.webhooks.schedule import hop_seconds

_KEY: Final = re.compile(r"[a-z2-7]{26}")
MAX_BATCH: Final = 10  # entries of SendMessageBatch (API reference)


@dataclass(frozen=True)
class DeliveryMessage:
    """Deliver the outcome of prediction `key`. Times are seconds since the epoch.

    `attempt` is the number of the attempt to make, from 1; `first_at` the time of the first one, None before it; `round` counts
    redrives, from 1. Of two messages of a prediction the one with the higher round and attempt was sent later. `looks` counts
    how often S3 had no object for what a notification had announced, 0 for a message that is not of a notification; `hops` how
    often its receiver was busy.
    """

    key: str
    attempt: int = 1
    round: int = 1
    not_before: float = 0.0
    first_at: float | None = None
    looks: int = 0
    hops: int = 0
    event: str | None = None  # for people who read the queue

    @property
    def position(self) -> tuple[int, int]:
        """Where it stands in the sequence of attempts."""
        return self.round, self.attempt

    def retry(self, event: str, not_before: float, first_at: float) -> DeliveryMessage:
        """The message for the next attempt."""
        return replace(self, attempt=self.attempt + 1, hops=0, event=event, not_before=not_before, first_at=first_at)

    def hop(self, not_before: float) -> DeliveryMessage:
        """The message for the same attempt, which a busy receiver puts off."""
        return replace(self, hops=self.hops + 1, not_before=not_before)

    def redriven(self, event: str) -> DeliveryMessage:
        """What goes to the dead-letter queue: moved back as it is, it starts a new round of attempts."""
        return DeliveryMessage(self.key, round=self.round + 1, event=event)

    def body(self) -> str:
        return json.dumps(
            {
                "deliver": self.key,
                "event": self.event,
                "attempt": self.attempt,
                "round": self.round,
                "not_before": self.not_before,
                "first_at": self.first_at,
                "looks": self.looks,
                "hops": self.hops,
            }
        )


def parse_message(body: str) -> DeliveryMessage | None:
    """A delivery, or a notification as the first attempt of one; None for a notification that is not of the HTTP API's.

    Raises InvalidInput for anything else.
    """
    document = _object(body)
    if "deliver" in document:
        return _delivery(document)
    notification = parse_notification(body)
    key = key_of_inference((notification and notification.inference_id) or "")
    return DeliveryMessage(key, looks=1) if key else None


class DeliveryQueue:
    """Sends messages to a delivery queue; methods raise what `translate_errors` raises."""

    def __init__(self, session: AwsSession, url: str, dead_letter_url: str) -> None:
        self.session, self.url, self.dead_letter_url = session, url, dead_letter_url

    def send(self, message: DeliveryMessage, now: float) -> None:
        """Queue it for `not_before`, or for the first hop of the way there."""
        with translate_errors(self.session, "sqs:SendMessage", self.url):
            self.session.sqs.send_message(
                QueueUrl=self.url, MessageBody=message.body(), DelaySeconds=hop_seconds(message.not_before, now)
            )

    def send_now(self, messages: Sequence[DeliveryMessage]) -> None:
        """Queue messages without a delay, ten a call."""
        for start in range(0, len(messages), MAX_BATCH):
            entries = [
                {"Id": str(number), "MessageBody": message.body()}
                for number, message in enumerate(messages[start : start + MAX_BATCH])
            ]
            with translate_errors(self.session, "sqs:SendMessage", self.url):
                reply = self.session.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
                for failed in reply.get("Failed", ()):  # one by one, so that a failure is raised with its code
                    self.session.sqs.send_message(QueueUrl=self.url, MessageBody=entries[int(failed["Id"])]["MessageBody"])

    def bury(self, message: DeliveryMessage) -> None:
        """Put a message into the dead-letter queue."""
        with translate_errors(self.session, "sqs:SendMessage", self.dead_letter_url):
            self.session.sqs.send_message(QueueUrl=self.dead_letter_url, MessageBody=message.body())


def send_check(queue: DeliveryQueue, key: str, deadline: float, now: float) -> None:
    """Have a prediction looked at after its deadline, for those that the sweep may have passed already."""
    queue.send(DeliveryMessage(key, not_before=deadline), now)


def _object(body: str) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"A message of the delivery queue is not JSON ({error}).") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"A message of the delivery queue is a JSON {type(document).__name__}; expected an object.")
    return document


def _delivery(document: Mapping[str, Any]) -> DeliveryMessage:
    key, event = document["deliver"], document.get("event")
    numbers = {name: document.get(name, 1) for name in ("attempt", "round")}
    numbers |= {name: document.get(name, 0) for name in ("looks", "hops")}
    times = {"not_before": document.get("not_before", 0.0), "first_at": document.get("first_at")}
    if (
        not isinstance(key, str)
        or not _KEY.fullmatch(key)
        or not (event is None or isinstance(event, str))
        or not all(
            type(number) is int and (name in ("attempt", "round")) <= number <= 1_000_000 for name, number in numbers.items()
        )
        or not (times["first_at"] is None or _is_time(times["first_at"]))
        or not _is_time(times["not_before"])
    ):
        raise InvalidInput("A message of the delivery queue has a field with an unusable value.")
    return DeliveryMessage(key, event=event, **numbers, **times)


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e11

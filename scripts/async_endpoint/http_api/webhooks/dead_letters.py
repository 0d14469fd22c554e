"""Dead letters: deliveries that failed for a day, and messages that could not be handled; listed, and moved back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.outputs import HttpApi
from async_endpoint.http_api.webhooks.messages import parse_message

LOOK_SECONDS: Final = 20  # for which a listed message is invisible to a second look
MOVE_SECONDS: Final = 60
EMPTY_RECEIVES: Final = (
    3  # in a row: a receive asks a sample of the queue's servers (SQS developer guide, "Short and long polling")
)


@dataclass(frozen=True)
class DeadLetter:
    """A message of the dead-letter queue. `key` and `event` name the delivery; None for a message that is neither."""

    message_id: str
    sent_at: float
    key: str | None
    event: str | None

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


class DeadLetters:
    """The dead-letter queue of an endpoint's deliveries. Methods raise what `translate_errors` raises."""

    def __init__(self, session: AwsSession, api: HttpApi) -> None:
        self._session, self._api = session, api

    def list(self, limit: int) -> list[DeadLetter]:
        """Up to `limit` messages; they stay in the queue, invisible for twenty seconds."""
        return [_letter(message) for message in self._receive(limit, LOOK_SECONDS)]

    def redrive(self, limit: int | None = None) -> int:
        """Move messages back to the delivery queue, where their deliveries begin again; returns how many were moved."""
        moved = 0
        for message in self._receive(limit, MOVE_SECONDS):
            with translate_errors(self._session, "sqs:SendMessage", self._api.delivery_queue_url):
                self._session.sqs.send_message(QueueUrl=self._api.delivery_queue_url, MessageBody=message["Body"])
            with translate_errors(self._session, "sqs:DeleteMessage", self._api.delivery_dead_letter_queue_url):
                self._session.sqs.delete_message(
                    QueueUrl=self._api.delivery_dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
            moved += 1
        return moved

    def _receive(self, limit: int | None, visibility: int) -> Iterator[dict[str, Any]]:
        """Each message once, until none comes any more."""
        seen: set[str] = set()
        empty = 0
        while empty < EMPTY_RECEIVES and (limit is None or len(seen) < limit):
            with translate_errors(self._session, "sqs:ReceiveMessage", self._api.delivery_dead_letter_queue_url):
                reply = self._session.sqs.receive_message(
                    QueueUrl=self._api.delivery_dead_letter_queue_url,
                    MaxNumberOfMessages=10 if limit is None else min(10, limit - len(seen)),
                    VisibilityTimeout=visibility,
                    WaitTimeSeconds=1,
                    MessageSystemAttributeNames=["SentTimestamp"],
                )
            fresh = [message for message in reply.get("Messages", ()) if message["MessageId"] not in seen]
            empty = 0 if fresh else empty + 1
            seen |= {message["MessageId"] for message in fresh}
            yield from fresh


def _letter(message: dict[str, Any]) -> DeadLetter:
    try:
        delivery = parse_message(message["Body"])
    except InvalidInput:
        delivery = None
    sent_at = int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
    key, event = (delivery.key, delivery.event) if delivery else (None, None)
    return DeadLetter(message["MessageId"], sent_at, key, event)

"""Outcomes of predictions with a webhook: `outcomes/<key>.json`, the first terminal outcome and what has come of its delivery.

The object is created by a conditional write, so that a prediction ends once, whichever process looks first. Its `data`, the
prediction object, never changes afterwards: every attempt sends the same bytes. What changes is `delivery`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from async_endpoint.core.errors import NotReady
from async_endpoint.http_api.state import StateObjects, StoredJson

VERSION: Final = 1
UPDATE_ATTEMPTS: Final = 8  # of a conditional write that meets those of other processes


class DeliveryState(StrEnum):
    """All but the first are final; a redrive takes up the last two again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    UNWANTED = "unwanted"  # the webhook does not have this event
    GONE = "gone"  # the receiver answered 410
    DEAD = "dead"  # all attempts of a day have failed


@dataclass(frozen=True)
class Delivery:
    """`round` and `attempt` are those of the next attempt while pending, else of the last. `at` is seconds since the epoch.

    `status` and `error` are of the last attempt.
    """

    state: DeliveryState
    at: float
    round: int = 1
    attempt: int = 1
    status: int | None = None
    error: str = ""

    @property
    def position(self) -> tuple[int, int]:
        return self.round, self.attempt

    def accepts(self, position: tuple[int, int]) -> bool:
        """Whether an attempt at `position` is still to be made; a later one makes an earlier one superfluous."""
        if self.state in (DeliveryState.DELIVERED, DeliveryState.UNWANTED):
            return False
        if self.state is DeliveryState.PENDING:
            return position >= self.position
        return position[0] > self.round


@dataclass(frozen=True)
class RecordedOutcome:
    """The outcome `event` of prediction `key`; `data` is the prediction object as it was then."""

    key: str
    event: str
    data: dict[str, Any]
    delivery: Delivery
    etag: str = ""

    @property
    def message_id(self) -> str:
        """The webhook-id: equal for all attempts, so that a receiver can ignore repetitions."""
        return f"msg_{self.key}_{self.event}"

    def body(self) -> bytes:
        """The body of the webhook; `timestamp` is when the prediction ended."""
        document = {"type": f"prediction.{self.event}", "timestamp": self.data["completed_at"], "data": self.data}
        return json.dumps(document, separators=(",", ":")).encode()

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "key": self.key,
            "event": self.event,
            "data": self.data,
            "delivery": dataclasses.asdict(self.delivery),
        }

    @classmethod
    def parse(cls, stored: StoredJson) -> RecordedOutcome:
        """Raises NotReady for what `as_dict` did not write."""
        document = stored.document
        try:
            if document["version"] != VERSION:
                raise ValueError(f"version {document['version']!r}")
            fields = document["delivery"]
            delivery = Delivery(**fields | {"state": DeliveryState(fields["state"])})
            return cls(document["key"], document["event"], document["data"], delivery, stored.etag)
        except (KeyError, TypeError, ValueError) as error:
            raise NotReady(f"A recorded outcome in S3 is damaged ({error!r}); restore an earlier version.") from error


class Outcomes:
    """The recorded outcomes of one endpoint. Methods raise what `translate_errors` raises."""

    def __init__(self, state: StateObjects) -> None:
        self._state = state

    def read(self, key: str) -> RecordedOutcome | None:
        stored = self._state.read(_name(key))
        return None if stored is None else RecordedOutcome.parse(stored)

    def record(self, outcome: RecordedOutcome) -> RecordedOutcome:
        """Record an outcome; returns the one that counts: the first."""
        stored = self._state.create(_name(outcome.key), outcome.as_dict())
        recorded = self.read(outcome.key) if stored is None else RecordedOutcome.parse(stored)
        if recorded is None:
            raise NotReady(f"The outcome of {outcome.key} was deleted while it was recorded.")
        return recorded

    def update(self, outcome: RecordedOutcome, change: Callable[[Delivery], Delivery | None]) -> None:
        """Replace the delivery by what `change` makes of the current one; None leaves it."""
        current: RecordedOutcome | None = outcome
        for _ in range(UPDATE_ATTEMPTS):
            if current is None:  # deleted by the lifecycle of the bucket
                return
            delivery = change(current.delivery)
            if delivery is None:
                return
            changed = dataclasses.replace(current, delivery=delivery)
            if self._state.replace(_name(outcome.key), changed.as_dict(), current.etag) is not None:
                return
            current = self.read(outcome.key)
        raise NotReady(f"The outcome of {outcome.key} is written by too many processes at once.")


def _name(key: str) -> str:
    return f"outcomes/{key}.json"

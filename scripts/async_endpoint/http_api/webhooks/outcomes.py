"""Outcomes of predictions with a webhook: `outcomes/<key>.json`, the first terminal outcome and what has come of its delivery.

The object is created by a conditional write, so that a prediction ends once, whichever process looks first. Its `data`, the
prediction object, never changes afterwards: every attempt sends the same bytes. What changes is `delivery`.

An outcome belongs to one claim, whose `created_at` it has. It is written after the record and again at each attempt, so a
lifecycle rule deletes it later: where the id is used again meanwhile, the earlier prediction's outcome counts as absent.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from async_endpoint.core.errors import NotReady
from async_endpoint.http_api.state import StateObjects, StoredJson

VERSION: Final = 1
UPDATE_ATTEMPTS: Final = 8  # of a conditional write that meets those of other processes
SAME_TIME: Final = timedelta(milliseconds=1)  # to which markers and prediction objects round or cut the time of a claim


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
    def created_at(self) -> datetime:
        """When the prediction was claimed, to the millisecond."""
        return datetime.fromisoformat(self.data["created_at"])

    def is_of(self, created_at: datetime) -> bool:
        """Whether it is the outcome of the claim of that time, rather than of an earlier use of the same id."""
        return abs(self.created_at - created_at) <= SAME_TIME

    @property
    def message_id(self) -> str:
        """The webhook-id: equal for all attempts, so that a receiver can ignore repetitions; another for each use of an id."""
        return f"msg_{self.key}_{round(self.created_at.timestamp() * 1000)}_{self.event}"

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
            parsed = cls(document["key"], document["event"], document["data"], delivery, stored.etag)
            parsed.created_at.timestamp()
            return parsed
        except (KeyError, TypeError, ValueError) as error:
            raise NotReady(f"A recorded outcome in S3 is damaged ({error!r}); restore an earlier version.") from error


class Outcomes:
    """The recorded outcomes of one endpoint. Methods raise what `translate_errors` raises."""

    def __init__(self, state: StateObjects) -> None:
        self._state = state

    def read(self, key: str, created_at: datetime) -> RecordedOutcome | None:
        """The outcome of the claim that was created then; None without one, and for another claim's."""
        recorded = self._read(key)
        return recorded if recorded is not None and recorded.is_of(created_at) else None

    def record(self, outcome: RecordedOutcome) -> RecordedOutcome:
        """Record an outcome; returns the one that counts: the first of its claim. It replaces an earlier claim's."""
        name, document = _name(outcome.key), outcome.as_dict()
        for _ in range(UPDATE_ATTEMPTS):
            stored = self._state.create(name, document)
            if stored is None:
                there = self._read(outcome.key)
                if there is None:  # deleted in between
                    continue
                if there.is_of(outcome.created_at):
                    return there
                stored = self._state.replace(name, document, there.etag)
            if stored is not None:
                return RecordedOutcome.parse(stored)
        raise NotReady(f"The outcome of {outcome.key} is written by too many processes at once.")

    def update(self, outcome: RecordedOutcome, change: Callable[[Delivery], Delivery | None]) -> None:
        """Replace the delivery by what `change` makes of the current one; None leaves it, as does another claim's outcome."""
        current: RecordedOutcome | None = outcome
        for _ in range(UPDATE_ATTEMPTS):
            if current is None:  # deleted by the lifecycle of the bucket, and perhaps used again
                return
            delivery = change(current.delivery)
            if delivery is None:
                return
            changed = dataclasses.replace(current, delivery=delivery)
            if self._state.replace(_name(outcome.key), changed.as_dict(), current.etag) is not None:
                return
            current = self.read(outcome.key, outcome.created_at)
        raise NotReady(f"The outcome of {outcome.key} is written by too many processes at once.")

    def _read(self, key: str) -> RecordedOutcome | None:
        stored = self._state.read(_name(key))
        return None if stored is None else RecordedOutcome.parse(stored)


def _name(key: str) -> str:
    return f"outcomes/{key}.json"

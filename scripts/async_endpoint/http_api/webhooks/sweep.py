"""Sweep: finds predictions with a webhook whose end nothing has announced, and queues their delivery.

It looks at each prediction once its deadline has passed: by then there is an output, a failure, or the prediction has
expired. Markers sort by time, so a run lists only what was submitted since the run before, whose position is the object
`sweep.json`. No process has to live in between.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.http_api.predictions.identity import Marker, prediction_key
from async_endpoint.http_api.predictions.status import EXPIRY_GRACE_SECONDS, settled_at
from async_endpoint.http_api.served_endpoint import ServedEndpoint
from async_endpoint.http_api.state import StoredJson
from async_endpoint.http_api.webhooks.deliverer import delivery_queue, outcomes_of, state_of
from async_endpoint.http_api.webhooks.messages import DeliveryMessage
from async_endpoint.http_api.webhooks.outcomes import DeliveryState

CURSOR: Final = "sweep.json"
INTERVAL_SECONDS: Final = 300.0  # between the runs of `serve`, and of the schedule on AWS
LEASE_SECONDS: Final = 240.0  # for which one run is enough, and a killed one is not taken over
RUN_SECONDS: Final = 120.0  # of one run; the next one continues
FIRST_LOOK_BACK_SECONDS: Final = 30 * 86_400.0  # of the first run: records are kept for 30 days
# shortest, first and longest span that is listed before the position is stored
SLICE_MILLISECONDS: Final = (1_000, 600_000, 86_400_000)
SLICE_MARKERS: Final = 2_000
STALLED_SECONDS: Final = 6 * 3_600.0  # since the last attempt of a pending delivery: longer than the longest delay
READERS: Final = 8


@dataclass(frozen=True)
class SweepReport:
    """What a run did: how many predictions it looked at, and how many deliveries it queued.

    `swept_to` is the time of submission up to which all is swept, in seconds since the epoch; None where another process has
    swept just now. `complete` is False then, and where the run ended for lack of time.
    """

    examined: int
    queued: int
    swept_to: float | None
    complete: bool

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


class TooMany(Exception):
    """A slice has more markers than are examined at a time."""


class Sweep:
    """Sweeps of one endpoint. Its methods raise what `translate_errors` raises."""

    def __init__(self, endpoint: ServedEndpoint, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._endpoint, self._elapsed = endpoint, elapsed
        self._state, self._outcomes, self._queue = state_of(endpoint), outcomes_of(endpoint), delivery_queue(endpoint)

    def run(self, *, force: bool = False, seconds: float = RUN_SECONDS) -> SweepReport:
        """Sweep up to the present, for `seconds` at most; leaves it to a process that has swept just now, unless `force`d."""
        now, until = self._endpoint.clock.now(), self._elapsed() + seconds
        cursor = self._begin(now, force=force)
        if cursor is None:
            return SweepReport(0, 0, None, False)
        position: int = cursor.document["swept_to"]
        held: int | None = None
        target = _milliseconds(now - self._endpoint.settings.info.deadline_seconds - EXPIRY_GRACE_SECONDS)
        examined = queued = 0
        shortest, span, longest = SLICE_MILLISECONDS
        while position < target and self._elapsed() < until:
            end = min(position + span, target)
            try:
                markers = self._markers(position, end, most=None if span <= shortest else SLICE_MARKERS)
            except TooMany:
                span = max(span // 8, shortest)
                continue
            due, undecided = self._due(markers, now)
            self._queue.send_now(due)
            examined, queued, position = examined + len(markers), queued + len(due), end
            held = undecided if held is None else held
            moved = self._move(cursor, position if held is None else held - 1)
            if moved is None:  # another process has taken over
                return SweepReport(examined, queued, position / 1000, False)
            cursor = moved
            span = min(span * 2, longest) if len(markers) < SLICE_MARKERS / 4 else span
        return SweepReport(examined, queued, position / 1000, position >= target)

    # --- the position ------------------------------------------------------------------------------------------------

    def _begin(self, now: float, *, force: bool) -> StoredJson | None:
        """Lease the position; None if another process has just done so."""
        stored = self._state.read(CURSOR)
        if stored is None:
            return self._state.create(CURSOR, _cursor(_milliseconds(now - FIRST_LOOK_BACK_SECONDS), now))
        if 0 <= now - stored.document["leased_at"] < LEASE_SECONDS and not force:
            return None
        return self._state.replace(CURSOR, _cursor(stored.document["swept_to"], now), stored.etag)

    def _move(self, cursor: StoredJson, position: int) -> StoredJson | None:
        return self._state.replace(CURSOR, _cursor(position, self._endpoint.clock.now()), cursor.etag)

    # --- markers -----------------------------------------------------------------------------------------------------

    def _markers(self, after: int, to: int, most: int | None) -> list[tuple[str, Marker]]:
        """Markers with a webhook and their callers, of predictions submitted after `after` until `to` (milliseconds)."""
        found: list[tuple[str, Marker]] = []
        for folder in self._state.list("submitted/", delimiter="/"):
            caller = folder.split("/")[1]
            for marker in self._of_caller(folder, after, to):
                if marker.webhook:
                    found.append((caller, marker))
                    if most is not None and len(found) > most:
                        raise TooMany
        return found

    def _of_caller(self, folder: str, after: int, to: int) -> Iterator[Marker]:
        """Markers sort newest first: the listing starts at `to` and ends at `after`."""
        start = Marker(datetime.fromtimestamp(to / 1000, UTC), "", False).name
        for name in self._state.list(folder, after=f"{folder}{start}"):
            marker = Marker.parse(name.removeprefix(folder))
            if marker is None:
                continue
            if _milliseconds(marker.created_at.timestamp()) <= after:
                return
            yield marker

    def _due(self, markers: Sequence[tuple[str, Marker]], now: float) -> tuple[list[DeliveryMessage], int | None]:
        """Messages for what has ended and is not recorded; and the earliest submission that may still end, if any."""
        with ThreadPoolExecutor(READERS) as readers:
            looks = list(readers.map(lambda item: self._look(item[0], item[1], now), markers))
        due = [look for look in looks if isinstance(look, DeliveryMessage)]
        return due, min((look for look in looks if isinstance(look, int)), default=None)

    def _look(self, caller: str, marker: Marker, now: float) -> DeliveryMessage | int | None:
        """A message for a prediction to deliver, its time of submission if it may still end, None if it is looked after."""
        key = prediction_key(caller, self._endpoint.settings.info.name, marker.id)
        recorded = self._outcomes.read(key, marker.created_at)
        if recorded is not None:
            delivery = recorded.delivery
            stalled = delivery.state is DeliveryState.PENDING and now - delivery.at > STALLED_SECONDS
            return DeliveryMessage(key, delivery.attempt, delivery.round, event=recorded.event) if stalled else None
        claim = self._endpoint.records.read(key)
        of_marker = claim is not None and claim.marker.name == marker.name
        submitted = self._endpoint.records.submitted(claim) if claim is not None and of_marker else None
        if submitted is None:  # deleted by the lifecycle in between, and the id perhaps used again
            return None
        if settled_at(submitted) > now:
            return _milliseconds(marker.created_at.timestamp())
        return DeliveryMessage(key)


def _cursor(swept_to: int, leased_at: float) -> dict[str, Any]:
    return {"version": 1, "swept_to": swept_to, "leased_at": leased_at, "write": secrets.token_hex(4)}


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)

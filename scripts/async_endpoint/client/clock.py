"""Clock: the client's time, replaced in tests so that they do not wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SETBACK_SECONDS: Final = 1.0  # smaller corrections delay nothing by more than themselves


class ForwardClock:
    """The system's time, unless that is set back: then it continues, or all that is due would wait for the difference.

    It follows a clock that is set forward, as after a laptop has slept. Seconds since the epoch. Thread-safe without a lock,
    which a forked child could inherit locked: threads that notice a change at the same time conclude the same from one tuple.
    """

    def __init__(self, wall: Callable[[], float] = time.time, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._elapsed = wall, elapsed
        # this clock and the monotonic one when they were last read, and what is added to the system's
        self._state = (wall(), elapsed(), 0.0)

    def __call__(self) -> float:
        last, then, ahead = self._state
        elapsed, now = self._elapsed(), self._wall() + ahead
        expected = last + elapsed - then
        if now < expected - SETBACK_SECONDS:
            ahead, now = ahead + expected - now, expected
        self._state = (now, elapsed, ahead)
        return now


def _wait(changed: threading.Condition, so: Callable[[], object], seconds: float) -> None:
    changed.wait_for(so, seconds)


@dataclass(frozen=True)
class Clock:
    """`now` is in seconds since the epoch: a deadline outlives the process that set it.

    `wait` waits, holding a condition's lock, until the predicate is true or the seconds have passed.
    """

    now: Callable[[], float] = field(default_factory=ForwardClock)
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Condition, Callable[[], object], float], None] = _wait


SYSTEM_CLOCK = Clock()

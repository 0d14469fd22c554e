"""When to look next: how often costs calls, how seldom costs time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

RESULTS_A_POLL: Final = 20  # worth one poll of S3, when so many are pending
RESULTS_A_RECEIVE: Final = 8  # of the ten that a receive brings at most
HOLD_SECONDS: Final = 0.15  # the longest an announcement waits for company
FIRST_HOLD_SECONDS: Final = 0.05


class Rate:
    """How many results come a second, of late; None before the first."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = now()
        self.value: float | None = None

    def note(self, count: int) -> None:
        """`count` results have come since the last note."""
        now = self._now()
        elapsed, self._last = max(now - self._last, 1e-3), now
        fresh = count / elapsed
        self.value = fresh if self.value is None else 0.7 * self.value + 0.3 * fresh


class Poll:
    """The pauses between looks at S3: short at first, longer while nothing comes, as long as some results take to come."""

    def __init__(self, first: float, cap: float, now: Callable[[], float]) -> None:
        self._first, self._cap, self._pause = first, cap, first
        self._rate = Rate(now)

    def begin(self) -> None:
        """Something is pending again: look often at first."""
        self._pause = self._first

    def after(self, found: int, pending: int) -> float:
        """Seconds until the next look, when the last one found so many and so many are pending."""
        self._rate.note(found)
        if not found:
            self._pause = min(self._pause * 1.5, self._cap)
        else:
            worth = min(RESULTS_A_POLL, max(pending / 4, 1))
            wanted = max(worth / (self._rate.value or 1), self._first)
            self._pause = min(wanted, 2 * self._pause, self._cap)  # the first results say little of how fast others come
        return self._pause


class Hold:
    """The pauses between receives: a queue is emptied at once, and a trickle is let gather."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._rate = Rate(now)

    def after(self, received: int, pending: int) -> float:
        """Seconds until the next receive, when the last one brought so many and so many are pending."""
        self._rate.note(received)
        if received in (0, 10) or pending == 0:
            return 0.0
        worth = min(RESULTS_A_RECEIVE, pending)
        return min(worth / self._rate.value, HOLD_SECONDS) if self._rate.value else FIRST_HOLD_SECONDS


class Sweeps:
    """When S3 is asked although notifications come: soon after they fell silent, then more rarely, at least each minute."""

    def __init__(self, first: float, longest: float, now: float) -> None:
        self._first, self._longest, self._pause = first, longest, first
        self._swept = self._heard = now
        self._wanted = False

    def want(self) -> None:
        """Sweep at once."""
        self._wanted = True

    def due(self) -> float:
        """The moment of the next sweep."""
        if self._wanted:
            return 0.0
        return min(max(self._heard, self._swept) + self._pause, self._swept + self._longest)

    def heard(self, now: float) -> None:
        self._heard, self._pause = now, self._first

    def quiet(self, now: float) -> bool:
        """Whether nothing has been heard for as long as announcements may take."""
        return now - self._heard >= self._first

    def swept(self, now: float, *, missed: bool) -> None:
        """A sweep is over; `missed` when it found what should have been announced."""
        self._swept, self._wanted = now, False
        self._pause = self._first if missed else min(self._pause * 2, self._longest)

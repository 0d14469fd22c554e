"""Adaptive poll intervals: short ones cost API calls, long ones add latency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

RESULTS_PER_POLL: Final = 15  # that justify a poll of S3, if so many are pending
RESULTS_PER_RECEIVE: Final = 8  # of the ten that a receive returns at most
MAX_BATCH_DELAY_SECONDS: Final = 0.15  # the longest a notification waits for more
FIRST_BATCH_DELAY_SECONDS: Final = 0.05
FEW_REQUESTS: Final = 8  # pending at a time: with fewer, finding their results costs less than leasing a queue
MAX_DELAY_SHARE: Final = 0.1  # of the time that they take, from ten seconds on: the longest that a poll adds to it


class RateEstimator:
    """Results per second, as an exponential moving average; `value` is None before the first sample."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = now()
        self.value: float | None = None

    def add(self, count: int) -> None:
        """`count` results have come since the last sample."""
        now = self._now()
        elapsed, self._last = max(now - self._last, 1e-3), now
        sample = count / elapsed
        self.value = sample if self.value is None else 0.7 * self.value + 0.3 * sample


class PollInterval:
    """The interval between polls of S3: grows while nothing comes, then follows the rate of results.

    While few requests are pending it is at most a second, or a tenth of the time since the last result.
    """

    def __init__(self, first: float, longest: float, now: Callable[[], float]) -> None:
        self._first, self._longest, self._interval = first, longest, first
        self._now = now
        self._last_result = now()
        self._rate = RateEstimator(now)

    def reset(self) -> None:
        """Start with short intervals again: the first request is pending."""
        self._interval, self._last_result = self._first, self._now()

    def after(self, found: int, pending: int) -> float:
        """Seconds until the next poll, given what the last one found and how many requests are pending."""
        self._rate.add(found)
        if not found:
            self._interval = min(self._interval * 1.5, self._longest)
        else:
            enough = min(RESULTS_PER_POLL, max(pending / 4, 1))
            wanted = max(enough / (self._rate.value or 1), self._first)
            self._interval = min(wanted, 2 * self._interval, self._longest)  # the first results say little about the rate
            self._last_result = self._now()
        if pending < FEW_REQUESTS:
            self._interval = min(self._interval, max(1.0, MAX_DELAY_SHARE * (self._now() - self._last_result)))
        return self._interval


class BatchDelay:
    """The delay between receives: none while the queue is full, so long as a batch takes to gather when messages trickle."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._rate = RateEstimator(now)

    def after(self, received: int, pending: int) -> float:
        """Seconds until the next receive, given what the last one returned and how many requests are pending."""
        self._rate.add(received)
        if received in (0, 10) or pending == 0:
            return 0.0
        enough = min(RESULTS_PER_RECEIVE, pending)
        return min(enough / self._rate.value, MAX_BATCH_DELAY_SECONDS) if self._rate.value else FIRST_BATCH_DELAY_SECONDS


class ReconcileSchedule:
    """When S3 is checked although notifications come: soon after they fall silent, then with growing intervals.

    Times are seconds since the epoch.
    """

    def __init__(self, first: float, longest: float, now: float) -> None:
        self._first, self._longest, self._interval = first, longest, first
        self._last_check = self._last_notification = now
        self._requested = False

    def restart(self, now: float) -> None:
        """Notifications are relied on from `now`."""
        self._last_check = self._last_notification = now
        self._interval = self._first

    def request(self) -> None:
        """Make a check due at once."""
        self._requested = True

    def due(self) -> float:
        """When the next check is due."""
        if self._requested:
            return 0.0
        last = max(self._last_notification, self._last_check)
        return min(last + self._interval, self._last_check + self._longest)

    def notified(self, now: float) -> None:
        """Notifications have come."""
        self._last_notification, self._interval = now, self._first

    def is_silent(self, now: float) -> bool:
        """Whether no notification has come for as long as one may lag behind its result."""
        return now - self._last_notification >= self._first

    def reconciled(self, now: float, *, missed: bool) -> None:
        """A check is done; `missed` if it found results without the notification that was due."""
        self._last_check, self._requested = now, False
        self._interval = self._first if missed else min(self._interval * 2, self._longest)

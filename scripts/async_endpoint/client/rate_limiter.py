"""RateLimiter: submissions per second, limited by configuration and by what the service accepts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

MEASURED_SECONDS: Final = 2.0  # over which the accepted rate is measured; at least LEAST_MEASURED_SECONDS after a start
LEAST_MEASURED_SECONDS: Final = 0.25
CUT: Final = 0.7  # factor of the rate when calls are throttled; at most once a second
GROWTH: Final = 0.5  # relative growth of the rate per second without throttling
LEAST_SHARE: Final = 0.1  # of the best rate seen: random throttling must not slow the client down forever
LEAST_RATE: Final = 5.0


class RateLimiter:
    """Additive increase, multiplicative decrease: `rate` (calls per second) falls on throttling and grows again. Thread-safe.

    None until something limits it; then a call costs one comparison.
    """

    def __init__(self, max_rate: float | None, now: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._max, self.rate = max_rate, max_rate
        self._now, self._sleep = now, sleep
        self._lock = threading.Lock()
        self._accepted: deque[float] = deque(maxlen=10_000)
        self._best = LEAST_RATE
        self._next = 0.0  # when the next call may be made
        self._cut_at = 0.0

    def wait(self) -> None:
        """Sleep until the next call may be made."""
        if self.rate is None:
            return
        with self._lock:
            now, rate = self._now(), self.rate
            turn = max(self._next, now)
            self._next = turn + 1 / rate
        if turn > now:
            self._sleep(turn - now)

    def accepted(self) -> None:
        """Record an accepted call."""
        with self._lock:
            self._accepted.append(self._now())
            if self.rate is None or self.rate == self._max:
                return
            # r calls a second, each adding GROWTH, make the rate grow by GROWTH of itself each second
            grown = self.rate + GROWTH
            self.rate = grown if self._max is None else min(grown, self._max)

    def throttled(self) -> None:
        """Record a throttled call: reduce the rate below what the service accepts."""
        with self._lock:
            now = self._now()
            if now - self._cut_at < 1.0:  # calls in flight together count once
                return
            self._cut_at = now
            recent = [moment for moment in self._accepted if moment > now - MEASURED_SECONDS]
            taken = len(recent) / max(now - recent[0], LEAST_MEASURED_SECONDS) if recent else 0.0
            self._best = max(self._best, taken)
            limited = self.rate is not None and self.rate != self._max
            base = self.rate if limited and self.rate is not None else max(taken, LEAST_RATE)
            self.rate = max(base * CUT, self._best * LEAST_SHARE, LEAST_RATE)
            if self._max is not None:
                self.rate = min(self.rate, self._max)
            self._next = max(self._next, now)

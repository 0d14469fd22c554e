"""Request rates: a token bucket per API key or address, in this process only."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CAPACITY: Final = 10_000  # buckets; one that is evicted starts full


@dataclass(frozen=True)
class Rate:
    """`rate` requests per second, of which `burst` may come at once."""

    rate: float
    burst: int


class RateLimits:
    """Buckets of `burst` tokens that fill by `rate` a second; a request takes one. Thread-safe.

    `now` is in seconds, and does not go back where the system's time does (client/clock.py).
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when they were counted
        self._lock = threading.Lock()

    def take(self, name: str, rate: Rate) -> float:
        """Take a token of the bucket `name`: 0, or without one left the seconds until there is one."""
        with self._lock:
            now = self._now()
            tokens, counted = self._buckets.pop(name, (float(rate.burst), now))
            tokens = min(float(rate.burst), tokens + max(now - counted, 0.0) * rate.rate)
            allowed = tokens >= 1.0
            self._buckets[name] = (tokens - 1.0 if allowed else tokens, now)
            if len(self._buckets) > CAPACITY:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) / rate.rate

    def give_back(self, name: str) -> None:
        """Undo a `take`."""
        with self._lock:
            if name in self._buckets:
                tokens, counted = self._buckets[name]
                self._buckets[name] = (tokens + 1.0, counted)

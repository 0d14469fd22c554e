"""Request rates of API keys: a token bucket per key, in this process only."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from async_endpoint.http_api.access.api_keys import ApiKey

CAPACITY: Final = 10_000  # buckets; one that is evicted starts full


class RateLimits:
    """A bucket of `ApiKey.burst` tokens that fills by `ApiKey.rate` a second; a request takes one. Thread-safe."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when they were counted
        self._lock = threading.Lock()

    def take(self, key: ApiKey) -> float:
        """Take a token of `key`: 0, or without one left the seconds until there is one."""
        with self._lock:
            now = self._now()
            tokens, counted = self._buckets.pop(key.id, (float(key.burst), now))
            tokens = min(float(key.burst), tokens + max(now - counted, 0.0) * key.rate)
            allowed = tokens >= 1.0
            self._buckets[key.id] = (tokens - 1.0 if allowed else tokens, now)
            if len(self._buckets) > CAPACITY:
                self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) / key.rate

"""Time as the local AWS tells it: the wall clock, run faster by a scale.

The service's own waits (metric periods, alarms, cooldowns, launching an instance, a request's time to live) are AWS seconds
and pass `scale` times faster. A model's own time (loading, computing, the invocation time-out) is never scaled: code takes as
long as it takes.
"""

from __future__ import annotations

import threading
import time

NOTICE_SECONDS = 0.25  # real seconds within which those who wait notice that time has jumped


class ScaledClock:
    """AWS seconds since the epoch, starting at the wall clock's time, or going on from `start`."""

    def __init__(self, scale: float = 1.0, start: float | None = None) -> None:
        if scale <= 0:
            raise ValueError(f"time scale {scale} is not above zero")
        self.scale = scale
        self._origin = time.time() if start is None else start
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def now(self) -> float:
        """AWS seconds since the epoch."""
        return self._origin + (time.monotonic() - self._started) * self.scale

    def real(self, aws_seconds: float) -> float:
        """Wall-clock seconds that `aws_seconds` take."""
        return max(aws_seconds, 0.0) / self.scale

    def jump(self, aws_seconds: float) -> None:
        """Move AWS time forward, all at once."""
        with self._lock:
            self._origin += aws_seconds

    def wait(self, event: threading.Event, until: float) -> bool:
        """Wait for AWS time `until`, also if time jumps there; True if `event` was set before."""
        while (left := self.real(until - self.now())) > 0:
            if event.wait(min(left, NOTICE_SECONDS)):
                return True
        return event.is_set()

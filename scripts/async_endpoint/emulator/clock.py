"""The clock of the local AWS: the wall clock, accelerated by a time scale.

Durations of the service (metric periods, alarms, cooldowns, instance launches, a request's time to live) are AWS seconds, which
pass `scale` times faster than real ones. Durations of a model's code (loading, computing, the invocation time-out) are real
seconds.
"""

from __future__ import annotations

import threading
import time

NOTICE_SECONDS = 0.25  # real seconds until a waiting thread notices a jump


class ScaledClock:
    """AWS seconds since the epoch, starting at the wall clock's time or at `start`."""

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
        """The real seconds that `aws_seconds` take; 0 for negative ones."""
        return max(aws_seconds, 0.0) / self.scale

    def jump(self, aws_seconds: float) -> None:
        """Advance AWS time at once. It never goes back: minutes that were evaluated would not be evaluated again."""
        if aws_seconds < 0:
            raise ValueError(f"AWS time cannot go back by {-aws_seconds} seconds")
        with self._lock:
            self._origin += aws_seconds

    def wait(self, event: threading.Event, until: float) -> bool:
        """Wait until AWS time `until`, also when time jumps; True if `event` was set before."""
        while (left := self.real(until - self.now())) > 0:
            if event.wait(min(left, NOTICE_SECONDS)):
                return True
        return event.is_set()

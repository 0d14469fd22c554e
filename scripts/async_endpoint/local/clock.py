"""Time as the local AWS tells it: the wall clock, run faster by a scale.

The service's own waits (metric periods, alarms, cooldowns, launching an instance, a request's time to live) are AWS seconds
and pass `scale` times faster. A model's own time (loading, computing, the invocation time-out) is never scaled: code takes as
long as it takes.
"""

from __future__ import annotations

import time


class ScaledClock:
    """AWS seconds since the epoch, starting at the wall clock's time."""

    def __init__(self, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError(f"time scale {scale} is not above zero")
        self.scale = scale
        self._origin = time.time()
        self._started = time.monotonic()

    def now(self) -> float:
        """AWS seconds since the epoch."""
        return self._origin + (time.monotonic() - self._started) * self.scale

    def real(self, aws_seconds: float) -> float:
        """Wall-clock seconds that `aws_seconds` take."""
        return max(aws_seconds, 0.0) / self.scale

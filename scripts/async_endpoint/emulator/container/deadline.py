"""A deadline that can also be cancelled, for starting an instance."""

from __future__ import annotations

import math
import threading
import time

POLL_INTERVAL_SECONDS = 0.05


class DeadlineExceeded(Exception):
    """The deadline has passed or was cancelled; the text completes a sentence: "within 60 seconds"."""


class Deadline:
    """`seconds` real seconds from now, or until `cancelled` is set."""

    def __init__(self, seconds: float = math.inf, cancelled: threading.Event | None = None) -> None:
        self.seconds = seconds
        self._cancelled = cancelled or threading.Event()
        self._deadline = time.monotonic() + seconds

    @property
    def expired(self) -> bool:
        """Whether the time has passed; cancellation does not count."""
        return time.monotonic() > self._deadline

    def pause(self) -> None:
        """Sleep between two polls; raises DeadlineExceeded when the deadline has passed or was cancelled."""
        if self._cancelled.wait(POLL_INTERVAL_SECONDS):
            raise DeadlineExceeded("before it was stopped")
        if self.expired:
            raise DeadlineExceeded(f"within {self.seconds:g} seconds")

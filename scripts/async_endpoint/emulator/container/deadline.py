"""How long the start of an instance may take, and whether anybody still waits for it."""

from __future__ import annotations

import math
import threading
import time

POLL_INTERVAL_SECONDS = 0.05


class DeadlineExceeded(Exception):
    """Not done in time; the text says in which, as the end of a sentence."""


class Deadline:
    """`seconds` real seconds from now on, or fewer: until `unwanted` is set."""

    def __init__(self, seconds: float = math.inf, cancelled: threading.Event | None = None) -> None:
        self.seconds = seconds
        self._cancelled = cancelled or threading.Event()
        self._deadline = time.monotonic() + seconds

    @property
    def expired(self) -> bool:
        """Whether the time has passed."""
        return time.monotonic() > self._deadline

    def pause(self) -> None:
        """Between two looks at something; raises DeadlineExceeded when there is no more waiting for it."""
        if self._cancelled.wait(POLL_INTERVAL_SECONDS):
            raise DeadlineExceeded("before it was stopped")
        if self.expired:
            raise DeadlineExceeded(f"within {self.seconds:g} seconds")

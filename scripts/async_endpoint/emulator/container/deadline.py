"""How long the start of an instance may take, and whether anybody still waits for it."""

from __future__ import annotations

import math
import threading
import time

LOOK_SECONDS = 0.05


class DeadlineExceeded(Exception):
    """Not done in time; the text says in which, as the end of a sentence."""


class Deadline:
    """`seconds` real seconds from now on, or fewer: until `unwanted` is set."""

    def __init__(self, seconds: float = math.inf, unwanted: threading.Event | None = None) -> None:
        self.seconds = seconds
        self._unwanted = unwanted or threading.Event()
        self._deadline = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether the time has passed."""
        return time.monotonic() > self._deadline

    def pause(self) -> None:
        """Between two looks at something; raises DeadlineExceeded when there is no more waiting for it."""
        if self._unwanted.wait(LOOK_SECONDS):
            raise DeadlineExceeded("before it was stopped")
        if self.over:
            raise DeadlineExceeded(f"within {self.seconds:g} seconds")

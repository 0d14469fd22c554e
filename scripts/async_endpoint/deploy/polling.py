"""Waiting for AWS to settle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from async_endpoint import signals

Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Poller:
    """How long to look again, in seconds of this machine."""

    deadline: float
    pause: float = 2
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait(self, look: Callable[[], Seen], enough: Callable[[Seen], bool]) -> Seen:
        """Look until it is enough, or the deadline has passed; return what was seen last. Raises Interrupted on a signal."""
        end = self.clock() + self.deadline
        while not enough(seen := look()) and self.clock() < end:
            signals.check()
            self.sleep(self.pause)
        return seen

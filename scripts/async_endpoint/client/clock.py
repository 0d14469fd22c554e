"""The client's only view of time, so that tests wait without waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


def _wait(changed: threading.Condition, so: Callable[[], object], seconds: float) -> None:
    changed.wait_for(so, seconds)


@dataclass(frozen=True)
class Clock:
    """`now` is seconds since the epoch: a deadline outlives the process that set it.

    `wait` waits under a condition's lock until it is so, or so many seconds have passed.
    """

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Condition, Callable[[], object], float], None] = _wait


SYSTEM_CLOCK = Clock()

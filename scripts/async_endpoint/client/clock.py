"""Clock: the client's time, replaced in tests so that they do not wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


def _wait(changed: threading.Condition, so: Callable[[], object], seconds: float) -> None:
    changed.wait_for(so, seconds)


@dataclass(frozen=True)
class Clock:
    """`now` is in seconds since the epoch: a deadline outlives the process that set it.

    `wait` waits, holding a condition's lock, until the predicate is true or the seconds have passed.
    """

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    wait: Callable[[threading.Condition, Callable[[], object], float], None] = _wait


SYSTEM_CLOCK = Clock()

"""One fault that is set."""

from __future__ import annotations

import dataclasses
import math
import threading
from random import Random
from typing import Any, Generic, TypeVar

from async_endpoint.emulator.faults.kinds import Fault

F_co = TypeVar("F_co", bound=Fault, covariant=True)


class ActiveFault(Generic[F_co]):
    """A fault with a random number generator of its own, so that the same seed and order of cases give the same outcome."""

    def __init__(self, name: str, fault: F_co, now: float) -> None:
        self.id = name
        self.fault = fault
        self.asked = 0
        self.happened = 0
        self._ends_at = math.inf if fault.duration is None else now + fault.duration
        self._random = Random(fault.seed)
        self._lock = threading.Lock()

    def sample(self, now: float) -> float | None:
        """Draw for one case: None if the fault does not happen, else a number from 0 to 1 for how (jitter, say)."""
        with self._lock:
            if self.over(now):
                return None
            self.asked += 1
            chance, roll = (
                self._random.random(),
                self._random.random(),
            )  # both always: the next case must not depend on this one
            if chance >= self.fault.rate:
                return None
            self.happened += 1
            return roll

    def over(self, now: float) -> bool:
        """Whether it can never happen again."""
        return now >= self._ends_at or (self.fault.count is not None and self.happened >= self.fault.count)

    def describe(self, now: float) -> dict[str, Any]:
        """As GET /_local/faults has it: the options given or not, how many cases there were and in how many it happened."""
        options = {name: value for name, value in dataclasses.asdict(self.fault).items() if value is not None}
        left = {} if math.isinf(self._ends_at) else {"seconds_left": max(self._ends_at - now, 0.0)}
        return {"id": self.id, "kind": self.fault.name, **options, "asked": self.asked, "happened": self.happened, **left}


def spread(seconds: float, jitter: float, roll: float) -> float:
    """`seconds`, give or take up to `jitter`, as `roll` (0 to 1) says."""
    return seconds + jitter * (2.0 * roll - 1.0)

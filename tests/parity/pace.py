"""How fast AWS time passes: as the wall clock on AWS, faster on a local AWS."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """`now` is AWS time in epoch seconds; `scale` AWS seconds pass in one second.

    `grace` is how long, in seconds of the wall clock, a wait takes at least before it gives up: code takes as long as it takes.
    """

    now: Callable[[], float]
    scale: float
    grace: float
    longest_poll: float

    def wall(self, seconds: float) -> float:
        """The wall-clock seconds of AWS seconds."""
        return seconds / self.scale


AWS_PACE = Pace(time.time, 1.0, 0.0, 15.0)


def local_pace(now: Callable[[], float], scale: float) -> Pace:
    """The pace of a local AWS with this time scale."""
    return Pace(now, scale, 20.0, 0.25)

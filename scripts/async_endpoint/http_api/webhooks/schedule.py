"""Schedule of retries: growing delays with jitter, for a day after the first attempt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

DAY_SECONDS: Final = 86_400.0
DELAYS_SECONDS: Final = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0)  # the last one repeats
JITTER: Final = 0.15  # share of a delay: receivers that fail together are not all tried at one moment again
MAX_HOP_SECONDS: Final = 900  # the longest delay of an SQS message (SendMessage API reference, DelaySeconds)


@dataclass(frozen=True)
class RetrySchedule:
    """`delays[n]` seconds pass after failed attempt n + 1, shortened by jitter; none ends after `window` seconds."""

    delays: tuple[float, ...] = DELAYS_SECONDS
    window: float = DAY_SECONDS
    draw: Callable[[], float] = random.random

    def next_attempt(self, attempt: int, first_at: float, now: float, retry_after: float | None = None) -> float | None:
        """When to try again after failed attempt number `attempt`, in seconds since the epoch; None to give up.

        `retry_after` is what the receiver asked for, in seconds; it can lengthen a delay to the longest of the schedule.
        """
        delay = self.delays[min(attempt, len(self.delays)) - 1] * (1 - JITTER * self.draw())
        moment = now + max(delay, min(retry_after or 0.0, self.delays[-1]))
        return moment if moment <= first_at + self.window else None


def hop_seconds(not_before: float, now: float) -> int:
    """The DelaySeconds of a message that must not be handled before `not_before`; later messages hop several times."""
    return max(0, min(MAX_HOP_SECONDS, round(not_before - now + 0.5)))

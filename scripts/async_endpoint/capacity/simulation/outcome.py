"""What a simulation found."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from async_endpoint.autoscaling.alarms import AlarmState

SORTED_AT_ONCE: Final = 500_000  # values; their sorted list is kept
SAMPLED: Final = 10_000


class Activity(NamedTuple):
    """A scaling activity: capacity `before` and `after`, the same for a scheduled action, which sets bounds.

    `cause` is worded as a scaling activity's; alarms of target tracking are named after their policy, `-AlarmHigh` or
    `-AlarmLow`, and those of step scaling `-Alarm`.
    """

    time: float
    before: int
    after: int
    cause: str


class Minute(NamedTuple):
    """The metrics of a minute, by its end `time`, and desired capacity and alarms after the decision made then."""

    time: float
    backlog: int
    desired: int
    in_service: int
    oldest_age: float
    alarms: dict[str, AlarmState]


@dataclass(frozen=True)
class Outcome:
    """Each request is in `waits` and `latencies` (seconds, both by arrival), or counts in `expired` or `failed`.

    `unserved` has the indices of the latter in the workload. `late` requests had no outcome at the window's end.
    `instance_seconds` is billed time and `launches` the number of instances started after the beginning. `end` is when
    simulation ended: the window's end, or that of the minute of the last late request. `timeline` is empty unless asked for.
    """

    waits: array[float]
    latencies: array[float]
    unserved: array[int]
    expired: int
    failed: int
    late: int
    activities: tuple[Activity, ...]
    instance_seconds: float
    launches: int
    end: float
    timeline: tuple[Minute, ...] = ()

    @property
    def requests(self) -> int:
        return len(self.waits) + self.expired + self.failed

    @property
    def instance_hours(self) -> float:
        return self.instance_seconds / 3600

    def wait(self, percent: float) -> float:
        """The wait in seconds that `percent` percent of the requests do not exceed; inf where too many expired or failed.

        0 without requests. The percentile is the smallest such wait, as CloudWatch's (A175).
        """
        return self._percentile(self.waits, lambda: self._ordered_waits, percent)

    def latency(self, percent: float) -> float:
        """The same for the time from arrival to the end of service."""
        return self._percentile(self.latencies, lambda: self._ordered_latencies, percent)

    def _percentile(self, values: array[float], ordered: Callable[[], Sequence[float]], percent: float) -> float:
        if not self.requests:
            return 0.0
        rank = max(1, math.ceil(self.requests * percent / 100))
        if rank > len(values):
            return math.inf
        return ordered()[rank - 1] if len(values) <= SORTED_AT_ONCE else ranked(values, rank)

    @cached_property
    def _ordered_waits(self) -> Sequence[float]:
        return sorted(self.waits)

    @cached_property
    def _ordered_latencies(self) -> Sequence[float]:
        return sorted(self.latencies)


def ranked(values: array[float], rank: int) -> float:
    """The value that sorting would put at `rank`, 1 for the smallest; needs little memory, since it sorts a part only.

    The part is between two values of a sample; where it does not contain the rank, all values are sorted.
    """
    sample = sorted(values[:: max(1, len(values) // SAMPLED)])
    place = rank * len(sample) // len(values)
    low = sample[max(place - SAMPLED // 50, 0)]
    high = sample[min(place + SAMPLED // 50, len(sample) - 1)]
    below = sum(1 for value in values if value < low)
    if below < rank <= below + values.count(low):
        return low
    inside = array("d", (value for value in values if low <= value <= high))
    return sorted(inside)[rank - below - 1] if below < rank <= below + len(inside) else sorted(values)[rank - 1]

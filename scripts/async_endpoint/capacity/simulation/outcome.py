"""What a simulation found."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from async_endpoint.autoscaling.alarms import AlarmState


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
        return self._percentile(self._ordered_waits, percent)

    def latency(self, percent: float) -> float:
        """The same for the time from arrival to the end of service."""
        return self._percentile(self._ordered_latencies, percent)

    def _percentile(self, ordered: Sequence[float], percent: float) -> float:
        if not self.requests:
            return 0.0
        rank = max(1, math.ceil(self.requests * percent / 100))
        return ordered[rank - 1] if rank <= len(ordered) else math.inf

    @cached_property
    def _ordered_waits(self) -> Sequence[float]:
        return sorted(self.waits)

    @cached_property
    def _ordered_latencies(self) -> Sequence[float]:
        return sorted(self.latencies)

"""Workloads: when requests arrive, and how long each takes alone on an instance."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from async_endpoint.capacity.distributions import Distribution, draws
from async_endpoint.core import limits
from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class Workload:
    """Requests of one endpoint from `start` to `end` (epoch seconds), the window that is billed and reported.

    `arrivals` (epoch seconds, array of type d) ascend and lie in the window; `service` has the seconds that each request takes
    alone on an instance. `source` is one line for reports; `estimated` marks arrivals that were not recorded one by one.
    Raises InvalidInput.
    """

    arrivals: array[float]
    service: array[float]
    start: float
    end: float
    source: str = ""
    estimated: bool = False

    def __post_init__(self) -> None:
        if len(self.arrivals) != len(self.service):
            raise InvalidInput(
                f"A workload has {len(self.arrivals)} arrivals and {len(self.service)} service times; give as many of each."
            )
        if not -math.inf < self.start < self.end < math.inf:
            raise InvalidInput(f"A workload runs from {self.start:.0f} to {self.end:.0f}; its end must be after its start.")
        if not all(before <= after for before, after in pairwise(self.arrivals)):
            raise InvalidInput("The arrivals of a workload are not in ascending order; sort them by time.")
        if self.arrivals and not (self.start <= self.arrivals[0] and self.arrivals[-1] <= self.end):
            raise InvalidInput("Arrivals of a workload lie outside its window; widen the window.")
        if any(not 0 <= seconds < math.inf for seconds in self.service):
            raise InvalidInput("A service time of a workload is negative or not finite; use 0 or more seconds.")

    @classmethod
    def of(
        cls,
        arrivals: Iterable[float],
        service: Distribution | Iterable[float],
        start: float,
        end: float,
        *,
        seed: int | str = 0,
        source: str = "",
        estimated: bool = False,
    ) -> Workload:
        """From arrivals, with service times as recorded or drawn from a distribution (seeded)."""
        times = array("d", arrivals)
        if isinstance(service, Iterable):
            return cls(times, array("d", service), start, end, source, estimated)
        seconds = draws(service, seed, "service")
        return cls(times, array("d", (next(seconds) for _ in times)), start, end, source, estimated)

    def __len__(self) -> int:
        return len(self.arrivals)

    @property
    def seconds(self) -> float:
        """The length of the window."""
        return self.end - self.start

    def stretched(self, seconds: float) -> Workload:
        """The same requests over a window of `seconds`: times between arrivals are scaled, service times are not."""
        if not 0 < seconds < math.inf:
            raise InvalidInput(f"A workload is stretched to {seconds:g} s; use more than 0 seconds.")
        factor = seconds / self.seconds
        times = array("d", (min(self.start + (time - self.start) * factor, self.start + seconds) for time in self.arrivals))
        return Workload(times, self.service, self.start, self.start + seconds, self.source, self.estimated)


def within_timeout(service: Iterable[float]) -> tuple[array[float], tuple[str, ...]]:
    """Service times cut where the longest invocation ends, and a sentence if any was longer."""
    longest = float(limits.MAX_INVOCATION_TIMEOUT_SECONDS)
    seconds = array("d", service)
    count = sum(one > longest for one in seconds)
    if not count:
        return seconds, ()
    note = f"{count:,} requests take longer than an invocation may, {longest:,.0f} s: they end then, and count as served."
    return array("d", (min(one, longest) for one in seconds)), (note,)

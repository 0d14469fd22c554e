"""A lower bound on what any schedule of instances costs, even one that knows every arrival in advance.

Derivation and proof sketch: docs/adr/0095. A schedule may launch and stop instances at any moment and serve requests in any
order; it must give a share of the requests their start of service within a waiting time. Three relaxations follow, each cheaper
than any real schedule:

- *presence*: one instance is up while a request is served, and each period without one ends with a launch, which is paid for;
- *work*: the instances together are up at least as long as all service takes at the highest rate of one instance;
- requests that may miss the waiting time cost nothing, and the cheapest of them do (Lagrange: a penalty for each).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from async_endpoint.capacity.slowdown import NONE, Slowdown
from async_endpoint.capacity.workload import Workload

# Shares of presence against work that are tried for each busy period, and how many times a request is looked at in all.
_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_STEPS: Final = 2_000_000
_MOST_PENALTIES: Final = 24


@dataclass(frozen=True)
class BoundedInstance:
    """What the bound assumes of an instance: the shortest start in seconds, most requests at a time, and their slowdown."""

    start_seconds: float
    concurrency: int
    slowdown: Slowdown = NONE

    @property
    def rate(self) -> float:
        """The most seconds of service (alone on an instance) that one instance does in a second.

        Of the requests in process at a moment, at most j began with j or fewer: so the factors that apply are at best those of
        concurrency 1, 2, … one after the other.
        """
        return sum(1 / factor for factor in self._factors)

    @property
    def shortest(self) -> float:
        """The smallest factor on a service time."""
        return self._factors[0]

    @property
    def longest(self) -> float:
        """The largest factor on a service time."""
        return max(self.slowdown.factor(level) for level in range(1, self.concurrency + 1))

    @property
    def _factors(self) -> tuple[float, ...]:
        """By concurrency from 1: the smallest factor of it or of a larger one, so that they do not decrease."""
        factors: list[float] = []
        for level in range(self.concurrency, 0, -1):
            factors.append(min(self.slowdown.factor(level), factors[-1] if factors else math.inf))
        return tuple(reversed(factors))


def least_instance_seconds(
    workload: Workload, wait: float, percent: float, instance: BoundedInstance, *, warm: bool = True, steps: int | None = None
) -> float:
    """Instance seconds billed under every schedule in which the waiting time of `percent` percent is at most `wait` seconds.

    `warm` assumes instances that are in service when the window begins; without it, the first launch is paid for as well. More
    `steps` (requests looked at in all) give a higher bound; every one is valid.
    """
    if not workload.arrivals:
        return 0.0
    requests = _Requests.of(workload, wait, instance)
    blocks = [
        _Block(requests, first, last, workload.start if warm and not first else None) for first, last in requests.blocks()
    ]
    free = len(workload) - max(1, math.ceil(len(workload) * percent / 100))
    if free == 0:
        return math.fsum(block.cost(math.inf, _SHARES) for block in blocks)
    rounds = (steps or _STEPS) // len(workload)
    shares = _SHARES if rounds >= 4 * len(_SHARES) else (0.0, 1.0)
    return _best_penalty(blocks, free, shares, min(_MOST_PENALTIES, max(2, rounds // len(shares))), requests)


def _best_penalty(blocks: Sequence[_Block], free: int, shares: Sequence[float], rounds: int, requests: _Requests) -> float:
    """The largest bound over penalties; each penalty gives a valid one, so the search need not be exact."""
    highest = requests.start_seconds + max(requests.service) + max(requests.work)
    lowest = max(min(requests.work), highest * 1e-6, 1e-9)
    best, step = 0.0, (highest / lowest) ** (1 / max(rounds - 1, 1))
    for index in range(rounds):
        penalty = lowest * step**index
        best = max(best, math.fsum(block.cost(penalty, shares) for block in blocks) - penalty * free)
    return best


@dataclass(frozen=True)
class _Requests:
    """Requests with their shortest service and least work in seconds; `tails` as of _tails, `longest` a factor on `service`."""

    arrivals: Sequence[float]
    service: Sequence[float]
    work: Sequence[float]
    tails: Sequence[float]
    wait: float
    longest: float
    start_seconds: float

    @classmethod
    def of(cls, workload: Workload, wait: float, instance: BoundedInstance) -> _Requests:
        arrivals = workload.arrivals
        service = [seconds * instance.shortest for seconds in workload.service]
        work = [seconds / instance.rate for seconds in workload.service]
        longest = instance.longest / instance.shortest
        return cls(arrivals, service, work, _tails(arrivals, service, wait), wait, longest, instance.start_seconds)

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of requests between pauses so long that no schedule saves by keeping an instance up through them."""
        first, latest = 0, -math.inf
        for index, arrival in enumerate(self.arrivals):
            if index and arrival >= latest + self.start_seconds:
                yield first, index
                first = index
            latest = max(latest, arrival + self.wait + self.service[index] * self.longest)
        if self.arrivals:
            yield first, len(self.arrivals)


def _tails(arrivals: Sequence[float], service: Sequence[float], wait: float) -> list[float]:
    """For each request, the shortest service of it and of later ones that it can be exchanged with (a chain of overlaps)."""
    tails = list(service)
    for index in range(len(tails) - 2, -1, -1):
        if arrivals[index + 1] <= arrivals[index] + wait:
            tails[index] = min(tails[index], tails[index + 1])
    return tails


class _Block:
    """The requests from `first` up to `last`; `up_since` is when an instance may have been up without a launch."""

    def __init__(self, requests: _Requests, first: int, last: int, up_since: float | None) -> None:
        self._requests = requests
        self._arrivals = requests.arrivals[first:last]
        self._work = requests.work[first:last]
        self._tails = requests.tails[first:last]
        self._up_since = up_since

    def cost(self, penalty: float, shares: Sequence[float]) -> float:
        """Least instance seconds, plus `penalty` for each request that is not served in time; the best share is used."""
        return max(self._cost(penalty, share) for share in shares)

    def _cost(self, penalty: float, share: float) -> float:
        """Dynamic program over requests in order of arrival: each period of presence serves a range of consecutive ones.

        A period that serves requests i to j, and begins at the latest moment for i, costs its launch and a mean of presence
        (weight `share`) and work, which is at most the larger of them. `base`: the least cost of all before i, less their work.
        """
        wait, launch, rest = self._requests.wait, self._requests.start_seconds, 1 - share
        cost = works = 0.0
        opened = math.inf  # least base, less the beginning, of the periods that began before this arrival
        pending: deque[tuple[float, float]] = deque()  # (latest beginning, base) of those that begin after it
        least: deque[tuple[float, float]] = deque()  # those of `pending` that can still have the least base, which ascends
        for arrival, work, tail in zip(self._arrivals, self._work, self._tails, strict=True):
            base = cost - works
            works += rest * min(work, penalty)
            pending.append((arrival + wait, base))
            while least and least[-1][1] >= base:
                least.pop()
            least.append((arrival + wait, base))
            while pending and pending[0][0] <= arrival:
                beginning, begun = pending.popleft()
                opened = min(opened, begun - share * beginning)
                if least[0][0] == beginning:
                    least.popleft()
            served = opened + share * arrival
            if least:
                served = min(served, least[0][1])
            served += launch
            if self._up_since is not None:
                served = min(served, share * (arrival - self._up_since))
            cost = min(cost + penalty, served + works + share * tail)
        return cost

"""Arrivals estimated from CloudWatch metrics, for endpoints whose requests are listed nowhere.

SageMaker publishes no count of what asynchronous endpoints accept: `Invocations` is not among their metrics (developer guide,
"Alarms and logs for tracking metrics from asynchronous endpoints"). What arrived in a period is what left, plus the change of
the backlog:

    arrivals = backlog at its end - backlog at its beginning + processed + expired

`InvocationsProcessed` counts failed invocations too, and no expired ones (A305); the backlog includes requests in process.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from async_endpoint.capacity.distributions import stream

DEBT_PERIODS: Final = 5
_MINUTE: Final = 60


@dataclass(frozen=True)
class PeriodCounts:
    """One period of the metrics: its start in epoch seconds, the backlog at its end (None: not published), and sums of it."""

    start: float
    backlog: float | None
    processed: float = 0.0
    expired: float = 0.0


def period_counts(
    backlog: Mapping[float, float], processed: Mapping[float, float], expired: Mapping[float, float]
) -> list[PeriodCounts]:
    """The periods of three series by their start, in order; a period that none of them has is left out."""
    starts = sorted({*backlog, *processed, *expired})
    return [PeriodCounts(start, backlog.get(start), processed.get(start, 0.0), expired.get(start, 0.0)) for start in starts]


def backlog_at_ends(
    average: Mapping[float, float], lowest: Mapping[float, float], highest: Mapping[float, float], period: int
) -> dict[float, float]:
    """The backlog at the end of each period, from statistics of its minutes, each of which counts at its end.

    The average is that of the period's middle: towards the next average it is interpolated, within the extremes, so that a jump
    next to a period stays out of it. Nothing is known after the last average. A period of a minute has one value.
    """
    if period <= _MINUTE:
        return dict(average)
    weight = (period - _MINUTE) / 2 / period
    found = {}
    for start, value in average.items():
        between = value + weight * (average.get(start + period, value) - value)
        found[start] = min(max(between, lowest.get(start, between)), highest.get(start, between))
    return found


def arrivals_by_period(counts: Sequence[PeriodCounts], backlog_before: float = 0.0) -> list[tuple[float, int]]:
    """How many requests arrived in each period, as (its start, number), for periods with any.

    `backlog_before` is the backlog at the beginning of the first period. The metrics of a period are not of exactly the same
    time: where that makes a period negative, the difference is taken from the next DEBT_PERIODS, so that the sum stays right.
    What is negative for longer is a backlog that was deleted with its endpoint, and is dropped.
    """
    found: list[tuple[float, int]] = []
    known, carried, negative = backlog_before, 0.0, 0
    for one in counts:
        carried += one.processed + one.expired
        if one.backlog is not None:
            carried += one.backlog - known
            known = one.backlog
        number = int(carried + 1e-6)
        if number > 0:
            found.append((one.start, number))
            carried -= number
        negative = negative + 1 if carried <= -1 else 0
        if negative > DEBT_PERIODS:
            carried, negative = 0.0, 0
    return found


def estimated_times(counts: Sequence[PeriodCounts], period: int, seed: int | str, backlog_before: float = 0.0) -> array[float]:
    """Arrival times in epoch seconds, ascending: the requests of a period are spread over it at random, the same for a seed."""
    draw = stream(seed, "arrivals")
    times = array("d")
    for start, number in arrivals_by_period(counts, backlog_before):
        times.extend(sorted(start + draw.random() * period for _ in range(number)))
    return times

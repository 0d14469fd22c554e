"""Samples of a metric, aggregated into periods the way CloudWatch does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from async_endpoint.contract.errors import InvalidInput

Statistic = Literal["Average", "Sum", "Minimum", "Maximum", "SampleCount"]

_REDUCE: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "Average": lambda values: math.fsum(values) / len(values),
    "Sum": math.fsum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}


@dataclass(frozen=True)
class Sample:
    """One published value; `time` is epoch seconds."""

    time: float
    value: float


def reduce(values: Sequence[float], statistic: Statistic) -> float:
    """One value out of at least one; raises InvalidInput for a statistic CloudWatch does not have."""
    if statistic not in _REDUCE:
        raise InvalidInput(f"Statistic {statistic!r} is not known; use one of {', '.join(_REDUCE)}.")
    return _REDUCE[statistic](values)


def aggregate(samples: Iterable[Sample], statistic: Statistic, period: int, end: float, count: int) -> list[float | None]:
    """The `count` latest whole periods that end at or before `end`, oldest first; None where a period has no sample.

    Periods are `period` seconds long, start at multiples of it since the epoch and hold the samples of [start, start + period).
    An empty period has no datapoint at all, so Sum and SampleCount are None there too, not zero.
    Raises InvalidInput unless `period` is at least one second.
    """
    if period < 1:
        raise InvalidInput(f"A metric period is {period} seconds; use at least 1.")
    first = math.floor(end / period) - count
    found: list[list[float]] = [[] for _ in range(count)]
    for sample in samples:
        index = math.floor(sample.time / period) - first
        if 0 <= index < count:
            found[index].append(sample.value)
    return [reduce(values, statistic) if values else None for values in found]


def latest(values: Sequence[float | None]) -> float | None:
    """The newest value there is, of values oldest first."""
    return next((value for value in reversed(values) if value is not None), None)

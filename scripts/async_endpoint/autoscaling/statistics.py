"""Metrics by name and dimensions, and the aggregation of their samples into periods, as CloudWatch does it.

Source: CloudWatch user guide, "Statistics definitions" and "Percentiles". CloudWatch's algorithm for percentiles is not
published; A175: pN is the smallest value that at least N percent of the values do not exceed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from async_endpoint.core.errors import InvalidInput

Statistic = Literal["Average", "Sum", "Minimum", "Maximum", "SampleCount"]

_PERCENTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


class MetricId(NamedTuple):
    """A metric's identity in CloudWatch; dimensions as sorted (name, value) pairs."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> MetricId:
        """From dimensions as the API has them, {"Name", "Value"} in any order."""
        return cls(namespace, name, tuple(sorted((item["Name"], item["Value"]) for item in dimensions)))


@dataclass(frozen=True)
class Sample:
    """A publication for `time` (epoch seconds): one value, or the statistics of `count` values.

    `values` pairs each value with its count; empty where only the statistics are known: the sample then has no percentiles.
    """

    time: float
    total: float
    count: float
    minimum: float
    maximum: float
    values: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, time: float, *values: float, counts: Sequence[float] | None = None) -> Sample:
        """From one or more values with their counts, by default 1 each."""
        pairs = tuple(zip(values, counts or [1.0] * len(values), strict=True))
        total = math.fsum(value * count for value, count in pairs)
        return cls(time, total, math.fsum(count for _, count in pairs), min(values), max(values), pairs)

    @classmethod
    def of_set(cls, time: float, count: float, total: float, minimum: float, maximum: float) -> Sample:
        """From a statistic set. Minimum equal to maximum means that all values are known."""
        return cls(time, total, count, minimum, maximum, ((minimum, count),) if minimum == maximum else ())


def _sum(samples: Sequence[Sample]) -> float:
    return math.fsum(sample.total for sample in samples)


def _count(samples: Sequence[Sample]) -> float:
    return math.fsum(sample.count for sample in samples)


_COMBINE: Final[Mapping[str, Callable[[Sequence[Sample]], float | None]]] = {
    "Average": lambda samples: _sum(samples) / _count(samples) if _count(samples) else None,
    "Sum": _sum,
    "Minimum": lambda samples: min(sample.minimum for sample in samples),
    "Maximum": lambda samples: max(sample.maximum for sample in samples),
    "SampleCount": _count,
}


def is_statistic(name: str) -> bool:
    """Whether `name` is a statistic, p0 to p100 included; trimmed means and percentile ranks are not emulated."""
    return name in _COMBINE or is_percentile(name)


def is_percentile(name: str) -> bool:
    """Whether `name` is one of p0 to p100."""
    return _PERCENTILE.fullmatch(name) is not None


def combine(samples: Sequence[Sample], statistic: str) -> float | None:
    """Aggregate the samples of a period; None without samples. Raises InvalidInput for an unknown statistic."""
    if not samples:
        return None
    if statistic in _COMBINE:
        return _COMBINE[statistic](samples)
    found = _PERCENTILE.fullmatch(statistic)
    if found is None:
        raise InvalidInput(f"Statistic {statistic!r} is not known; use one of {', '.join(get_args(Statistic))} or p0 to p100.")
    return _percentile(samples, float(found[1]))


def reduce(values: Sequence[float], statistic: Statistic) -> float:
    """Aggregate one or more values; raises InvalidInput for an unknown statistic."""
    if values and statistic == "Average":  # of most step scaling policies, in every minute of a simulation
        return math.fsum(values) / len(values)
    reduced = combine([Sample.of(0.0, value) for value in values], statistic)
    if reduced is None:
        raise InvalidInput(f"There is no {statistic} of no values; give at least one.")
    return reduced


def periods(samples: Iterable[Sample], start: float, period: int, count: int) -> list[list[Sample]]:
    """The samples of `count` periods of `period` seconds, the first of which starts at `start`; oldest first.

    Raises InvalidInput unless `period` is at least one second.
    """
    if period < 1:
        raise InvalidInput(f"A metric period is {period} seconds; use at least 1.")
    found: list[list[Sample]] = [[] for _ in range(count)]
    for sample in samples:
        index = math.floor((sample.time - start) / period)
        if 0 <= index < count:
            found[index].append(sample)
    return found


def aggregate(samples: Iterable[Sample], statistic: str, period: int, end: float, count: int) -> list[float | None]:
    """The `count` latest whole periods that end at or before `end`, oldest first; None where a period has no sample.

    Periods start at multiples of `period` seconds since the epoch and hold the samples of [start, start + period).
    An empty period has no datapoint at all, so Sum and SampleCount are None there too, not zero.
    """
    start = (math.floor(end / period) - count) * period if period >= 1 else 0
    return [combine(found, statistic) for found in periods(samples, start, period, count)]


def latest(values: Sequence[float | None]) -> float | None:
    """The newest known value of `values`, which are oldest first."""
    return next((value for value in reversed(values) if value is not None), None)


def _percentile(samples: Sequence[Sample], percent: float) -> float | None:
    """None where a value is not known, or negative: "not available for metrics when any of the metric values are negative"."""
    if not all(sample.values and sample.minimum >= 0 for sample in samples):
        return None
    pairs = sorted(pair for sample in samples for pair in sample.values)
    needed, seen = _count(samples) * percent / 100, 0.0
    for value, count in pairs:
        seen += count
        if seen >= needed:
            return value
    return pairs[-1][0]

"""Every datapoint put to CloudWatch, by metric, so that evaluating an alarm does not search all of them."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from async_endpoint.autoscaling.policies import MetricId
from async_endpoint.autoscaling.statistics import Sample, Statistic, aggregate

KEPT_DATAPOINTS = 3_000  # two days of minutes: more than any alarm looks back


@dataclass(frozen=True)
class _Point:
    """One datum: a single value, or the statistic set that was put in its place."""

    time: float
    count: float
    total: float
    minimum: float
    maximum: float

    def value(self, statistic: Statistic) -> float:
        values: dict[Statistic, float] = {
            "Average": self.total / self.count if self.count else 0.0,
            "Sum": self.total,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
            "SampleCount": self.count,
        }
        return values[statistic]


class Samples:
    """Datapoints by region and metric. Several statistic sets in one period are averaged unweighted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: defaultdict[tuple[str, MetricId], list[_Point]] = defaultdict(list)  # by time

    def record(self, region: str, namespace: str, datum: Mapping[str, Any], now: float) -> None:
        """Take one member of a PutMetricData request; a time without a zone is UTC, and one without a time is of `now`."""
        when = datum.get("Timestamp")
        time = when.replace(tzinfo=when.tzinfo or UTC).timestamp() if isinstance(when, datetime) else now
        key = (region, metric_id(namespace, datum["MetricName"], datum.get("Dimensions") or ()))
        with self._lock:
            points = self._points[key]
            for point in _points(datum, time):
                insort(points, point, key=_time)
            del points[:-KEPT_DATAPOINTS]

    def values(
        self, region: str, metric: MetricId, statistic: Statistic, period: int, end: float, count: int
    ) -> list[float | None]:
        """The latest `count` periods up to `end` (AWS seconds), oldest first; None where there is no datapoint."""
        with self._lock:
            points = self._points.get((region, metric), [])
            points = points[bisect_left(points, end - (count + 1) * period, key=_time) :]
        reduce_by: Literal["Sum"] | Statistic = "Sum" if statistic == "SampleCount" else statistic
        return aggregate((Sample(point.time, point.value(statistic)) for point in points), reduce_by, period, end, count)


def _time(point: _Point) -> float:
    return point.time


def _points(datum: Mapping[str, Any], time: float) -> list[_Point]:
    sets = datum.get("StatisticValues")
    if sets:
        return [_Point(time, *(float(sets[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")))]
    values = [float(value) for value in datum.get("Values") or [datum.get("Value", 0.0)]]
    counts = [float(count) for count in datum.get("Counts") or [1.0] * len(values)]
    return [_Point(time, count, value * count, value, value) for value, count in zip(values, counts, strict=True)]


def metric_id(namespace: str, name: str, dimensions: Any) -> MetricId:
    """A metric's identity; `dimensions` is a sequence of {"Name", "Value"}, in any order."""
    return MetricId(namespace, name, tuple(sorted((item["Name"], item["Value"]) for item in dimensions)))

"""Metrics by period, from the metric store: start times as CloudWatch rounds them, one unit for each period.

Sources: API reference, GetMetricData (StartTime, Period, Unit) and GetMetricStatistics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from async_endpoint.autoscaling.metric_math.queries import Fetch, MetricQuery
from async_endpoint.autoscaling.metric_math.values import Grid
from async_endpoint.autoscaling.statistics import MetricId, Sample, combine, periods
from async_endpoint.emulator.scaling.metric_store import MetricStore

_HOUR, _DAY = 3_600, 86_400


class Row(NamedTuple):
    """The samples of one unit in the period that starts at `time` (AWS seconds)."""

    time: float
    unit: str
    samples: list[Sample]


class MetricReader(NamedTuple):
    """Reads the metrics of a region at `now` (AWS seconds)."""

    store: MetricStore
    region: str
    now: float

    def grid(self, start: float, end: float, period: int) -> Grid:
        """The periods of a request from `start` to `end` (AWS seconds)."""
        begin = self._rounded(start, period)
        return Grid(begin, period, max(0, math.ceil((end - begin) / period)))

    def rows(self, metric: MetricId, grid: Grid, unit: str | None, end: float) -> Iterator[Row]:
        """The samples up to `end` (AWS seconds) by period and unit, in this order; periods without samples are left out."""
        begin = max(grid.start, self._retained_since(grid.period))
        found = self.store.between(self.region, metric, begin, min(end, grid.start + grid.period * grid.count))
        rows = [
            Row(grid.start + index * grid.period, of, samples)
            for of, series in found.items()
            if unit in (None, of)
            for index, samples in enumerate(periods(series, grid.start, grid.period, grid.count))
            if samples
        ]
        yield from sorted(rows, key=lambda row: row[:2])

    def points(self, query: MetricQuery, grid: Grid, end: float) -> tuple[dict[float, float], list[str]]:
        """The value of each period that has one, by its start, and the units that were found.

        Of several units in a period, the first in the order of their names counts (LocalStack's snapshots recorded on AWS).
        """
        values: dict[float, float] = {}
        units = set()
        for row in self.rows(query.metric, grid, query.unit, end):
            units.add(row.unit)
            value = combine(row.samples, query.statistic) if row.time not in values else None
            if value is not None:
                values[row.time] = value
        return values, sorted(units)

    def fetch(self, end: float) -> Fetch:
        """The values of metrics by period, for metric math; `end` is that of the request (AWS seconds)."""

        def values(query: MetricQuery, grid: Grid) -> tuple[float | None, ...]:
            found, _ = self.points(query, grid, end)
            return tuple(found.get(time) for time in grid.times())

        return values

    def _rounded(self, start: float, period: int) -> float:
        """To a minute, to 5 minutes or an hour for older times, to the period below a minute."""
        age = self.now - start
        step = period if period < 60 else 60 if age < 15 * _DAY else 300 if age < 63 * _DAY else _HOUR
        return math.floor(start / step) * step

    def _retained_since(self, period: int) -> float:
        """Since when data is available in periods of this length (AWS seconds)."""
        if period < 60:
            return self.now - 3 * _HOUR
        kept = 15 if period % 300 else 63 if period % _HOUR else 455
        return self.now - kept * _DAY


def epoch(when: datetime) -> float:
    """Epoch seconds; the times that moto parses are UTC without a time zone."""
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()

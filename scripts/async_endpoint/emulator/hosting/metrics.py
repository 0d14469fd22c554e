"""Metrics of an endpoint: statistic sets collected between two scaled minutes, and time series of gauges."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from async_endpoint.core.metrics import Metric


@dataclass
class StatisticSet:
    """CloudWatch's aggregate of one metric over one period. `rounded` counts rounded values, for percentiles."""

    count: int = 0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    rounded: Counter[float] = field(default_factory=Counter)

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        self.rounded[float(f"{value:.2g}")] += 1  # bounds the number of distinct values

    def include(self, other: StatisticSet) -> None:
        """Add all values of another set."""
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        self.rounded.update(other.rounded)


def merged(sets: Iterable[Mapping[Metric, StatisticSet]]) -> dict[Metric, StatisticSet]:
    """The statistics of several sources together, by metric."""
    result: dict[Metric, StatisticSet] = {}
    for source in sets:
        for metric, counted in source.items():
            result.setdefault(metric, StatisticSet()).include(counted)
    return result


class EndpointMetrics:
    """Counters and timers of one variant with one configuration, in the units core/metrics.py names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._period: dict[Metric, StatisticSet] = {}

    def add(self, metric: Metric, value: float = 1.0) -> None:
        with self._lock:
            self._period.setdefault(metric, StatisticSet()).add(value)

    def current(self) -> dict[Metric, StatisticSet]:
        """The statistics since the last flush."""
        with self._lock:
            return dict(self._period)

    def restore(self, current: Mapping[Metric, StatisticSet]) -> None:
        """Continue from saved statistics."""
        with self._lock:
            self._period = dict(current)

    def flush(self) -> dict[Metric, StatisticSet]:
        """Return the statistics since the last flush, and start over."""
        with self._lock:
            period, self._period = self._period, {}
        return period


class TimeSeries:
    """The history of a gauge, so that a minute published late shows the value it had then. Times are AWS seconds.

    Queries must be in ascending order. Not thread-safe: its owner holds a lock.
    """

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque()

    def set(self, now: float, value: int) -> None:
        if not self._steps or self._steps[-1][1] != value:
            self._steps.append((now, value))

    def at(self, moment: float) -> int | None:
        """The value at `moment`, None if it was not set yet; discards older values."""
        while len(self._steps) > 1 and self._steps[1][0] <= moment:
            self._steps.popleft()
        return self._steps[0][1] if self._steps and self._steps[0][0] <= moment else None

"""The datapoints put to CloudWatch, by metric: alarms are evaluated on them, and metric queries answered from them.

Bounded: each metric keeps its latest MAX_SAMPLES, the latest MAX_SAMPLES_WITH_VALUES of them with percentiles, and each region
the MAX_METRICS metrics that were written to last.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from async_endpoint.autoscaling.statistics import MetricId, Sample, aggregate

MAX_SAMPLES = 3_000  # two days of minutes: more than any alarm looks back
MAX_SAMPLES_WITH_VALUES = 500  # eight hours
MAX_METRICS = 10_000  # in each region
_BY_TIME = attrgetter("time")

Series = dict[str, list[Sample]]  # by unit, each by time: CloudWatch keeps units apart
Saved = dict[str, list[tuple[MetricId, Series]]]  # by region


class MetricStore:
    """Samples by region, metric and unit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._regions: dict[str, OrderedDict[MetricId, Series]] = {}  # the metric written to last comes last

    def record(self, region: str, namespace: str, datum: Mapping[str, Any], now: float) -> None:
        """Store one member of a PutMetricData request. A time without a zone is UTC; the default is `now` (AWS seconds).

        Without a StorageResolution of 1 second it is stored at 1-minute resolution ("High-resolution metrics").
        """
        when = datum.get("Timestamp")
        time = when.replace(tzinfo=when.tzinfo or UTC).timestamp() if isinstance(when, datetime) else now
        if datum.get("StorageResolution") != 1:
            time = math.floor(time / 60) * 60
        metric = MetricId.of(namespace, datum["MetricName"], datum.get("Dimensions") or ())
        with self._lock:
            metrics = self._regions.setdefault(region, OrderedDict())
            series = metrics.setdefault(metric, {})
            metrics.move_to_end(metric)
            samples = series.setdefault(datum.get("Unit") or "None", [])
            insort(samples, _sample(datum, time), key=_BY_TIME)
            del samples[:-MAX_SAMPLES]
            if len(samples) > MAX_SAMPLES_WITH_VALUES and len(samples[-MAX_SAMPLES_WITH_VALUES - 1].values) > 1:
                samples[-MAX_SAMPLES_WITH_VALUES - 1] = replace(samples[-MAX_SAMPLES_WITH_VALUES - 1], values=())
            if len(metrics) > MAX_METRICS:
                metrics.popitem(last=False)

    def saved(self) -> Saved:
        """Everything, for persistence."""
        with self._lock:
            return {
                region: [
                    (metric, {unit: list(samples) for unit, samples in series.items()}) for metric, series in metrics.items()
                ]
                for region, metrics in self._regions.items()
            }

    def restore(self, saved: Saved) -> None:
        """Replace the contents by what was saved."""
        with self._lock:
            self._regions = {region: OrderedDict(metrics) for region, metrics in saved.items()}

    def metrics(self, region: str) -> list[MetricId]:
        """The metrics with samples."""
        with self._lock:
            return list(self._regions.get(region) or ())

    def between(self, region: str, metric: MetricId, start: float, end: float) -> Series:
        """The samples in [start, end) by unit; units without samples are left out."""
        with self._lock:
            series = (self._regions.get(region) or OrderedDict()).get(metric, {})
            found = {
                unit: samples[bisect_left(samples, start, key=_BY_TIME) : bisect_left(samples, end, key=_BY_TIME)]
                for unit, samples in series.items()
            }
        return {unit: samples for unit, samples in found.items() if samples}

    def values(
        self, region: str, metric: MetricId, statistic: str, period: int, end: float, count: int, unit: str | None = None
    ) -> list[float | None]:
        """The latest `count` whole periods up to `end` (AWS seconds), oldest first; None where there is no datapoint."""
        found = self.between(region, metric, end - (count + 1) * period, end)
        samples = [sample for of, some in found.items() if unit in (None, of) for sample in some]
        return aggregate(samples, statistic, period, end, count)


def _sample(datum: Mapping[str, Any], time: float) -> Sample:
    """A sample from values, a statistic set, or both: hosting puts both, CloudWatch accepts one of them."""
    values = [float(value) for value in datum.get("Values") or [datum.get("Value", 0.0)]]
    sample = Sample.of(time, *values, counts=[float(count) for count in datum.get("Counts") or ()] or None)
    sets = datum.get("StatisticValues")
    if not sets:
        return sample
    known = Sample.of_set(time, *(float(sets[name]) for name in ("SampleCount", "Sum", "Minimum", "Maximum")))
    return replace(known, values=sample.values) if datum.get("Values") else known

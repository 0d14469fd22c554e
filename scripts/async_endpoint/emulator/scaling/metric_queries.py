"""Queries of metrics: GetMetricStatistics, GetMetricData and ListMetrics.

Source: CloudWatch API reference. Datapoints start at the start time, rounded down to a whole minute, and aggregate one period
each; a metric is identified by all of its dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from async_endpoint.autoscaling.policies import MetricId
from async_endpoint.autoscaling.statistics import Sample, combine, periods
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.metric_store import MetricStore

MAX_DATAPOINTS = 1_440  # of GetMetricStatistics


class TooManyDatapoints(InvalidInput):
    """More datapoints than CloudWatch returns."""


Row = tuple[datetime, str, list[Sample]]


def metric_statistics(metric_store: MetricStore, region: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The Datapoints of a GetMetricStatistics request, oldest first; one for each unit that was put.

    Raises InvalidInput for an empty time range, and TooManyDatapoints.
    """
    metric = MetricId.of(request["Namespace"], request["MetricName"], request.get("Dimensions") or ())
    start, end, period = _epoch(request["StartTime"]), _epoch(request["EndTime"]), int(request["Period"])
    if start >= end:
        raise InvalidInput("The parameter StartTime must be less than the parameter EndTime.")
    if _count(start, end, period) > MAX_DATAPOINTS:
        raise TooManyDatapoints(
            f"You have requested up to {_count(start, end, period):,} datapoints, which exceeds the limit of "
            f"{MAX_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    plain, extended = request.get("Statistics") or (), request.get("ExtendedStatistics") or ()
    return [
        {"Timestamp": when, "Unit": unit}
        | _values(plain, found)
        | ({"ExtendedStatistics": _values(extended, found)} if extended else {})
        for when, unit, found in _rows(metric_store, region, metric, (start, end, period), request.get("Unit"))
    ]


def metric_data(metric_store: MetricStore, region: str, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The MetricDataResults of a GetMetricData request: metrics, and expressions that only name another query.

    Raises InvalidInput for an empty time range, and for metric math, which is not emulated.
    """
    start, end = _epoch(request["StartTime"]), _epoch(request["EndTime"])
    if start >= end:
        raise InvalidInput("The parameter EndTime must be greater than StartTime.")
    queries = request.get("MetricDataQueries") or ()
    by_id = {query["Id"]: query for query in queries}
    newest_first = request.get("ScanBy") != "TimestampAscending"
    results = []
    for query in queries:
        if not query.get("ReturnData", True):
            continue
        stat = _stat(query, by_id)
        metric = stat["Metric"]
        rows = list(
            _rows(
                metric_store,
                region,
                MetricId.of(metric["Namespace"], metric["MetricName"], metric.get("Dimensions") or ()),
                (start, end, int(stat["Period"])),
                stat.get("Unit"),
            )
        )
        found = [(when, value) for when, _, some in rows if (value := combine(some, stat["Stat"])) is not None]
        found.sort(reverse=newest_first)
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or metric["MetricName"],
                "Timestamps": [when for when, _ in found],
                "Values": [value for _, value in found],
                "StatusCode": "Complete",
            }
        )
    return results


def list_metrics(
    metric_store: MetricStore, region: str, namespace: str | None, name: str | None, wanted: Any
) -> list[MetricId]:
    """The metrics that a ListMetrics request selects; `wanted` is a sequence of {"Name", "Value"?}."""
    return [
        metric
        for metric in metric_store.metrics(region)
        if namespace in (None, metric.namespace) and name in (None, metric.name) and _has(metric, wanted)
    ]


def _has(metric: MetricId, wanted: Iterable[Mapping[str, str]]) -> bool:
    dimensions = dict(metric.dimensions)
    return all(item["Name"] in dimensions and item.get("Value") in (None, dimensions[item["Name"]]) for item in wanted)


def _stat(query: Mapping[str, Any], by_id: Mapping[str, Any]) -> Mapping[str, Any]:
    if "MetricStat" in query:
        stat: Mapping[str, Any] = query["MetricStat"]
        return stat
    named = by_id.get(str(query.get("Expression")), {})
    if "MetricStat" not in named:
        raise InvalidInput(
            f"Query {query['Id']} has the expression {query.get('Expression')!r}, and metric math is not emulated; "
            "query the metrics and compute the expression yourself."
        )
    return _stat(named, by_id)


def _rows(
    metric_store: MetricStore, region: str, metric: MetricId, span: tuple[float, float, int], unit: str | None
) -> Iterator[Row]:
    """The periods that have samples: start, unit and samples; oldest first."""
    start, end, period = span
    start = _rounded(start, period)
    found = metric_store.between(region, metric, start, end)
    rows = [
        (datetime.fromtimestamp(start + index * period, UTC), of, some)
        for of, series in found.items()
        if unit in (None, of)
        for index, some in enumerate(periods(series, start, period, _count(start, end, period)))
        if some
    ]
    yield from sorted(rows, key=lambda row: row[:2])


def _values(names: Iterable[str], samples: list[Sample]) -> dict[str, float]:
    found = {name: combine(samples, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _rounded(start: float, period: int) -> float:
    step = period if period < 60 else 60
    return math.floor(start / step) * step


def _count(start: float, end: float, period: int) -> int:
    if period < 1:
        raise InvalidInput(f"Period is {period}; use 1, 5, 10, 30 or a multiple of 60 seconds.")
    return math.ceil((end - _rounded(start, period)) / period)


def _epoch(when: datetime) -> float:
    """Epoch seconds; the times that moto parses are UTC without a time zone."""
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()

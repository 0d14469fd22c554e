"""GetMetricStatistics and ListMetrics.

A metric is identified by all of its dimensions. Source: CloudWatch API reference; the texts of errors are in LocalStack's
snapshots, recorded on AWS.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from async_endpoint.autoscaling.metric_math.queries import check_period
from async_endpoint.autoscaling.statistics import MetricId, Sample, combine, is_percentile, is_statistic
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.metric_series import MetricReader, epoch
from async_endpoint.emulator.scaling.metric_store import MetricStore

MAX_DATAPOINTS = 1_440


class TooManyDatapoints(InvalidInput):
    """More datapoints than CloudWatch returns."""


def metric_statistics(reader: MetricReader, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The Datapoints of a GetMetricStatistics request, oldest first; one for each unit that was put.

    Raises InvalidInput for a request that CloudWatch refuses, and TooManyDatapoints.
    """
    metric = MetricId.of(request["Namespace"], request["MetricName"], request.get("Dimensions") or ())
    start, end, period = epoch(request["StartTime"]), epoch(request["EndTime"]), check_period(int(request["Period"]), "Period")
    if int(start) >= int(end):  # as moto's tests have it: fractions of a second do not count
        raise InvalidInput("The parameter StartTime must be less than the parameter EndTime.")
    requested = math.ceil((end - start) / period)
    if requested > MAX_DATAPOINTS:
        raise TooManyDatapoints(
            f"You have requested up to {requested} datapoints, which exceeds the limit of {MAX_DATAPOINTS}. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range."
        )
    plain, extended = request.get("Statistics") or (), request.get("ExtendedStatistics") or ()
    _check_statistics(plain, extended)
    return [
        {"Timestamp": datetime.fromtimestamp(row.time, UTC), "Unit": row.unit}
        | _values(plain, row.samples)
        | ({"ExtendedStatistics": _values(extended, row.samples)} if extended else {})
        for row in reader.rows(metric, reader.grid(start, end, period), request.get("Unit"), end)
    ]


def _check_statistics(plain: Iterable[str], extended: Iterable[str]) -> None:
    for name in plain:
        if is_percentile(name) or not is_statistic(name):
            raise InvalidInput(f"The value {name} for parameter Statistics is invalid.")
    for name in extended:
        if not is_percentile(name):
            raise InvalidInput(
                f"The value {name} for parameter ExtendedStatistics is not supported by the local AWS; use p0 to p100."
            )


def _values(names: Iterable[str], samples: list[Sample]) -> dict[str, float]:
    found = {name: combine(samples, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


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

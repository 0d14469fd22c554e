"""Arrivals and service times estimated from an endpoint's CloudWatch metrics."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from async_endpoint.aws import AwsSession
from async_endpoint.capacity.arrivals.estimate import backlog_at_ends, estimated_times, period_counts
from async_endpoint.capacity.arrivals.trace import Trace
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.outputs import EndpointDetails
from async_endpoint.sizing.metric_history import BACKLOG, Measure, MetricHistory, metric_history, window_text

ARRIVAL_MEASURES: Final[dict[str, Measure]] = {
    "backlog": BACKLOG,
    "lowest": Measure(BACKLOG.metric, "Minimum"),
    "highest": Measure(BACKLOG.metric, "Maximum"),
    "processed": Measure(m.INVOCATIONS_PROCESSED, "Sum"),
    "expired": Measure(m.EXPIRED_REQUESTS, "Sum"),
}
# An instance is occupied by a request while it downloads, invokes and uploads; all three are in microseconds.
SERVICE_MEASURES: Final[dict[str, Measure]] = {
    "model": Measure(m.MODEL_LATENCY, "Average"),
    "download": Measure(m.REQUEST_DOWNLOAD_LATENCY, "Average"),
    "upload": Measure(m.RESPONSE_UPLOAD_LATENCY, "Average"),
}


def metric_arrivals(session: AwsSession, endpoint: EndpointDetails, days: float, now: float, seed: int | str) -> Trace:
    """The last `days`, with a service time for each request where the metrics have any: the average of its period.

    Raises InvalidInput if nothing arrived, and what `metric_history` raises.
    """
    return trace_of(metric_history(session, endpoint, ARRIVAL_MEASURES | SERVICE_MEASURES, days, now), endpoint.name, seed)


def trace_of(history: MetricHistory, endpoint: str, seed: int | str) -> Trace:
    """The estimate from a history that has ARRIVAL_MEASURES and SERVICE_MEASURES."""
    backlog, lowest, highest = (history.series[name] for name in ("backlog", "lowest", "highest"))
    ends = backlog_at_ends(backlog, lowest, highest, history.period)
    before = ends.get(history.start - history.period, 0.0)
    inside = {
        name: {start: value for start, value in history.series[name].items() if start >= history.start}
        for name in (*ARRIVAL_MEASURES, *SERVICE_MEASURES)
    }
    ends = {start: value for start, value in ends.items() if start >= history.start}
    counts = period_counts(ends, inside["processed"], inside["expired"])
    times = estimated_times(counts, history.period, seed, before)
    if not times:
        raise InvalidInput(
            f"Nothing arrived at endpoint {endpoint} from {window_text(history)}; give another source of arrivals."
        )
    service = _service_times(inside)
    notes = [
        f"Arrivals are an estimate from {history.resolution}: change of the backlog + processed + expired, spread within each "
        f"period at random (seed {seed}); no metric counts what arrives."
    ]
    if history.period > 60:
        notes.append(
            "The backlog at the end of 5 minutes is interpolated between their averages, within their extremes: what arrives "
            "at once may be counted up to 5 minutes early or late."
        )
    if service:
        notes.append(
            "Service times are averages of ModelLatency, download and upload by period, which vary less than single requests."
        )
    return Trace(
        times,
        f"estimate of {len(times):,} requests from the metrics of {endpoint}, {window_text(history)}",
        _of_requests(service, times, history.period) if service else None,
        window=(history.start, history.end),
        estimated=True,
        notes=tuple(notes),
    )


def _service_times(series: Mapping[str, Mapping[float, float]]) -> dict[float, float]:
    """Seconds by period, of those in which the model answered."""
    return {
        start: (model + series["download"].get(start, 0.0) + series["upload"].get(start, 0.0)) / 1e6
        for start, model in series["model"].items()
        if model > 0
    }


def _of_requests(service: Mapping[float, float], times: array[float], period: int) -> array[float]:
    """For each request the value of its own period, or of the next one that has any, or of the last."""
    starts = sorted(service)
    indices = (min(bisect_right(starts, time - period), len(starts) - 1) for time in times)
    return array("d", (service[starts[index]] for index in indices))

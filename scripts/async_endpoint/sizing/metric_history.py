"""The metrics of an endpoint over days, in as few periods as CloudWatch still has.

Retention (CloudWatch API reference, GetMetricData): periods of 60 seconds for 15 days, of 300 seconds for 63 days. A local AWS
has a clock of its own, which may be ahead of this machine's: its newest datapoint says where.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from async_endpoint.aws import AwsSession
from async_endpoint.client.endpoint_metrics import AHEAD, metric_data
from async_endpoint.core import metrics as m
from async_endpoint.core.errors import InvalidInput, NotReady
from async_endpoint.core.outputs import EndpointDetails

MINUTE_DAYS: Final = 15
FIVE_MINUTE_DAYS: Final = 63
_RETENTION_DAYS: Final = {60: MINUTE_DAYS, 300: FIVE_MINUTE_DAYS}
_MARGIN_SECONDS: Final = 300  # by which CloudWatch's clock may be ahead of this machine's
_DAY: Final = 86_400
_HOUR: Final = 3_600


class Measure(NamedTuple):
    """A metric of an endpoint and its statistic."""

    metric: m.Metric
    statistic: str
    namespace: str = m.NAMESPACE


# The measure whose newest datapoint is the present of a local AWS: it is published each minute, also without requests (A170).
BACKLOG: Final = Measure(m.APPROXIMATE_BACKLOG_SIZE, "Average")


@dataclass(frozen=True)
class MetricHistory:
    """Values by name and by the start of their period, in epoch seconds. The window is [start, end), of whole periods."""

    period: int
    start: float
    end: float
    series: Mapping[str, Mapping[float, float]]

    @property
    def resolution(self) -> str:
        """For reports: which data was used."""
        return "1-minute data" if self.period == 60 else "5-minute data"


def period_of(days: float) -> int:
    """The shortest period, in seconds, that CloudWatch has for all of the last `days`; raises InvalidInput beyond 63."""
    if not 0 < days <= FIVE_MINUTE_DAYS:
        raise InvalidInput(f"{days:g} days of metrics cannot be read; give 1 to {FIVE_MINUTE_DAYS}.")
    return 60 if days <= MINUTE_DAYS else 300


def metric_history(
    session: AwsSession, endpoint: EndpointDetails, measures: Mapping[str, Measure], days: float, now: float
) -> MetricHistory:
    """The last `days` of `measures`, and of the one period before them, as far back as CloudWatch has this period.

    `now` is in epoch seconds. Raises NotReady if CloudWatch has no datapoint of the endpoint, and what `read_series` raises.
    """
    period = period_of(days)
    present = newest_datapoint(session, endpoint, now) if session.endpoint_url else now
    # On AWS the period that is running has no complete data; the newest datapoint of a local AWS is of a minute that has ended.
    end = (present // period + (1 if session.endpoint_url else 0)) * period
    # A request that begins before the retention of its period gets nothing (API reference, GetMetricStatistics, Period).
    oldest = -(-(present - _RETENTION_DAYS[period] * _DAY + _MARGIN_SECONDS) // period) * period
    start = max(end - -(-days * _DAY // period) * period, oldest + period)
    series = read_series(session, endpoint, measures, period, (start - period, end))
    if not any(series.values()):
        raise NotReady(f"CloudWatch has no metric of endpoint {endpoint.name} in the last {days:g} days; give more --days.")
    return MetricHistory(period, start, end, series)


def newest_datapoint(session: AwsSession, endpoint: EndpointDetails, now: float) -> float:
    """The start of the newest minute of the endpoint's backlog; `now` if there is none."""
    hours = read_series(session, endpoint, {"b": BACKLOG}, _HOUR, (now - _DAY, now + AHEAD.total_seconds()))["b"]
    if not hours:
        return now
    newest = max(hours)
    return max(read_series(session, endpoint, {"b": BACKLOG}, 60, (newest, newest + _HOUR))["b"], default=now)


def read_series(
    session: AwsSession, endpoint: EndpointDetails, measures: Mapping[str, Measure], period: int, window: tuple[float, float]
) -> dict[str, dict[float, float]]:
    """The values of the periods in `window` (epoch seconds), by name and start, ascending. Names are letters and digits.

    Raises what `metric_data` raises: NotReady where CloudWatch has not returned all.
    """
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in window)
    found = metric_data(session, endpoint.name, list(_queries(endpoint, measures, period)), (start, end))
    return {name: {moment.timestamp(): value for moment, value in sorted(series.items())} for name, series in found.items()}


def _queries(endpoint: EndpointDetails, measures: Mapping[str, Measure], period: int) -> Iterable[dict[str, Any]]:
    for name, (metric, statistic, namespace) in measures.items():
        dimensions = metric.dimensions(endpoint.name, endpoint.variant_name)
        described = {"Namespace": namespace, "MetricName": metric.name, "Dimensions": dimensions}
        yield {"Id": name, "MetricStat": {"Metric": described, "Period": period, "Stat": statistic}}


def window_text(history: MetricHistory) -> str:
    """The window, for reports."""
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (history.start, history.end))
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"

"""The newest datapoints of an endpoint's CloudWatch metrics, by the minute; CloudWatch has them a minute late at best.

A local AWS has a clock of its own, which may run far ahead of this machine's: its newest datapoint says where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.core import metrics
from async_endpoint.core.errors import NotReady
from async_endpoint.core.outputs import EndpointDetails

RECENT: Final = timedelta(minutes=10)
AHEAD: Final = timedelta(days=60)  # how far a local AWS's clock may have run ahead; an hour apart, 1,440 datapoints

Measures = Mapping[str, tuple[metrics.Metric, str]]
"""Metrics and their statistic, by names of the caller's."""
Series = dict[str, dict[datetime, float]]


def recent_metrics(session: AwsSession, endpoint: EndpointDetails, measures: Measures, now: float) -> Series:
    """The datapoints of the last ten minutes by name and minute: of a local AWS, up to the newest of the first of `measures`.

    `now` is in seconds since the epoch. One call, on a local AWS two. Raises what `metric_data` raises.
    """
    present = datetime.fromtimestamp(now, UTC)
    start, end = present - RECENT, present + timedelta(minutes=1)
    if session.endpoint_url:
        hours = _metric_data(session, endpoint, measures, (start, present + AHEAD), 3600)[next(iter(measures))]
        if hours:
            start, end = max(hours) - RECENT, max(hours) + timedelta(hours=1)
    return _metric_data(session, endpoint, measures, (start, end), 60)


def _metric_data(
    session: AwsSession, endpoint: EndpointDetails, measures: Measures, window: tuple[datetime, datetime], period: int
) -> Series:
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": metrics.NAMESPACE,
                    "MetricName": metric.name,
                    "Dimensions": metric.dimensions(endpoint.name, endpoint.variant_name),
                },
                "Period": period,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in measures.items()
    ]
    return metric_data(session, endpoint.name, queries, window)


def metric_data(
    session: AwsSession, endpoint_name: str, queries: Sequence[Mapping[str, Any]], window: tuple[datetime, datetime]
) -> Series:
    """The datapoints of each query by its id, of all pages of GetMetricData.

    Raises NotReady unless CloudWatch has read each query to its end: it answers status 200, with some values or none, where it
    has failed or may not read a metric too (API reference, MetricDataResult: StatusCode). Raises what `translate_errors`
    raises.
    """
    request: dict[str, Any] = {"MetricDataQueries": list(queries), "StartTime": window[0], "EndTime": window[1]}
    series: Series = {query["Id"]: {} for query in queries}
    states = dict.fromkeys(series, "missing")
    while True:
        with translate_errors(session, "cloudwatch:GetMetricData", f"the metrics of endpoint {endpoint_name}"):
            answer = session.cloudwatch.get_metric_data(**request)
        for item in answer["MetricDataResults"]:
            series[item["Id"]].update(zip(item["Timestamps"], item["Values"], strict=True))
            states[item["Id"]] = item.get("StatusCode", "missing")  # of a query on several pages, the last page's
        if not answer.get("NextToken"):
            break
        request["NextToken"] = answer["NextToken"]
    if unread := sorted({state for state in states.values() if state != "Complete"}):
        raise NotReady(
            f"CloudWatch has not returned all metrics of endpoint {endpoint_name} (status {', '.join(unread)}); repeat this."
        )
    return series

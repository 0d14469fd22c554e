"""GetMetricData: metrics and metric math, with labels, messages and pages.

Source: CloudWatch API reference. Labels, the order of units and texts of errors are in LocalStack's snapshots, recorded on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.autoscaling.metric_math.queries import MetricQuery, Queries, Query, parse_queries
from async_endpoint.autoscaling.metric_math.values import Grid, Series
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.metric_labels import default_labels, expanded
from async_endpoint.emulator.scaling.metric_series import MetricReader, epoch
from async_endpoint.local_aws import ACCOUNT_ID

MAX_QUERIES: Final = 500
MAX_DATAPOINTS: Final = 100_800  # of one answer; also the default

Result = dict[str, Any]


class InvalidToken(InvalidInput):
    """A NextToken that GetMetricData did not return."""


def metric_data(reader: MetricReader, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a GetMetricData request. Raises InvalidInput for one that CloudWatch or the local AWS refuses."""
    start, end = epoch(request["StartTime"]), epoch(request["EndTime"])
    if start > end:
        raise InvalidInput("The parameter EndTime must be greater than StartTime.")
    if int(start) == int(end):  # as moto's tests have it: fractions of a second do not count
        raise InvalidInput("The parameter StartTime must not equal parameter EndTime.")
    structures = request.get("MetricDataQueries") or ()
    check_account(structures)
    if len(structures) > MAX_QUERIES:
        raise InvalidInput(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
    queries = parse_queries(structures, "MetricDataQueries")
    labels = default_labels(queries)
    results = [
        result for query in queries.returned for result in _results(reader, queries, query, labels[query.id], (start, end))
    ]
    if request.get("ScanBy") != "TimestampAscending":
        for result in results:
            result["Timestamps"].reverse()
            result["Values"].reverse()
    return _page(results, request)


def check_account(structures: Sequence[Mapping[str, Any]]) -> None:
    """Raises InvalidInput for metrics of another account."""
    for structure in structures:
        account = structure.get("AccountId")
        if account not in (None, ACCOUNT_ID):
            raise InvalidInput(f"AccountId of query {structure.get('Id')} is {account}; the local AWS has {ACCOUNT_ID} only.")


def _results(reader: MetricReader, queries: Queries, query: Query, label: str, span: tuple[float, float]) -> list[Result]:
    """The results of one query, oldest value first: several for an expression whose value is an array."""
    grid = reader.grid(*span, queries.period_of(query.id))
    if isinstance(query.source, MetricQuery):
        values, units = reader.points(query.source, grid, span[1])
        result = _result(query, expanded(query.label, label, query.source, reader.region), list(values), list(values.values()))
        if query.source.unit is None and len(units) > 1:
            result["Messages"] = [{"Code": "MultipleUnits", "Value": f"Multiple units returned: '[{', '.join(units)}]'"}]
        return [result]
    value = queries.evaluate(query.id, grid, reader.fetch(span[1]))
    own = expanded(query.label, label, None, reader.region)
    if isinstance(value, tuple):  # "Expression-Label Metric-Label"; an empty one shows the metric's alone
        return [_of_series(query, f"{own} {series.label}".strip(), grid, series) for series in value]
    assert isinstance(value, Series)
    return [_of_series(query, own, grid, value)]


def _of_series(query: Query, label: str, grid: Grid, series: Series) -> Result:
    known = [(time, value) for time, value in zip(grid.times(), series.values, strict=True) if value is not None]
    return _result(query, label, [time for time, _ in known], [value for _, value in known])


def _result(query: Query, label: str, times: list[float], values: list[float]) -> Result:
    return {
        "Id": query.id,
        "Label": label,
        "Timestamps": [datetime.fromtimestamp(time, UTC) for time in times],
        "Values": values,
        "StatusCode": "Complete",
        "Messages": [],
    }


def _page(results: list[Result], request: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `results` that follows NextToken, of up to MaxDatapoints values, counted over all results in their order."""
    most = int(request.get("MaxDatapoints") or MAX_DATAPOINTS)
    if not 1 <= most <= MAX_DATAPOINTS:
        raise InvalidInput(f"The value {most} for parameter MaxDatapoints is invalid: it must be from 1 to {MAX_DATAPOINTS}.")
    token = str(request.get("NextToken") or "0")
    if not token.isdecimal():
        raise InvalidToken("The value for parameter NextToken is invalid.")
    begin, end, seen = int(token), int(token) + most, 0
    for result in results:
        size = len(result["Values"])
        first, last = max(begin - seen, 0), max(end - seen, 0)
        result["Timestamps"], result["Values"] = result["Timestamps"][first:last], result["Values"][first:last]
        result["StatusCode"] = "Complete" if last >= size else "PartialData"
        seen += size
    return {"MetricDataResults": results, "Messages": []} | ({"NextToken": str(end)} if end < seen else {})

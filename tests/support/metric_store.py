"""CloudWatch's GetMetricData over values that a test gives, in pages."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from async_endpoint.core.outputs import EndpointDetails


def details(name: str = "shop-dev") -> EndpointDetails:
    return EndpointDetails(name, f"arn:{name}", f"{name}-1", f"{name}-model", "primary", "ml.m5.large", 4, "arn:role")


@dataclass
class FakeMetrics:
    """`values` are by metric, or METRIC:STATISTIC, and by the start of a minute in epoch seconds; a period sums or averages.

    `periods` are those that were asked for. An answer has one metric, and the next ones are behind its token.
    """

    values: Mapping[str, Mapping[float, float]]
    periods: list[int] = field(default_factory=list)

    def get_metric_data(
        self, MetricDataQueries: list[dict[str, Any]], StartTime: datetime, EndTime: datetime, NextToken: str = "0"
    ) -> dict[str, Any]:
        number = int(NextToken)
        query = MetricDataQueries[number]
        found = self._periods(query["MetricStat"], StartTime.timestamp(), EndTime.timestamp())
        times = [datetime.fromtimestamp(start, UTC) for start in found]
        answer: dict[str, Any] = {
            "MetricDataResults": [
                {"Id": query["Id"], "Timestamps": times, "Values": list(found.values()), "StatusCode": "Complete"}
            ]
        }
        return answer | ({"NextToken": str(number + 1)} if number + 1 < len(MetricDataQueries) else {})

    def _periods(self, stat: dict[str, Any], begin: float, end: float) -> dict[float, float]:
        self.periods.append(stat["Period"])
        grouped: dict[float, list[float]] = {}
        name = stat["Metric"]["MetricName"]
        for minute, value in self.values.get(f"{name}:{stat['Stat']}", self.values.get(name, {})).items():
            if begin <= minute < end:
                grouped.setdefault(minute // stat["Period"] * stat["Period"], []).append(value)
        combine = {"Sum": sum, "Maximum": max, "Minimum": min, "SampleCount": sum}.get(
            stat["Stat"], lambda some: sum(some) / len(some)
        )
        return {start: float(combine(some)) for start, some in sorted(grouped.items())}

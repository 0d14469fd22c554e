"""Probes of CloudWatch, without an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from parity.account import Account
from parity.probe import Cost, Observation, compare, probe


@probe("A186", seconds=60, cost=Cost(requests=8), deviation="PutMetricAlarm accepts an alarm without a period")
def alarms_that_can_never_be_evaluated(aws: Account) -> Iterator[Observation]:
    """PutMetricAlarm refuses alarms that could never be evaluated with ValidationError."""
    good: dict[str, Any] = {
        "Namespace": aws.guard.prefix,
        "MetricName": "probe",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    changes: dict[str, dict[str, Any]] = {
        "no period": {"Period": None},
        "no metric": {"MetricName": None, "Namespace": None},
        "two statistics": {"ExtendedStatistic": "p50"},
        "more datapoints than periods": {"DatapointsToAlarm": 2},
        "an action that is no ARN": {"AlarmActions": ["nothing"]},
    }
    observed = {}
    for what, change in changes.items():
        request = {key: value for key, value in (good | change).items() if value is not None}
        observed[what] = aws.attempt(aws.cloudwatch.put_metric_alarm, AlarmName=aws.name("alarm"), **request).partition(":")[0]
    yield compare("A186", expected=dict.fromkeys(changes, "ValidationError"), observed=observed)


@probe("A175", seconds=600, cost=Cost(requests=20, metrics=1), deviation="a percentile is interpolated between two values")
def percentiles(aws: Account) -> Iterator[Observation]:
    """The median of 1, 2, 3 and 4 is 2: the smallest value that half of them do not exceed."""
    moment = datetime.fromtimestamp(aws.now() // 60 * 60 - 120, UTC)
    name = {"Namespace": aws.guard.prefix, "MetricName": "percentile"}
    data = [{"MetricName": "percentile", "Timestamp": moment, "Value": float(value)} for value in (1, 2, 3, 4)]
    aws.cloudwatch.put_metric_data(Namespace=name["Namespace"], MetricData=data)

    def look() -> list[Any]:
        now = aws.now()
        found = aws.cloudwatch.get_metric_statistics(
            **name, StartTime=now - 1800, EndTime=now, Period=60, ExtendedStatistics=["p50"], Statistics=["SampleCount"]
        )
        return [point for point in found["Datapoints"] if point["SampleCount"] == 4]

    (point,) = aws.until(look, "four values in one datapoint", 600)
    yield compare("A175", expected=2.0, observed=round(point["ExtendedStatistics"]["p50"], 3))

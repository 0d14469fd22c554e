"""Probes of CloudWatch, without an endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from parity.account import Account
from parity.probe import Cost, Observation, check, compare, probe


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

    def points(**statistics: Any) -> list[dict[str, Any]]:
        """The datapoints of the last half hour; a call takes statistics or extended ones, not both."""
        now = aws.now()
        found = aws.cloudwatch.get_metric_statistics(**name, StartTime=now - 1800, EndTime=now, Period=60, **statistics)
        return list(found["Datapoints"])

    def complete() -> bool:
        return any(point["SampleCount"] == 4 for point in points(Statistics=["SampleCount"]))

    aws.until(complete, "four values in one datapoint", 600)
    observed = [round(point["ExtendedStatistics"]["p50"], 3) for point in points(ExtendedStatistics=["p50"])]
    yield compare("A175", expected=[2.0], observed=observed)


@probe("A116", seconds=900, cost=Cost(requests=60, metrics=2), deviation="an alarm keeps its state when its threshold changes")
def alarm_out_of_reach(aws: Account) -> Iterator[Observation]:
    """An alarm in ALARM whose threshold is moved out of reach leaves ALARM within five minutes."""
    name, metric = aws.name("alarm"), {"Namespace": aws.guard.prefix, "MetricName": "load"}

    def state(threshold: float | None = None) -> str:
        """Report a load of 10, set the threshold where one is given, and return the alarm's state."""
        aws.cloudwatch.put_metric_data(Namespace=aws.guard.prefix, MetricData=[{"MetricName": "load", "Value": 10.0}])
        if threshold is not None:
            aws.cloudwatch.put_metric_alarm(
                AlarmName=name,
                **metric,
                Statistic="Maximum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=threshold,
                ComparisonOperator="GreaterThanThreshold",
            )
        return str(aws.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    state(1.0)
    aws.until(lambda: state() == "ALARM", "the alarm is in ALARM", 900)
    state(1e9)
    left = aws.within(lambda: state() != "ALARM", 300)
    yield check("A116", bool(left), expected="not ALARM within 5 minutes", observed=state())


@probe("A200", "A202", seconds=600, cost=Cost(requests=40, metrics=3), deviation="a missing value is not counted as 0")
def metric_math(aws: Account) -> Iterator[Observation]:
    """Expressions over two metrics, one of which has a value in every other minute, and a third one without any."""
    begin = aws.now() // 60 * 60 - 300
    points = {"every": (1.0, 2.0, 6.0), "other": (10.0, None, 20.0)}
    data = [
        {"MetricName": name, "Timestamp": datetime.fromtimestamp(begin + 60 * minute, UTC), "Value": value}
        for name, values in points.items()
        for minute, value in enumerate(values)
        if value is not None
    ]
    aws.cloudwatch.put_metric_data(Namespace=aws.guard.prefix, MetricData=data)
    stats = [
        {
            "Id": name,
            "MetricStat": {"Metric": {"Namespace": aws.guard.prefix, "MetricName": name}, "Period": 60, "Stat": "Sum"},
            "ReturnData": False,
        }
        for name in ("every", "other", "none")
    ]
    span = {"StartTime": begin, "EndTime": begin + 180, "ScanBy": "TimestampAscending"}

    def value(expression: str) -> list[float]:
        query = {"Id": "result", "Expression": expression}
        (found,) = aws.cloudwatch.get_metric_data(MetricDataQueries=[*stats, query], **span)["MetricDataResults"]
        return [round(number, 3) for number in found["Values"]]

    aws.until(lambda: len(value("every")) == 3 and len(value("other")) == 2, "the values of both metrics", 600)
    expected = {
        "every - other": [-9.0, 2.0, -14.0],
        "other + 1": [11.0, 21.0],
        "MIN([every, other])": [1.0, 2.0, 6.0],
        "AVG([every, other])": [5.5, 1.0, 13.0],
        "FILL(none, 7)": [7.0, 7.0, 7.0],
    }
    yield compare("A200", expected=expected, observed={expression: value(expression) for expression in expected})
    yield compare("A202", expected=[2.16] * 3, observed=value("0 * every + STDDEV(every)"))

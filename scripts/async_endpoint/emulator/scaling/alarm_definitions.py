"""Definitions of metric alarms: parsed from a PutMetricAlarm request by moto's names, or from moto's alarm, and checked.

Sources: CloudWatch API reference, PutMetricAlarm; the text "Period must not be null" is quoted by users, "Invalid arn syntax"
is A186.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.autoscaling.metric_math.queries import MetricQuery, Queries, parse_queries
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.sagemaker.request_validation import constraint_violations
from async_endpoint.emulator.scaling.metric_data import check_account

ARN: Final = re.compile(r"arn:[\w-]+:[\w-]+:[^:]*:[^:]*:.+")  # also arn:aws:automate:eu-west-1:ec2:stop

_REQUIRED: Final = {
    "threshold": "Threshold",
    "evaluation_periods": "EvaluationPeriods",
    "comparison_operator": "ComparisonOperator",
}
_REQUIRED_OF_METRIC: Final = {"metric_name": "MetricName", "namespace": "Namespace", "period": "Period", **_REQUIRED}
_EXCLUDED_BY_METRICS: Final = {  # "you cannot include the ... parameters of PutMetricAlarm in the same operation"
    "metric_name": "MetricName",
    "namespace": "Namespace",
    "dimensions": "Dimensions",
    "period": "Period",
    "unit": "Unit",
    "statistic": "Statistic",
    "extended_statistic": "ExtendedStatistic",
}
_UNSUPPORTED: Final = {
    "ThresholdMetricId": "anomaly detection",
    "EvaluationCriteria": "PromQL",
    "EvaluationInterval": "PromQL",
    "EvaluationWindow": "evaluation windows",
    "WarmUpConfiguration": "warm-up periods",
    "ActionConfiguration": "the configuration of an alarm's messages",
}
_ACTIONS: Final = ("alarm_actions", "ok_actions", "insufficient_data_actions")
_ANOMALY: Final = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
_LOW_SAMPLE_COUNTS: Final = (None, "", "evaluate", "ignore")


@dataclass(frozen=True)
class AlarmDefinition:
    """What an alarm watches, a metric or metric math, and by which rule.

    With `keep_on_few_samples` it keeps its state while a percentile is of too few samples to be significant.
    """

    rule: AlarmRule
    source: MetricQuery | Queries
    keep_on_few_samples: bool = False

    @property
    def statistic(self) -> str | None:
        """The statistic; None for metric math."""
        return self.source.statistic if isinstance(self.source, MetricQuery) else None


def check_constraints(operation: str, request: Mapping[str, Any]) -> None:
    """Check a request against the lengths, ranges and values of the service model; raises InvalidInput with all violations."""
    violations = constraint_violations("cloudwatch", operation, request)
    if violations:
        raise InvalidInput(violations)


def check_members(request: Mapping[str, Any]) -> None:
    """Check a PutMetricAlarm request for its constraints and for members that moto drops; raises InvalidInput."""
    check_constraints("PutMetricAlarm", request)
    for name, what in _UNSUPPORTED.items():
        if request.get(name) is not None:
            raise InvalidInput(f"{name} is not supported by the local AWS, which does not emulate {what}.")
    check_account(request.get("Metrics") or ())


def check_alarm(alarm: Mapping[str, Any], region: str) -> None:
    """Check a metric alarm of a request, by moto's names; raises InvalidInput for one that CloudWatch refuses."""
    check_actions(alarm, region)
    definition_of(alarm)


def check_actions(alarm: Mapping[str, Any], region: str) -> None:
    """Check the actions of an alarm, by moto's names; raises InvalidInput.

    The error of an action in another region is quoted in cds-snc/notification-terraform, pull request 128.
    """
    for action in (action for kind in _ACTIONS for action in alarm.get(kind) or ()):
        if not ARN.fullmatch(action):
            raise InvalidInput(f"Invalid arn syntax: {action}")
        if (found := action.split(":")[3]) not in ("", region):
            raise InvalidInput(f"Invalid region {found} specified. Only {region} is supported.")


def definition_of(alarm: Mapping[str, Any]) -> AlarmDefinition:
    """The definition of an alarm, by moto's names; raises InvalidInput for one that cannot be evaluated."""
    if alarm.get("comparison_operator") in _ANOMALY:
        raise InvalidInput(
            f"ComparisonOperator {alarm['comparison_operator']} is not supported: the local AWS has no anomaly detection."
        )
    if alarm.get("evaluate_low_sample_count_percentile") not in _LOW_SAMPLE_COUNTS:
        raise InvalidInput(
            f"Option {alarm['evaluate_low_sample_count_percentile']} is not supported. "
            "Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."
        )
    return _of_math(alarm) if alarm.get("metric_data_queries") else _of_metric(alarm)


def _of_math(alarm: Mapping[str, Any]) -> AlarmDefinition:
    for name, api_name in _EXCLUDED_BY_METRICS.items():
        if alarm.get(name):
            raise InvalidInput(f"The parameters Metrics and {api_name} are mutually exclusive.")
    _require(alarm, _REQUIRED)
    queries = parse_queries([structure_of(query) for query in alarm["metric_data_queries"]], "Metrics")
    queries.check_alarm()
    return AlarmDefinition(_rule(alarm, queries.period_of(queries.returned[0].id), "Average"), queries)


def _of_metric(alarm: Mapping[str, Any]) -> AlarmDefinition:
    _require(alarm, _REQUIRED_OF_METRIC)
    plain, extended = alarm.get("statistic"), alarm.get("extended_statistic")
    if bool(plain) == bool(extended):
        raise InvalidInput("Exactly one of Statistic and ExtendedStatistic must be given with a MetricName.")
    rule = _rule(alarm, int(alarm["period"]), str(plain or extended))
    metric = MetricId(alarm["namespace"], alarm["metric_name"], _dimensions(alarm.get("dimensions") or ()))
    keep = bool(extended) and alarm.get("evaluate_low_sample_count_percentile") == "ignore"
    return AlarmDefinition(rule, MetricQuery(metric, rule.period, rule.statistic, alarm.get("unit") or None), keep)


def _require(alarm: Mapping[str, Any], names: Mapping[str, str]) -> None:
    for name, api_name in names.items():
        if alarm.get(name) is None:
            raise InvalidInput(f"{api_name} must not be null")


def _rule(alarm: Mapping[str, Any], period: int, statistic: str) -> AlarmRule:
    return AlarmRule(
        comparison=alarm["comparison_operator"],
        threshold=float(alarm["threshold"]),
        period=period,
        evaluation_periods=int(alarm["evaluation_periods"]),
        datapoints_to_alarm=int(alarm.get("datapoints_to_alarm") or alarm["evaluation_periods"]),
        statistic=statistic,
        missing=alarm.get("treat_missing_data") or "missing",
    )


def _dimensions(dimensions: Any) -> tuple[tuple[str, str], ...]:
    """From structures of a request, or from moto's objects."""
    pairs = [(item["Name"], item["Value"]) if isinstance(item, Mapping) else (item.name, item.value) for item in dimensions]
    return tuple(sorted(pairs))


def structure_of(query: Any) -> dict[str, Any]:
    """The MetricDataQuery structure of moto's object; absent members are left out."""
    known = {"Id": query.id, "Label": query.label, "Period": query.period, "Expression": query.expression}
    structure = {name: value for name, value in known.items() if value is not None} | {"ReturnData": query.return_data}
    if query.metric_stat is not None:
        stat, metric = query.metric_stat, query.metric_stat.metric
        dimensions = [{"Name": item.name, "Value": item.value} for item in metric.dimensions]
        named = {"Namespace": metric.namespace, "MetricName": metric.metric_name, "Dimensions": dimensions}
        structure["MetricStat"] = {"Metric": named, "Period": stat.period, "Stat": stat.stat} | (
            {"Unit": stat.unit} if stat.unit else {}
        )
    return structure

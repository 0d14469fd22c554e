"""The rule of a metric alarm out of a PutMetricAlarm request, and what CloudWatch refuses of one.

Sources: CloudWatch API reference, PutMetricAlarm; "Period must not be null" is as people quote it, "Invalid arn syntax" is our
reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from async_endpoint.autoscaling.alarms import AlarmRule
from async_endpoint.core.errors import InvalidInput

ARN: Final = re.compile(r"arn:[\w-]+:[\w-]+:[^:]*:[^:]*:.+")  # arn:aws:automate:eu-west-1:ec2:stop is one too
_NEEDED: Final = {
    "metric_name": "MetricName",
    "namespace": "Namespace",
    "period": "Period",
    "threshold": "Threshold",
    "evaluation_periods": "EvaluationPeriods",
    "comparison_operator": "ComparisonOperator",
}
_ACTIONS: Final = ("alarm_actions", "ok_actions", "insufficient_data_actions")


def check(alarm: Mapping[str, Any]) -> None:
    """Raises InvalidInput, worded as CloudWatch words it, for an alarm that it refuses; `alarm` is by moto's names."""
    for action in (action for kind in _ACTIONS for action in alarm.get(kind) or ()):
        if not ARN.fullmatch(action):
            raise InvalidInput(f"Invalid arn syntax: {action}")
    if not alarm.get("rule") and not alarm.get("metric_data_queries"):  # neither composite nor metric math
        read_rule(alarm)


def read_rule(alarm: Mapping[str, Any]) -> AlarmRule:
    """The rule of an alarm on one metric; raises InvalidInput."""
    for name, called in _NEEDED.items():
        if alarm.get(name) is None:
            raise InvalidInput(f"{called} must not be null")
    plain, extended = alarm.get("statistic"), alarm.get("extended_statistic")
    if bool(plain) == bool(extended):
        raise InvalidInput("Exactly one of Statistic and ExtendedStatistic must be given with a MetricName.")
    return AlarmRule(
        comparison=alarm["comparison_operator"],
        threshold=float(alarm["threshold"]),
        period=int(alarm["period"]),
        evaluation_periods=int(alarm["evaluation_periods"]),
        datapoints_to_alarm=int(alarm.get("datapoints_to_alarm") or alarm["evaluation_periods"]),
        statistic=str(plain or extended),
        missing=alarm.get("treat_missing_data") or "missing",
    )

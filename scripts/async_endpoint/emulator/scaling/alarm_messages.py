"""The texts of an alarm's state change: reason, reason data, message to a topic, history.

CloudWatch documents none of them; they follow what users quote from alarms on one metric.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import botocore.session

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState
from async_endpoint.emulator.scaling.alarm_definitions import structure_of
from async_endpoint.local_aws import ACCOUNT_ID

SUBJECT_CHARS: Final = 100  # Publish.Subject
_MAX_LISTED: Final = 5
_COMPARISON_TEXTS: Final = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
_MISSING_DATA_TEXTS: Final = {
    "breaching": "Breaching",
    "notBreaching": "NonBreaching",
    "missing": "Missing",
    "ignore": "Ignored",
}


@dataclass(frozen=True)
class StateChange:
    """A change from state `old` to `new` at `when` (AWS seconds)."""

    old: str
    old_reason: str
    old_data: str | None
    new: str
    reason: str
    data: str | None
    when: float


def reason(rule: AlarmRule, m_of_n: bool, values: Sequence[float | None], state: AlarmState, end: float) -> str:
    """StateReason. `values` are those evaluated, oldest first; `m_of_n`: whether the alarm has DatapointsToAlarm."""
    known = _known(rule, values, end)
    missing = rule.evaluation_periods - len(known)
    if state is AlarmState.INSUFFICIENT_DATA:
        return f"Insufficient Data: {_many(rule.evaluation_periods, 'datapoint', 'was', 'were')} unknown."
    filled = f"{_many(missing, 'missing datapoint', 'was', 'were')} treated as [{_MISSING_DATA_TEXTS[rule.missing]}]"
    if not known:
        return f"Threshold Crossed: no datapoints were received for {_many(missing, 'period')} and {filled}."
    alarm = state is AlarmState.ALARM
    matching = [(when, value) for when, value in known if rule.breaches(value) is alarm]
    crossed = f"{'' if alarm else 'not '}{_COMPARISON_TEXTS[rule.comparison]} the threshold ({rule.threshold})"
    shown = ", ".join(f"{value} ({when:%d/%m/%y %H:%M:%S})" for when, value in matching[:_MAX_LISTED])
    if m_of_n:
        least = rule.datapoints_to_alarm if alarm else rule.evaluation_periods - rule.datapoints_to_alarm + 1
        step = "OK -> ALARM" if alarm else "ALARM -> OK"
        tail = f" (minimum {_many(least, 'datapoint')} for {step} transition)"
        head = f"{len(matching)} out of the last {_many(rule.evaluation_periods, 'datapoint')} [{shown}]"
    elif len(matching) <= _MAX_LISTED:
        tail, head = "", f"{_many(len(matching), 'datapoint')} [{shown}]"
    else:
        return f"Threshold Crossed: {len(matching)} datapoints were {crossed}. The most recent datapoints: [{shown}]."
    verb = "was" if len(matching) == 1 else "were"
    return f"Threshold Crossed: {head} {verb} {crossed}{f' and {filled}' if missing else ''}{tail}."


def reason_data(rule: AlarmRule, statistic: str | None, values: Sequence[float | None], end: float) -> str:
    """StateReasonData, JSON; without a statistic for metric math."""
    known = _known(rule, values, end)
    oldest = [value for _, value in reversed(known)]
    return json.dumps(
        {"version": "1.0", "queryDate": stamp(end)}
        | ({"startDate": stamp(known[-1][0].timestamp())} if known else {})
        | ({"statistic": statistic} if statistic else {})
        | {"period": rule.period, "recentDatapoints": oldest, "threshold": rule.threshold}
        | {"evaluatedDatapoints": [{"timestamp": stamp(when.timestamp()), "value": value} for when, value in known]}
    )


def message(alarm: Any, change: StateChange) -> dict[str, Any]:
    """The message to a topic; `alarm` is moto's."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": ACCOUNT_ID,
        "AlarmConfigurationUpdatedTimestamp": stamp(alarm.configuration_updated_timestamp.replace(tzinfo=UTC).timestamp()),
        "NewStateValue": change.new,
        "NewStateReason": change.reason,
        "StateChangeTime": stamp(change.when),
        "Region": region_name(alarm.region_name),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": change.old,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        **({"Trigger": _trigger(alarm)} if alarm.rule is None else _children(alarm, change)),
    }


def _children(alarm: Any, change: StateChange) -> dict[str, Any]:
    """Of a composite alarm: its rule, and the alarms that changed it, as users quote them from messages."""
    triggering = json.loads(change.data or "{}").get("triggeringAlarms", ())
    described = [
        {"Arn": child["arn"], "State": {"Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"]}}
        for child in triggering
    ]
    return {"AlarmRule": alarm.rule, "TriggeringChildren": described}


def _trigger(alarm: Any) -> dict[str, Any]:
    return {
        **(_metrics(alarm) if alarm.metric_data_queries else _metric(alarm)),
        "EvaluationPeriods": alarm.evaluation_periods,
        **({"DatapointsToAlarm": alarm.datapoints_to_alarm} if alarm.datapoints_to_alarm else {}),
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treat_missing_data or "",
        "EvaluateLowSampleCountPercentile": alarm.evaluate_low_sample_count_percentile or "",
    }


def _metric(alarm: Any) -> dict[str, Any]:
    statistic = (
        {"StatisticType": "Statistic", "Statistic": alarm.statistic.upper()}
        if alarm.statistic
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": alarm.extended_statistic}
    )
    return {
        "MetricName": alarm.metric_name,
        "Namespace": alarm.namespace,
        **statistic,
        "Unit": alarm.unit,
        "Dimensions": [{"value": item.value, "name": item.name} for item in alarm.dimensions],
        "Period": alarm.period,
    }


def _metrics(alarm: Any) -> dict[str, Any]:
    """Metric math: the members of its queries, with the dimensions written as in other messages."""
    structures = [structure_of(query) for query in alarm.metric_data_queries]
    for structure in structures:
        metric = structure.get("MetricStat", {}).get("Metric", {})
        if metric:
            metric["Dimensions"] = [{"value": item["Value"], "name": item["Name"]} for item in metric["Dimensions"]]
    return {"Metrics": structures}


def subject(alarm: Any, change: StateChange) -> str:
    return f'{change.new}: "{alarm.name}" in {region_name(alarm.region_name)}'[:SUBJECT_CHARS]


def state_update(change: StateChange) -> tuple[str, dict[str, Any]]:
    """HistorySummary, and HistoryData before it is JSON."""
    old, new = (
        {"stateValue": value, "stateReason": why} | ({"stateReasonData": json.loads(data)} if data else {})
        for value, why, data in ((change.old, change.old_reason, change.old_data), (change.new, change.reason, change.data))
    )
    return f"Alarm updated from {change.old} to {change.new}", {"version": "1.0", "oldState": old, "newState": new}


def configuration(alarm: Any) -> dict[str, Any]:
    """An alarm's configuration as its history has it."""
    known = {
        "alarmName": alarm.name,
        "alarmDescription": alarm.description,
        "alarmArn": alarm.alarm_arn,
        "alarmConfigurationUpdatedTimestamp": stamp(alarm.configuration_updated_timestamp.replace(tzinfo=UTC).timestamp()),
        "namespace": alarm.namespace,
        "metricName": alarm.metric_name,
        "statistic": alarm.statistic,
        "extendedStatistic": alarm.extended_statistic,
        "period": alarm.period,
        "dimensions": [{"value": item.value, "name": item.name} for item in alarm.dimensions],
        "unit": alarm.unit,
        "threshold": alarm.threshold,
        "comparisonOperator": alarm.comparison_operator,
        "evaluationPeriods": alarm.evaluation_periods,
        "datapointsToAlarm": alarm.datapoints_to_alarm,
        "treatMissingData": alarm.treat_missing_data,
        "alarmRule": alarm.rule,
        "metrics": [_lower(structure_of(query)) for query in alarm.metric_data_queries] or None,
        "stateValue": alarm.state_value,
        "stateUpdatedTimestamp": stamp(alarm.state_updated_timestamp.replace(tzinfo=UTC).timestamp()),
        "actionsEnabled": alarm.actions_enabled,
        "alarmActions": alarm.alarm_actions,
        "insufficientDataActions": alarm.insufficient_data_actions,
        "okactions": alarm.ok_actions,
    }
    return {name: value for name, value in known.items() if value is not None}


def _lower(value: Any) -> Any:
    """A structure with its members named as in the history, in lower camel case."""
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: _lower(member) for name, member in value.items()}
    return [_lower(member) for member in value] if isinstance(value, list) else value


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


@cache
def region_name(code: str) -> str:
    """A region's long name, with Europe as EU as CloudWatch writes it; the code of an unknown region."""
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    names: dict[str, str] = {name: one["description"] for each in partitions for name, one in each["regions"].items()}
    return names.get(code, code).replace("Europe (", "EU (")


def _known(rule: AlarmRule, values: Sequence[float | None], end: float) -> list[tuple[datetime, float]]:
    """The datapoints that were evaluated, newest first, each with the start of its period."""
    last = end // rule.period * rule.period
    starts = (last - age * rule.period for age in range(1, len(values) + 1))
    pairs = zip(starts, reversed(values), strict=False)
    found = [(datetime.fromtimestamp(start, UTC), value) for start, value in pairs if value is not None]
    return found[: rule.evaluation_periods]


def _many(count: int, noun: str, one: str = "", more: str = "") -> str:
    return " ".join(filter(None, (str(count), noun if count == 1 else f"{noun}s", one if count == 1 else more)))

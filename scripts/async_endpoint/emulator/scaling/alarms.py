"""CloudWatch's metric alarms: what PutMetricAlarm refuses, and each alarm's evaluation.

Composite alarms, metric math and anomaly bands are stored by moto and never evaluated. Sources: CloudWatch API reference,
PutMetricAlarm; the text "Period must not be null" is quoted by users, "Invalid arn syntax" is A186.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState, evaluate
from async_endpoint.autoscaling.decisions import EvaluatedAlarm
from async_endpoint.autoscaling.policies import MetricId
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.scaling import alarm_actions, alarm_messages
from async_endpoint.emulator.scaling.alarm_actions import ARN
from async_endpoint.emulator.scaling.alarm_history import AlarmHistory
from async_endpoint.emulator.scaling.alarm_messages import StateChange
from async_endpoint.emulator.scaling.log_errors import log_errors
from async_endpoint.emulator.scaling.metric_store import MetricStore

_REQUIRED: Final = {
    "metric_name": "MetricName",
    "namespace": "Namespace",
    "period": "Period",
    "threshold": "Threshold",
    "evaluation_periods": "EvaluationPeriods",
    "comparison_operator": "ComparisonOperator",
}
_ACTIONS: Final = ("alarm_actions", "ok_actions", "insufficient_data_actions")


def check_alarm(alarm: Mapping[str, Any], region: str) -> None:
    """Check a PutMetricAlarm request, by moto's names; raises InvalidInput in CloudWatch's words for one that it refuses.

    The error of an action in another region is quoted in cds-snc/notification-terraform, pull request 128.
    """
    for action in (action for kind in _ACTIONS for action in alarm.get(kind) or ()):
        if not ARN.fullmatch(action):
            raise InvalidInput(f"Invalid arn syntax: {action}")
        if (found := action.split(":")[3]) not in ("", region):
            raise InvalidInput(f"Invalid region {found} specified. Only {region} is supported.")
    if not alarm.get("rule") and not alarm.get("metric_data_queries"):  # neither composite nor metric math
        _parse_rule(alarm)


def _parse_rule(alarm: Mapping[str, Any]) -> AlarmRule:
    """The rule of an alarm on one metric; raises InvalidInput."""
    for name, api_name in _REQUIRED.items():
        if alarm.get(name) is None:
            raise InvalidInput(f"{api_name} must not be null")
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


class Alarms:
    """The states of all alarms. moto stores the alarms; `history` records what happened to them."""

    def __init__(self, metric_store: MetricStore, clock: ScaledClock) -> None:
        self.history = AlarmHistory()
        self._metric_store = metric_store
        self._clock = clock

    def evaluate_all(self, region: str, end: float) -> dict[str, EvaluatedAlarm]:
        """Set every alarm of `region` to its state at `end` (AWS seconds); returns them by name, with their values."""
        evaluated = {}
        for stored in moto_backends.alarms(region):
            with log_errors("Alarm", stored.name):
                alarm = self._evaluate(region, stored, end)
                if alarm is not None:
                    evaluated[alarm.name] = alarm
        return evaluated

    def set_state(self, alarm: Any, state: str, reason: str, data: str | None, when: float | None = None) -> None:
        """Set the state of `alarm`, moto's, at `when` (AWS seconds, default now). A change executes the alarm's actions."""
        moment = self._clock.now() if when is None else when
        change = StateChange(alarm.state_value, alarm.state_reason, alarm.state_reason_data, state, reason, data, moment)
        alarm.state_reason, alarm.state_reason_data, alarm.state_value = reason, data, state
        alarm.state_updated_timestamp = datetime.fromtimestamp(moment, UTC)
        if change.new != change.old:
            summary, history_data = alarm_messages.state_update(change)
            self.history.add(alarm, moment, "StateUpdate", summary, json.dumps(history_data))
            alarm_actions.execute(alarm, change, self.history)

    def record_configuration(self, alarm: Any, before: Any | None) -> None:
        """Record in the history that `alarm`, moto's, was created, or updated from `before`."""
        new = alarm_messages.configuration(alarm)
        if before is None:
            self._record(alarm, "created", {"type": "Create", "createdAlarm": new})
            return
        old = alarm_messages.configuration(before)
        changed = {name: value for name, value in old.items() if new.get(name) != value}
        self._record(alarm, "updated", {"type": "Update", "originalUpdatedFields": changed, "updatedAlarm": new})

    def record_deletion(self, alarm: Any) -> None:
        """Record in the history that `alarm`, moto's, was deleted."""
        self._record(alarm, "deleted", {"type": "Delete", "deletedAlarm": alarm_messages.configuration(alarm)})

    def _record(self, alarm: Any, done: str, data: dict[str, Any]) -> None:
        summary = f'Alarm "{alarm.name}" {done}'
        self.history.add(alarm, self._clock.now(), "ConfigurationUpdate", summary, json.dumps({"version": "1.0"} | data))

    def _evaluate(self, region: str, stored: Any, end: float) -> EvaluatedAlarm | None:
        """None for an alarm that is not on one metric, and for a rule that is not emulated: it stays in its first state."""
        try:
            rule = _parse_rule(vars(stored))
        except InvalidInput:
            return None
        metric = MetricId(
            stored.namespace, stored.metric_name, tuple(sorted((item.name, item.value) for item in stored.dimensions))
        )
        values = self._metric_store.values(
            region, metric, rule.statistic, rule.period, end, rule.evaluation_range, stored.unit or None
        )
        previous = AlarmState(stored.state_value)
        state = evaluate(rule, values, previous)
        if state is not previous:
            why = alarm_messages.reason(rule, bool(stored.datapoints_to_alarm), values, state, end)
            self.set_state(stored, state.value, why, alarm_messages.reason_data(rule, values, end), end)
        return EvaluatedAlarm(stored.name, rule, state, values)

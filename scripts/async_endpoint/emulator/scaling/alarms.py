"""CloudWatch's metric alarms, evaluated. Composite alarms, metric math and anomaly bands are stored by moto and no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from async_endpoint.autoscaling.alarms import AlarmState, evaluate
from async_endpoint.autoscaling.policies import MetricId
from async_endpoint.autoscaling.proposals import EvaluatedAlarm
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.scaling import alarm_actions, alarm_messages
from async_endpoint.emulator.scaling.alarm_history import AlarmHistory
from async_endpoint.emulator.scaling.alarm_messages import StateChange
from async_endpoint.emulator.scaling.alarm_rules import read_rule
from async_endpoint.emulator.scaling.log_errors import log_errors
from async_endpoint.emulator.scaling.metric_store import MetricStore


class Alarms:
    """Every alarm's state, which moto holds, kept up with its metric; `history` has what happened."""

    def __init__(self, samples: MetricStore, clock: ScaledClock) -> None:
        self.history = AlarmHistory()
        self._samples = samples
        self._clock = clock

    def evaluate_all(self, region: str, end: float) -> dict[str, EvaluatedAlarm]:
        """Bring every alarm of `region` to its state at `end` (AWS seconds); returns them by name, with their values."""
        evaluated = {}
        for stored in moto_backends.alarms(region):
            with log_errors("Alarm", stored.name):
                alarm = self._evaluate(region, stored, end)
                if alarm is not None:
                    evaluated[alarm.name] = alarm
        return evaluated

    def change(self, alarm: Any, state: str, reason: str, data: str | None, when: float | None = None) -> None:
        """Put `alarm`, moto's, in a state, now unless said otherwise. Its actions follow if that is another one."""
        moment = self._clock.now() if when is None else when
        change = StateChange(alarm.state_value, alarm.state_reason, alarm.state_reason_data, state, reason, data, moment)
        alarm.state_reason, alarm.state_reason_data, alarm.state_value = reason, data, state
        alarm.state_updated_timestamp = datetime.fromtimestamp(moment, UTC)
        if change.new != change.old:
            summary, told = alarm_messages.state_update(change)
            self.history.add(alarm, moment, "StateUpdate", summary, json.dumps(told))
            alarm_actions.execute(alarm, change, self.history)

    def configured(self, alarm: Any, before: Any | None) -> None:
        """Tell the history that `alarm`, moto's, was created or updated."""
        new = alarm_messages.configuration(alarm)
        if before is None:
            self._tell(alarm, "created", {"type": "Create", "createdAlarm": new})
            return
        old = alarm_messages.configuration(before)
        changed = {name: value for name, value in old.items() if new.get(name) != value}
        self._tell(alarm, "updated", {"type": "Update", "originalUpdatedFields": changed, "updatedAlarm": new})

    def deleted(self, alarm: Any) -> None:
        """Tell the history that `alarm`, moto's, was deleted."""
        self._tell(alarm, "deleted", {"type": "Delete", "deletedAlarm": alarm_messages.configuration(alarm)})

    def _tell(self, alarm: Any, done: str, data: dict[str, Any]) -> None:
        summary = f'Alarm "{alarm.name}" {done}'
        self.history.add(alarm, self._clock.now(), "ConfigurationUpdate", summary, json.dumps({"version": "1.0"} | data))

    def _evaluate(self, region: str, stored: Any, end: float) -> EvaluatedAlarm | None:
        """None for what is no alarm on one metric; a rule that this evaluation does not know stays in its first state."""
        try:
            rule = read_rule(vars(stored))
        except InvalidInput:
            return None
        metric = MetricId(
            stored.namespace, stored.metric_name, tuple(sorted((item.name, item.value) for item in stored.dimensions))
        )
        values = self._samples.values(
            region, metric, rule.statistic, rule.period, end, rule.evaluation_range, stored.unit or None
        )
        previous = AlarmState(stored.state_value)
        state = evaluate(rule, values, previous)
        if state is not previous:
            why = alarm_messages.reason(rule, bool(stored.datapoints_to_alarm), values, state, end)
            self.change(stored, state.value, why, alarm_messages.reason_data(rule, values, end), end)
        return EvaluatedAlarm(stored.name, rule, state, values)

"""The states of CloudWatch's alarms: each metric alarm is evaluated every minute, a composite one when an alarm changes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.autoscaling.alarms import AlarmState, evaluate, needed_samples
from async_endpoint.autoscaling.decisions import EvaluatedAlarm
from async_endpoint.autoscaling.metric_math.queries import MetricQuery
from async_endpoint.autoscaling.metric_math.values import Grid, Series
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.scaling import action_suppression, alarm_actions, alarm_messages, composite_alarms
from async_endpoint.emulator.scaling.alarm_definitions import AlarmDefinition, definition_of
from async_endpoint.emulator.scaling.alarm_history import AlarmHistory
from async_endpoint.emulator.scaling.alarm_messages import StateChange
from async_endpoint.emulator.scaling.log_errors import log_errors
from async_endpoint.emulator.scaling.metric_series import MetricReader
from async_endpoint.emulator.scaling.metric_store import MetricStore

MINUTE: Final = 60


class Alarms:
    """The states of all alarms. moto stores the alarms; `history` records what happened to them."""

    def __init__(self, metric_store: MetricStore, clock: ScaledClock) -> None:
        self.history = AlarmHistory()
        self._metric_store = metric_store
        self._clock = clock
        self._lock = threading.RLock()  # of changes: a minute's, and those of calls
        self._changing: list[tuple[str, str]] = []  # region and name of the alarms whose dependents are being evaluated

    def evaluate_all(self, region: str, end: float) -> dict[str, EvaluatedAlarm]:
        """Set every metric alarm of `region` to its state at `end` (AWS seconds); returns them by name, with their values.

        Alarms with a shorter period than a minute are evaluated at each of its ends since the minute before.
        """
        evaluated = {}
        for stored in moto_backends.alarms(region):
            if stored.rule is not None:
                continue
            with log_errors("Alarm", stored.name):
                evaluated[stored.name] = self._evaluate(region, stored, end)
        self._end_suppressions(region, end)
        return evaluated

    def set_state(self, alarm: Any, state: str, reason: str, data: str | None, when: float | None = None) -> None:
        """Set the state of `alarm`, moto's, at `when` (AWS seconds, default now). A change executes the alarm's actions."""
        moment = self._clock.now() if when is None else when
        with self._lock:
            change = StateChange(alarm.state_value, alarm.state_reason, alarm.state_reason_data, state, reason, data, moment)
            alarm.state_reason, alarm.state_reason_data, alarm.state_value = reason, data, state
            alarm.state_updated_timestamp = datetime.fromtimestamp(moment, UTC)
            if change.new != change.old:
                alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
                summary, history_data = alarm_messages.state_update(change)
                self.history.add(alarm, moment, "StateUpdate", summary, json.dumps(history_data))
                if not action_suppression.held_back(alarm, change):
                    alarm_actions.execute(alarm, change, self.history)
                self._evaluate_dependents(alarm, moment)

    def evaluate_composite(self, alarm: Any, *, created: bool) -> None:
        """Evaluate `alarm`, moto's composite alarm that was just put."""
        with self._lock:
            state = composite_alarms.state_of_rule(alarm)
            if state != alarm.state_value:
                why, data = composite_alarms.reason_of_rule(alarm, state, created=created)
                self.set_state(alarm, state, why, data)

    def _evaluate_dependents(self, child: Any, when: float) -> None:
        """Evaluate the composite alarms whose rule names `child`; "evaluation stops if CloudWatch detects a cycle"."""
        self._changing.append((child.region_name, child.name))
        try:
            for alarm in composite_alarms.dependents(moto_backends.alarms(child.region_name), child.name):
                if (alarm.region_name, alarm.name) in self._changing or child.name not in composite_alarms.child_names(alarm):
                    continue
                with log_errors("Alarm", alarm.name):
                    state = composite_alarms.state_of_rule(alarm)
                    if state != alarm.state_value:
                        self.set_state(alarm, state, *composite_alarms.reason_of_child(child, when), when)
        finally:
            self._changing.pop()

    def _end_suppressions(self, region: str, now: float) -> None:
        """Execute the actions of composite alarms that are no longer suppressed."""
        for alarm in moto_backends.alarms(region):
            if alarm.rule is not None:
                with self._lock, log_errors("Alarm", alarm.name):
                    change = action_suppression.due(alarm, now)
                    if change is not None:
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

    def _evaluate(self, region: str, stored: Any, end: float) -> EvaluatedAlarm:
        definition = definition_of(vars(stored))
        step = min(definition.rule.period, MINUTE)
        alarm = None
        for moment in range(MINUTE - step, -1, -step):
            alarm = self._evaluate_at(region, stored, definition, end - moment)
        assert alarm is not None
        return alarm

    def _evaluate_at(self, region: str, stored: Any, definition: AlarmDefinition, end: float) -> EvaluatedAlarm:
        rule = definition.rule
        values = self._values(region, definition, end)
        previous = AlarmState(stored.state_value)
        state = previous if self._has_few_samples(region, definition, values, end) else evaluate(rule, values, previous)
        if state is not previous:
            why = alarm_messages.reason(rule, bool(stored.datapoints_to_alarm), values, state, end)
            data = alarm_messages.reason_data(rule, definition.statistic, values, end)
            self.set_state(stored, state.value, why, data, end)
        return EvaluatedAlarm(stored.name, rule, state, values)

    def _values(self, region: str, definition: AlarmDefinition, end: float) -> Sequence[float | None]:
        """The latest values of what an alarm watches, oldest first."""
        rule, source = definition.rule, definition.source
        if isinstance(source, MetricQuery):
            return self._metric_store.values(
                region, source.metric, rule.statistic, rule.period, end, rule.evaluation_range, source.unit
            )
        last = end // rule.period * rule.period
        grid = Grid(last - rule.evaluation_range * rule.period, rule.period, rule.evaluation_range)
        value = source.evaluate(source.returned[0].id, grid, MetricReader(self._metric_store, region, end).fetch(last))
        if not isinstance(value, Series):
            raise InvalidInput("An alarm watches an array of time series.")
        return value.values

    def _has_few_samples(self, region: str, definition: AlarmDefinition, values: Sequence[float | None], end: float) -> bool:
        """Whether a percentile that is evaluated is of too few samples, and the alarm keeps its state then."""
        rule, source = definition.rule, definition.source
        if not definition.keep_on_few_samples or not isinstance(source, MetricQuery):
            return False
        needed = needed_samples(float(re.sub("[^0-9.]", "", rule.statistic)))
        counts = self._metric_store.values(
            region, source.metric, "SampleCount", rule.period, end, rule.evaluation_range, source.unit
        )
        known = [count for count, value in zip(counts, values, strict=True) if count is not None and value is not None]
        return any(count < needed for count in known[-rule.evaluation_periods :])

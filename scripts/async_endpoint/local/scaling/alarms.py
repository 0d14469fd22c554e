"""CloudWatch's metric alarms, evaluated. Composite alarms, metric math and percentiles are stored by moto and not evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState, evaluate
from async_endpoint.autoscaling.policies import MetricId
from async_endpoint.autoscaling.proposals import Alarm
from async_endpoint.contract.errors import InvalidInput
from async_endpoint.local import stores
from async_endpoint.local.scaling.samples import Samples


def evaluate_all(region: str, samples: Samples, end: float) -> dict[str, Alarm]:
    """Bring every alarm of `region` to its state at `end` (AWS seconds); returns them by name, with their values."""
    return {stored.name: _evaluate(region, stored, rule, samples, end) for stored, rule in _rules(region)}


def _rules(region: str) -> Iterator[tuple[Any, AlarmRule]]:
    for stored in stores.alarms(region):
        if not stored.metric_name or not stored.statistic:
            continue
        try:
            rule = AlarmRule(
                comparison=stored.comparison_operator,
                threshold=float(stored.threshold),
                period=int(stored.period),
                evaluation_periods=int(stored.evaluation_periods),
                datapoints_to_alarm=int(stored.datapoints_to_alarm or stored.evaluation_periods),
                statistic=stored.statistic,
                missing=stored.treat_missing_data or "missing",
            )
        except InvalidInput:  # a rule that this evaluation does not know stays in its first state
            continue
        yield stored, rule


def _evaluate(region: str, stored: Any, rule: AlarmRule, samples: Samples, end: float) -> Alarm:
    metric = MetricId(
        stored.namespace, stored.metric_name, tuple(sorted((item.name, item.value) for item in stored.dimensions))
    )
    values = samples.values(region, metric, rule.statistic, rule.period, end, rule.evaluation_range)
    previous = AlarmState(stored.state_value)
    state = evaluate(rule, values, previous)
    if state is not previous:
        _change(region, stored, state, values, end)
    return Alarm(stored.name, rule, state, values)


def _change(region: str, stored: Any, state: AlarmState, values: list[float | None], end: float) -> None:
    old, when = stored.state_value, datetime.fromtimestamp(end, UTC)
    known = [value for value in values if value is not None]
    reason = f"Threshold Crossed: {len(known)} datapoints {known} against {stored.comparison_operator} {stored.threshold}."
    stored.update_state(reason, json.dumps({"recentDatapoints": known}), state.value)
    stored.state_updated_timestamp = when
    actions = {AlarmState.ALARM: stored.alarm_actions, AlarmState.OK: stored.ok_actions}.get(
        state, stored.insufficient_data_actions
    )
    message = {
        "AlarmName": stored.name,
        "AlarmArn": stored.alarm_arn,
        "Region": region,
        "OldStateValue": old,
        "NewStateValue": state.value,
        "NewStateReason": reason,
        "StateChangeTime": when.isoformat(),
    }
    for action in actions if stored.actions_enabled else ():
        if action.split(":")[2] == "sns":
            stores.publish_if_there(action, region, message)

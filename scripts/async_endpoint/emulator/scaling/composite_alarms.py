"""Composite alarms: their state from those of other alarms, whose names or ARNs are in their rule.

A composite alarm is evaluated when it is put and whenever an alarm that its rule names changes its state ("only once any of its
children alarms change state", API reference, SetAlarmState). The texts of reasons follow LocalStack's snapshots, recorded on
AWS.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from async_endpoint.autoscaling.alarms import AlarmState
from async_endpoint.autoscaling.composite_rules import children, holds, parse_rule
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.scaling.alarm_definitions import check_actions, check_constraints
from async_endpoint.emulator.scaling.alarm_messages import stamp
from async_endpoint.local_aws import ACCOUNT_ID

_ACTIONS_OF_COMPOSITES = ("sns", "lambda", "ssm", "ssm-incidents", "aiops")  # PutCompositeAlarm.AlarmActions


def name_of(reference: str, region: str) -> str:
    """The name of the alarm that a rule names, in this region and account; another ARN is returned as it is."""
    return reference.removeprefix(f"arn:aws:cloudwatch:{region}:{ACCOUNT_ID}:alarm:")


def child_names(alarm: Any) -> list[str]:
    """The names of the alarms in the rule of `alarm`, moto's composite alarm."""
    return [name_of(reference, alarm.region_name) for reference in children(parse_rule(alarm.rule))]


def dependents(alarms: Iterable[Any], name: str) -> list[Any]:
    """The composite alarms among `alarms` whose rule, or whose suppression of actions, depends on the alarm of that name."""
    return [alarm for alarm in alarms if alarm.rule is not None and name in (*child_names(alarm), suppressor_name(alarm))]


def suppressor_name(alarm: Any) -> str:
    """The name of the alarm that suppresses the actions of `alarm`, moto's; empty without one."""
    return name_of(getattr(alarm, "actions_suppressor", None) or "", alarm.region_name)


def state_of_rule(alarm: Any) -> AlarmState:
    """The state that the rule of `alarm`, moto's composite alarm, has now; alarms that are gone have insufficient data."""

    def state(reference: str) -> AlarmState:
        found = moto_backends.alarm_state(alarm.region_name, name_of(reference, alarm.region_name))
        return AlarmState(found or AlarmState.INSUFFICIENT_DATA)

    return AlarmState.ALARM if holds(parse_rule(alarm.rule), state) else AlarmState.OK


def reason_of_child(child: Any, when: float) -> tuple[str, str]:
    """Reason and reason data of a state that the change of `child`, moto's alarm, at `when` (AWS seconds) has caused."""
    moment = f"{datetime.fromtimestamp(when, UTC):%A %d %B, %Y %H:%M:%S} UTC"
    return f"{child.alarm_arn} transitioned to {child.state_value} at {moment}", _triggering([child])


def reason_of_rule(alarm: Any, state: AlarmState, *, created: bool) -> tuple[str, str]:
    """Reason and reason data of the state of an alarm that was just put."""
    done = "created" if created else "updated"
    known = [child for child in moto_backends.alarms(alarm.region_name) if child.name in child_names(alarm)]
    return f"{alarm.alarm_arn} was {done} and its alarm rule evaluates to {state}", _triggering(known)


def _triggering(alarms: Iterable[Any]) -> str:
    described = [
        {
            "arn": alarm.alarm_arn,
            "state": {"value": alarm.state_value, "timestamp": stamp(_transition(alarm).timestamp())},
        }
        for alarm in alarms
    ]
    return json.dumps({"triggeringAlarms": described})


def _transition(alarm: Any) -> datetime:
    when: datetime = getattr(alarm, "state_transitioned_timestamp", None) or alarm.state_updated_timestamp
    return when.replace(tzinfo=when.tzinfo or UTC)


def check_composite(request: Mapping[str, Any], known: Iterable[str], region: str) -> None:
    """Check a PutCompositeAlarm request. `known` are the names of all alarms. Raises InvalidInput for one that is refused.

    The text about alarms that do not exist is quoted in aws-cloudformation-user-guide 911.
    """
    check_constraints("PutCompositeAlarm", request)
    if request.get("ActionConfiguration") is not None:
        raise InvalidInput("ActionConfiguration is not supported by the local AWS.")
    actions = {name: request.get(name) or [] for name in ("AlarmActions", "OKActions", "InsufficientDataActions")}
    check_actions({"alarm_actions": [action for kind in actions.values() for action in kind]}, region)
    for action in (action for kind in actions.values() for action in kind):
        if action.split(":")[2] not in _ACTIONS_OF_COMPOSITES:
            raise InvalidInput(f"Action {action} is not supported for composite alarms.")
    named = [name_of(reference, region) for reference in children(parse_rule(str(request.get("AlarmRule") or "")))]
    missing = [name for name in named if name not in known]
    if missing:
        raise InvalidInput(
            f"Could not save the composite alarm as alarms [{', '.join(missing)}] in the alarm rule do not exist"
        )
    _check_suppressor(request, known, region)


def _check_suppressor(request: Mapping[str, Any], known: Iterable[str], region: str) -> None:
    suppressor = request.get("ActionsSuppressor")
    periods = {name: request.get(name) for name in ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")}
    for name, seconds in periods.items():
        if (seconds is None) is bool(suppressor):
            raise InvalidInput(f"{name} is required with ActionsSuppressor, and allowed with it only.")
        if seconds is not None and int(seconds) < 0:
            raise InvalidInput(f"{name} is {seconds}; it must not be below zero.")
    if suppressor and name_of(suppressor, region) not in known:
        raise InvalidInput(f"Could not save the composite alarm as its ActionsSuppressor {suppressor} does not exist")

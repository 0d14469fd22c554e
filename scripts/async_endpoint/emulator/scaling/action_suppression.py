"""Suppression of a composite alarm's actions while another alarm, its suppressor, is in ALARM.

After a change of the composite alarm its actions wait for the suppressor to go into ALARM, for up to the wait period. While it
is in ALARM they are suppressed, and for the extension period after it. Then the actions of the present state are executed.
Source: CloudWatch user guide, "Alarm suppression". Both periods end at the end of an AWS minute.
"""

from __future__ import annotations

from typing import Any

from async_endpoint.autoscaling.alarms import AlarmState
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.scaling.alarm_messages import StateChange
from async_endpoint.emulator.scaling.composite_alarms import suppressor_name

WAIT, EXTENSION, SUPPRESSED = "WaitPeriod", "ExtensionPeriod", "Alarm"  # CompositeAlarm.ActionsSuppressedBy


def configure(alarm: Any, suppressor: str | None, wait: int | None, extension: int | None, before: Any | None) -> None:
    """Set the suppressor of `alarm`, moto's, and its periods (seconds); what is suppressed since `before` stays so."""
    alarm.actions_suppressor, alarm.actions_suppressor_wait_period = suppressor, wait
    alarm.actions_suppressor_extension_period = extension
    for name in ("actions_suppressed_by", "actions_suppressed_reason", "suppressed_until", "suppressed_change"):
        setattr(alarm, name, getattr(before, name, None) if suppressor else None)


def held_back(alarm: Any, change: StateChange) -> bool:
    """Whether the actions of `change` must not be executed now; they are kept until `due` returns them."""
    if not suppressor_name(alarm):
        return False
    alarm.suppressed_change = change
    if alarm.actions_suppressed_by is None:
        _begin(alarm, change.when)
    return alarm.actions_suppressed_by is not None


def due(alarm: Any, now: float) -> StateChange | None:
    """The last change whose actions were held back and are to be executed at `now` (AWS seconds), once."""
    by, in_alarm = getattr(alarm, "actions_suppressed_by", None), _suppressor_in_alarm(alarm)
    if by is None:
        return None
    if in_alarm:
        _suppress(alarm, SUPPRESSED, None)
        return None
    if by == SUPPRESSED:
        _suppress(alarm, EXTENSION, now + alarm.actions_suppressor_extension_period)
    if now < (alarm.suppressed_until or 0.0):
        return None
    change: StateChange | None = alarm.suppressed_change
    _release(alarm)
    return change


def _begin(alarm: Any, now: float) -> None:
    if _suppressor_in_alarm(alarm):
        _suppress(alarm, SUPPRESSED, None)
    elif alarm.actions_suppressor_wait_period:
        _suppress(alarm, WAIT, now + alarm.actions_suppressor_wait_period)


def _suppress(alarm: Any, by: str, until: float | None) -> None:
    reasons = {
        WAIT: f"Waiting for {suppressor_name(alarm)} to go into ALARM",
        EXTENSION: f"{suppressor_name(alarm)} has left ALARM",
        SUPPRESSED: f"{suppressor_name(alarm)} is in ALARM",
    }
    alarm.actions_suppressed_by, alarm.actions_suppressed_reason, alarm.suppressed_until = by, reasons[by], until


def _release(alarm: Any) -> None:
    alarm.actions_suppressed_by = alarm.actions_suppressed_reason = alarm.suppressed_until = alarm.suppressed_change = None


def _suppressor_in_alarm(alarm: Any) -> bool:
    name = suppressor_name(alarm)
    return bool(name) and moto_backends.alarm_state(alarm.region_name, name) == AlarmState.ALARM

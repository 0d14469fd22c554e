"""A new alarm is INSUFFICIENT_DATA, where moto makes it OK, so that it never changes to OK.

An updated alarm keeps its state, its reason, and its tags ("any tags you specify in this parameter are ignored"). Times are AWS
time. Alarms that can never be evaluated (no Period or Threshold) are refused as on AWS; moto accepts them. alarm_history.py
installs this function.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.alarm_definitions import check_alarm

_put = CloudWatchBackend.put_metric_alarm
PRESERVED = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "state_transitioned_timestamp")


def put_alarm(backend: CloudWatchBackend, now: float, name: str, **request: Any) -> tuple[Any, Any | None]:
    """Put an alarm: the alarm, and the previous one of that name. Raises ValidationError for an alarm that is refused."""
    before = backend.alarms.get(name)
    try:
        if not request.get("rule"):
            check_alarm(request, backend.region_name)
        if before is not None and (before.rule is None) is bool(request.get("rule")):
            raise InvalidInput(f"Alarm {name} exists already as a {'metric' if before.rule is None else 'composite'} alarm")
    except InvalidInput as error:
        raise ValidationError(str(error)) from error
    if before is not None:
        request["tags"] = None
    alarm = _put(backend, name, **request)
    alarm.configuration_updated_timestamp = alarm.state_updated_timestamp = datetime.fromtimestamp(now, UTC)
    alarm.state_transitioned_timestamp = alarm.state_updated_timestamp
    alarm.state_value, alarm.state_reason_data = "INSUFFICIENT_DATA", None
    for attribute in PRESERVED if before is not None else ():
        setattr(alarm, attribute, getattr(before, attribute, None))
    return alarm, before

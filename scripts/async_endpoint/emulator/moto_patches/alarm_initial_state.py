"""PutMetricAlarm: a new alarm is INSUFFICIENT_DATA, where moto makes it OK, so that it never changes to OK.

An updated alarm keeps its state and reason. Times are AWS time. Alarms that can never be evaluated (no Period or Threshold)
are refused as on AWS; moto accepts them. alarm_history.py installs this function.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling.alarm_definitions import check_alarm

_put = CloudWatchBackend.put_metric_alarm
PRESERVED = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp")


def put_alarm(backend: CloudWatchBackend, now: float, name: str, **request: Any) -> tuple[Any, Any | None]:
    """PutMetricAlarm: the alarm, and the previous one of that name. Raises ValidationError for an alarm that is refused."""
    try:
        check_alarm(request, backend.region_name)
    except InvalidInput as error:
        raise ValidationError(str(error)) from error
    before = backend.alarms.get(name)
    alarm = _put(backend, name, **request)
    alarm.configuration_updated_timestamp = alarm.state_updated_timestamp = datetime.fromtimestamp(now, UTC)
    alarm.state_value = "INSUFFICIENT_DATA"
    for attribute in PRESERVED if before is not None else ():
        setattr(alarm, attribute, getattr(before, attribute))
    return alarm, before

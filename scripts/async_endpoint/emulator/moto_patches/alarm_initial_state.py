"""An alarm begins as INSUFFICIENT_DATA; moto begins it as OK, and so it would never be seen to recover.

One that is put again keeps its state and the reason for it. Times are AWS time. moto takes alarms that could never be
evaluated, without Period or Threshold; they are refused. alarm_history.py puts this in the place of moto's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.models import CloudWatchBackend

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.scaling import alarm_rules

_put = CloudWatchBackend.put_metric_alarm
KEPT = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp")


def put_alarm(backend: CloudWatchBackend, now: float, name: str, **request: Any) -> tuple[Any, Any | None]:
    """PutMetricAlarm; the alarm, and the one of that name before it. Raises ValidationError for one that CloudWatch refuses."""
    try:
        alarm_rules.check(request)
    except InvalidInput as error:
        raise ValidationError(str(error)) from error
    before = backend.alarms.get(name)
    alarm = _put(backend, name, **request)
    alarm.configuration_updated_timestamp = alarm.state_updated_timestamp = datetime.fromtimestamp(now, UTC)
    alarm.state_value = "INSUFFICIENT_DATA"
    for attribute in KEPT if before is not None else ():
        setattr(alarm, attribute, getattr(before, attribute))
    return alarm, before

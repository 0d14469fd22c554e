"""An alarm begins as INSUFFICIENT_DATA; moto begins it as OK, and so it would never be seen to recover.

One that is put again keeps its state and the reason for it. Times are AWS time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend

from async_endpoint.local.clock import ScaledClock

_put = CloudWatchBackend.put_metric_alarm
KEPT = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp")


def put_alarm(backend: CloudWatchBackend, now: float, name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any | None]:
    """PutMetricAlarm; the alarm, and the one of that name before it."""
    before = backend.alarms.get(name)
    alarm = _put(backend, name, *args, **kwargs)
    alarm.configuration_updated_timestamp = alarm.state_updated_timestamp = datetime.fromtimestamp(now, UTC)
    alarm.state_value = "INSUFFICIENT_DATA"
    for attribute in KEPT if before is not None else ():
        setattr(alarm, attribute, getattr(before, attribute))
    return alarm, before


def mend(clock: ScaledClock) -> None:
    def put_metric_alarm(self: CloudWatchBackend, name: str, *args: Any, **kwargs: Any) -> Any:
        return put_alarm(self, clock.now(), name, *args, **kwargs)[0]

    CloudWatchBackend.put_metric_alarm = put_metric_alarm

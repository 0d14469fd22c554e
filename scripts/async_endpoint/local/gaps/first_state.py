"""An alarm begins as INSUFFICIENT_DATA; moto begins it as OK, and so it would never be seen to recover."""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import CloudWatchBackend

_put = CloudWatchBackend.put_metric_alarm


def _put_metric_alarm(self: CloudWatchBackend, name: str, *args: Any, **kwargs: Any) -> Any:
    existing = self.alarms.get(name)
    alarm = _put(self, name, *args, **kwargs)
    alarm.state_value = existing.state_value if existing else "INSUFFICIENT_DATA"
    return alarm


def mend() -> None:
    CloudWatchBackend.put_metric_alarm = _put_metric_alarm

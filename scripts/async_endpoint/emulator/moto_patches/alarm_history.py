"""DescribeAlarmHistory, which moto lacks; and SetAlarmState executes the alarm's actions, as on AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.moto_patches.alarm_initial_state import put_alarm
from async_endpoint.emulator.moto_patches.metric_store import InvalidNextToken
from async_endpoint.emulator.scaling.minute_scheduler import MinuteScheduler

PAGE = 100  # DescribeAlarmHistory.MaxRecords
_delete = CloudWatchBackend.delete_alarms


def apply(hosting: Hosting, scheduler: MinuteScheduler) -> None:
    alarms, clock = scheduler.alarms, hosting.clock

    def put_metric_alarm(self: CloudWatchBackend, name: str, **request: Any) -> Any:
        alarm, before = put_alarm(self, clock.now(), name, **request)
        alarms.record_configuration(alarm, before)
        return alarm

    def delete_alarms(self: CloudWatchBackend, alarm_names: list[str]) -> None:
        gone = [self.alarms[name] for name in alarm_names if name in self.alarms]
        _delete(self, alarm_names)
        for alarm in gone:
            alarms.record_deletion(alarm)

    def update_state(self: Alarm, reason: str, reason_data: str | None, state_value: str) -> None:
        alarms.set_state(self, state_value, reason, reason_data)

    def describe_alarm_history(self: CloudWatchResponse) -> ActionResult:
        request, token = self._get_params(), self._get_param("NextToken")
        if token is not None and not token.isdecimal():
            raise InvalidNextToken("Request parameter NextToken is invalid")
        found = alarms.history.find(
            self.region,
            alarm=request.get("AlarmName"),
            alarm_types=tuple(request.get("AlarmTypes") or ("MetricAlarm",)),
            of_type=request.get("HistoryItemType"),
            start=_epoch(request.get("StartDate")),
            end=_epoch(request.get("EndDate")),
            oldest_first=request.get("ScanBy") == "TimestampAscending",
            after=None if token is None else int(token),
        )
        page = found[: int(request.get("MaxRecords") or PAGE)]
        more = {"NextToken": str(page[-1].number)} if len(page) < len(found) else {}
        return ActionResult({"AlarmHistoryItems": [item.describe() for item in page], **more})

    CloudWatchBackend.put_metric_alarm = put_metric_alarm
    CloudWatchBackend.delete_alarms = delete_alarms
    Alarm.update_state = update_state
    CloudWatchResponse.describe_alarm_history = describe_alarm_history


def _epoch(when: datetime | None) -> float | None:
    return None if when is None else when.replace(tzinfo=when.tzinfo or UTC).timestamp()

"""PutMetricAlarm and DescribeAlarms: members that moto ignores are refused by name, or take effect.

Actions may name topics that do not exist, as on AWS: CloudWatch does not validate them (user guide, "Using CloudWatch alarms").
moto drops unknown members of PutMetricAlarm, describes alarms without AlarmTypes, in one page and by one filter only, and finds
alarms of a metric by its name and namespace only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from async_endpoint.autoscaling.statistics import is_percentile
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.moto_patches.metric_store import InvalidNextToken
from async_endpoint.emulator.moto_patches.resource_tags import check_tags_of_alarm
from async_endpoint.emulator.scaling.alarm_definitions import check_members
from async_endpoint.emulator.scaling.composite_alarms import child_names, dependents

MAX_RECORDS: Final = 100  # DescribeAlarms.MaxRecords; the default is 50 (API reference)
DEFAULT_RECORDS: Final = 50
_FILTERS: Final = ("AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "ActionPrefix")
_put = CloudWatchResponse.put_metric_alarm


def apply() -> None:
    def put_metric_alarm(self: CloudWatchResponse) -> ActionResult:
        request = self._get_params()
        try:
            check_members(request)
        except InvalidInput as error:
            raise ValidationError(str(error)) from error
        check_tags_of_alarm(tag["Key"] for tag in request.get("Tags") or ())
        extended = request.get("ExtendedStatistic")
        if extended and not is_percentile(extended):
            raise ValidationError(f"The value {extended} for parameter ExtendedStatistic is not supported.")
        return _put(self)

    def describe_alarms(self: CloudWatchResponse) -> ActionResult:
        request = self._get_params()
        alarms = dict(self.cloudwatch_backend.alarms)  # a copy: other threads put alarms
        found = [alarm for alarm in alarms.values() if _matches(alarm, request)]
        found = _relatives(found, alarms, request)
        found.sort(key=lambda alarm: (alarm.rule is None, alarm.name))  # "composite alarms are returned first"
        begin, most = _page(request)
        page = found[begin : begin + most]
        more = {"NextToken": str(begin + most)} if begin + most < len(found) else {}
        return ActionResult(
            {
                "MetricAlarms": [alarm for alarm in page if alarm.rule is None],
                "CompositeAlarms": [alarm for alarm in page if alarm.rule is not None],
                **more,
            }
        )

    def describe_alarms_for_metric(self: CloudWatchResponse) -> ActionResult:
        request = self._get_params()
        found = [alarm for alarm in [*self.cloudwatch_backend.alarms.values()] if _watches(alarm, request)]
        return ActionResult({"MetricAlarms": found})

    CloudWatchResponse.put_metric_alarm = put_metric_alarm
    CloudWatchResponse.describe_alarms = describe_alarms
    CloudWatchResponse.describe_alarms_for_metric = describe_alarms_for_metric


def _relatives(found: list[Any], alarms: Mapping[str, Any], request: Mapping[str, Any]) -> list[Any]:
    """Those of `found` that ChildrenOfAlarmName and ParentsOfAlarmName select, which exclude all other filters."""
    parent, child = request.get("ChildrenOfAlarmName"), request.get("ParentsOfAlarmName")
    if (parent or child) and any(request.get(name) for name in _FILTERS):
        raise ValidationError("ChildrenOfAlarmName and ParentsOfAlarmName cannot be combined with other parameters.")
    if parent:
        names = child_names(alarms[parent]) if parent in alarms and alarms[parent].rule is not None else []
        return [alarm for alarm in alarms.values() if alarm.name in names]
    return dependents(alarms.values(), child) if child else found


def _matches(alarm: Any, request: Mapping[str, Any]) -> bool:
    """Whether DescribeAlarms selects an alarm; without AlarmTypes, metric alarms only."""
    wanted: dict[str, Callable[[Any], bool]] = {
        "AlarmNames": lambda names: alarm.name in names,
        "AlarmNamePrefix": alarm.name.startswith,
        "StateValue": lambda state: bool(alarm.state_value == state),
        "ActionPrefix": lambda prefix: any(
            action.startswith(prefix) for action in (*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions)
        ),
    }
    kind = "MetricAlarm" if alarm.rule is None else "CompositeAlarm"
    return kind in (request.get("AlarmTypes") or ["MetricAlarm"]) and all(
        matches(request[name]) for name, matches in wanted.items() if request.get(name)
    )


def _page(request: Mapping[str, Any]) -> tuple[int, int]:
    token, most = str(request.get("NextToken") or "0"), int(request.get("MaxRecords") or DEFAULT_RECORDS)
    if not token.isdecimal():
        raise InvalidNextToken("Request parameter NextToken is invalid")
    if not 1 <= most <= MAX_RECORDS:
        raise ValidationError(
            f"1 validation error detected: Value '{most}' at 'maxRecords' failed to satisfy constraint: Member must have value "
            f"{'less' if most > 1 else 'greater'} than or equal to {MAX_RECORDS if most > 1 else 1}"
        )
    return int(token), most


def _watches(alarm: Any, request: Mapping[str, Any]) -> bool:
    """Whether an alarm is on the metric of a DescribeAlarmsForMetric request; one on metric math is on none."""
    dimensions = {(item["Name"], item["Value"]) for item in request.get("Dimensions") or ()}
    found = {(item.name, item.value) for item in alarm.dimensions}
    optional = {
        "Period": alarm.period,
        "Statistic": alarm.statistic,
        "ExtendedStatistic": alarm.extended_statistic,
        "Unit": alarm.unit,
    }
    return (
        (alarm.metric_name, alarm.namespace, found) == (request["MetricName"], request["Namespace"], dimensions)
        and all(request[name] == value for name, value in optional.items() if request.get(name))
    )  # fmt: skip

"""PutCompositeAlarm, which moto lacks; and DeleteAlarms refuses alarms that composite ones depend on, as CloudWatch does."""

from __future__ import annotations

from typing import Any, Final

from moto.cloudwatch.exceptions import ValidationError
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.moto_patches.resource_tags import check_tags_of_alarm
from async_endpoint.emulator.scaling.action_suppression import configure
from async_endpoint.emulator.scaling.composite_alarms import check_composite, dependents
from async_endpoint.emulator.scaling.minute_scheduler import MinuteScheduler

MAX_DELETED: Final = 100  # alarms, of them one composite alarm (API reference, DeleteAlarms)
# Arguments of moto's backend without a value for composite alarms.
_OF_METRICS: Final = (
    "namespace",
    "metric_name",
    "comparison_operator",
    "evaluation_periods",
    "period",
    "threshold",
    "statistic",
)
_delete = CloudWatchResponse.delete_alarms


def apply(scheduler: MinuteScheduler) -> None:
    alarms = scheduler.alarms

    def put_composite_alarm(self: CloudWatchResponse) -> ActionResult:
        request, backend = self._get_params(), self.cloudwatch_backend
        name = str(request["AlarmName"])
        before = backend.alarms.get(name)
        try:
            check_composite(request, {*backend.alarms, name} if before is not None else backend.alarms, self.region)
        except InvalidInput as error:
            raise ValidationError(str(error)) from error
        check_tags_of_alarm(tag["Key"] for tag in request.get("Tags") or ())
        alarm = backend.put_metric_alarm(name=name, rule=str(request["AlarmRule"]), **_members(request))
        periods = (request.get(f"ActionsSuppressor{kind}Period") for kind in ("Wait", "Extension"))
        wait, extension = (None if seconds is None else int(seconds) for seconds in periods)
        configure(alarm, request.get("ActionsSuppressor"), wait, extension, before)
        alarms.evaluate_composite(alarm, created=before is None)
        return EmptyResult()

    def delete_alarms(self: CloudWatchResponse) -> ActionResult:
        _check_deletion(self._get_param("AlarmNames", []), self.cloudwatch_backend.alarms)
        return _delete(self)

    CloudWatchResponse.put_composite_alarm = put_composite_alarm
    CloudWatchResponse.delete_alarms = delete_alarms


def _members(request: dict[str, Any]) -> dict[str, Any]:
    return {
        **dict.fromkeys(_OF_METRICS),
        "dimensions": [],
        "description": request.get("AlarmDescription"),
        "alarm_actions": request.get("AlarmActions") or [],
        "ok_actions": request.get("OKActions") or [],
        "insufficient_data_actions": request.get("InsufficientDataActions") or [],
        "actions_enabled": request.get("ActionsEnabled"),
        "tags": request.get("Tags") or [],
    }


def _check_deletion(names: list[str], alarms: dict[str, Any]) -> None:
    """The text is quoted in cloud-custodian 7763; that several composite alarms are refused is in the API reference."""
    if len(names) > MAX_DELETED:
        raise ValidationError(f"The collection AlarmNames must not have a size greater than {MAX_DELETED}.")
    if sum(alarms[name].rule is not None for name in names if name in alarms) > 1:
        raise ValidationError("Only one composite alarm can be deleted in an operation.")
    needed = [name for name in names if any(alarm.name != name for alarm in dependents(alarms.values(), name))]
    if needed:
        them = "it" if len(needed) == 1 else "them"
        raise ValidationError(f"Cannot delete {','.join(needed)} as there are composite alarm(s) depending on {them}.")

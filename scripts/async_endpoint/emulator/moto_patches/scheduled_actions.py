"""Scheduled actions: checked, of registered targets, in AWS time, described in pages. moto does none of this."""

from __future__ import annotations

import json
from typing import Any

from moto.moto_api._internal import mock_random

from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.moto_patches.application_autoscaling import (
    ApplicationAutoscalingBackend,
    ApplicationAutoScalingResponse,
    AWSValidationException,
    FakeScheduledAction,
)
from async_endpoint.emulator.moto_patches.scalable_target import check_registered, least_capacity, not_found
from async_endpoint.emulator.moto_patches.scaling_activities import one_page

KEY = ("service_namespace", "resource_id", "scalable_dimension", "scheduled_action_name")
_put = ApplicationAutoscalingBackend.put_scheduled_action
_delete = ApplicationAutoscalingBackend.delete_scheduled_action
_describe = ApplicationAutoScalingResponse.describe_scheduled_actions


def apply(hosting: Hosting) -> None:
    clock = hosting.clock

    def put_scheduled_action(self: ApplicationAutoscalingBackend, **request: Any) -> None:
        check_registered(self, request["service_namespace"], request["resource_id"], request["scalable_dimension"])
        before = _find(self, request)
        least = least_capacity(hosting, self.region_name, request["resource_id"], request["scalable_dimension"])
        _check(before, request, clock.now(), least)
        _put(self, **request)
        action = _find(self, request)
        assert action is not None
        action.put_at = clock.now()
        action.timezone = request["timezone"] or action.timezone
        if before is None:
            action.creation_time = action.put_at
            action.arn = (
                f"arn:aws:autoscaling:{self.region_name}:{self.account_id}:scheduledAction:{mock_random.uuid4()}:resource/"
                f"{action.service_namespace}/{action.resource_id}:scheduledActionName/{action.scheduled_action_name}"
            )

    ApplicationAutoscalingBackend.put_scheduled_action = put_scheduled_action
    ApplicationAutoscalingBackend.delete_scheduled_action = _delete_scheduled_action
    ApplicationAutoScalingResponse.describe_scheduled_actions = _describe_scheduled_actions


def _find(backend: ApplicationAutoscalingBackend, request: dict[str, Any]) -> FakeScheduledAction | None:
    found = (item for item in backend.scheduled_actions if all(getattr(item, name) == request[name] for name in KEY))
    return next(found, None)


def _check(before: FakeScheduledAction | None, request: dict[str, Any], now: float, least: int) -> None:
    """Raise AWS's errors for an invalid action. An update keeps what it does not name, except the start and end times."""
    target_action = request["scalable_target_action"] or getattr(before, "scalable_target_action", None) or {}
    schedule = request["schedule"] or getattr(before, "schedule", None)
    low, high = target_action.get("MinCapacity"), target_action.get("MaxCapacity")
    start, end = request["start_time"], request["end_time"]
    if not schedule:
        raise AWSValidationException("Schedule is required for a new scheduled action.")
    if low is None and high is None:
        raise AWSValidationException("At least one of MinCapacity and MaxCapacity must be specified in ScalableTargetAction.")
    if low is not None and high is not None and low > high:
        raise AWSValidationException("Minimum capacity cannot be greater than maximum capacity")
    if low is not None and low < least:
        raise AWSValidationException(f"Minimum capacity cannot be less than {least}; it is {low}.")
    if start is not None and end is not None and start >= end:
        raise AWSValidationException("End time must be after start time.")
    try:
        parse_schedule(schedule, request["timezone"] or getattr(before, "timezone", None), now, start, end)
    except InvalidInput as error:
        raise AWSValidationException(str(error)) from error


def _delete_scheduled_action(self: ApplicationAutoscalingBackend, **request: Any) -> None:
    if _find(self, request) is None:
        raise not_found(
            "No scheduled action found for service namespace: {service_namespace}, resource ID: {resource_id}, scalable "
            "dimension: {scalable_dimension}, scheduled action name: {scheduled_action_name}".format(**request)
        )
    _delete(self, **request)


def _describe_scheduled_actions(self: ApplicationAutoScalingResponse) -> str:
    found = json.loads(_describe(self))["ScheduledActions"]
    known = [{name: value for name, value in action.items() if value is not None} for action in found]
    return one_page(self, "ScheduledActions", known)

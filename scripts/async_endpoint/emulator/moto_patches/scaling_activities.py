"""DescribeScalingActivities, which moto lacks."""

from __future__ import annotations

import json
from typing import Any

from moto.core.exceptions import JsonRESTError

from async_endpoint.emulator.moto_patches.application_autoscaling import ApplicationAutoScalingResponse
from async_endpoint.emulator.scaling.minute_scheduler import MinuteScheduler

PAGE = 50  # MaxResults, default


def apply(scheduler: MinuteScheduler) -> None:
    def describe_scaling_activities(self: ApplicationAutoScalingResponse) -> str:
        wanted = self._get_param("ResourceId")
        found = scheduler.targets.activities.find(self.region, lambda activity: wanted in (None, activity.resource_id))
        return one_page(self, "ScalingActivities", [activity.describe() for activity in found])

    ApplicationAutoScalingResponse.describe_scaling_activities = describe_scaling_activities


def one_page(request: Any, member: str, found: list[dict[str, Any]]) -> str:
    """The JSON response with the requested page and the token of the next one."""
    token = request._get_param("NextToken") or "0"
    if not token.isdecimal():
        raise JsonRESTError("InvalidNextTokenException", f"The next token {token} is invalid.")
    end = int(token) + (request._get_int_param("MaxResults") or PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return json.dumps({member: found[int(token) : end], **more})

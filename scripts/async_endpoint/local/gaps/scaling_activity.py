"""moto has no DescribeScalingActivities."""

from __future__ import annotations

import json

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse

from async_endpoint.local.scaling.targets import Targets

PAGE = 50  # DescribeScalingActivities.MaxResults, default


def mend(targets: Targets) -> None:
    def describe_scaling_activities(self: ApplicationAutoScalingResponse) -> str:
        wanted = self._get_param("ResourceId")
        here = [activity for activity in targets.activities if activity.region == self.region]
        found = [activity for activity in here if wanted in (None, activity.resource_id)]
        start = int(self._get_param("NextToken") or 0)
        end = start + (self._get_int_param("MaxResults") or PAGE)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return json.dumps({"ScalingActivities": [activity.describe() for activity in found[start:end]], **more})

    ApplicationAutoScalingResponse.describe_scaling_activities = describe_scaling_activities

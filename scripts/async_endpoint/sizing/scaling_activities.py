"""The scaling activities of an endpoint: when its desired capacity changed, and how long new instances took to start.

Application Auto Scaling keeps activities for six weeks (API reference, DescribeScalingActivities). The capacity is in the text
"Setting desired instance count to N." (user guide, "Scaling activities for Application Auto Scaling").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from async_endpoint.aws import AwsSession, translate_errors

RETENTION_DAYS: Final = 42
MAX_ACTIVITIES: Final = 10_000
_CAPACITY: Final = re.compile(r"desired (?:instance )?count to (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class CapacityChange:
    """A successful or pending change of the desired capacity to `desired`; `begun` and `ended` in epoch seconds."""

    begun: float
    ended: float | None
    desired: int
    cause: str


def capacity_changes(session: AwsSession, resource_id: str) -> list[CapacityChange]:
    """The changes that Application Auto Scaling has made, oldest first. Raises what `translate_errors` raises."""
    found: list[CapacityChange] = []
    request: dict[str, Any] = {"ServiceNamespace": "sagemaker", "ResourceId": resource_id}
    seen = 0
    while seen < MAX_ACTIVITIES:
        with translate_errors(session, "application-autoscaling:DescribeScalingActivities", resource_id):
            answer = session.scaling.describe_scaling_activities(**request)
        seen += len(answer["ScalingActivities"])
        found += [change for item in answer["ScalingActivities"] if (change := _change(item)) is not None]
        if not answer.get("NextToken"):
            break
        request["NextToken"] = answer["NextToken"]
    return sorted(found, key=lambda change: change.begun)


def start_seconds(changes: list[CapacityChange]) -> list[float]:
    """How long each scale-out took until its instances served, oldest first (A306: an activity ends then)."""
    return [
        after.ended - after.begun
        for before, after in pairwise(changes)
        if after.desired > before.desired and after.ended is not None and after.ended > after.begun
    ]


def _change(item: dict[str, Any]) -> CapacityChange | None:
    capacity = _CAPACITY.search(item.get("Description", ""))
    if capacity is None or item["StatusCode"] not in ("Successful", "InProgress", "Pending"):
        return None
    end = item.get("EndTime") if item["StatusCode"] == "Successful" else None
    return CapacityChange(item["StartTime"].timestamp(), end.timestamp() if end else None, int(capacity[1]), item["Cause"])

"""Scaling activities, as DescribeScalingActivities returns them.

Source of the texts: Application Auto Scaling user guide, "Scaling activities" and "Manage scheduled scaling".
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from async_endpoint.emulator.moto_backends import DIMENSION, PROVISIONED

MAX_ACTIVITIES: Final = 1_000
_CAPACITY_NAMES: Final = {DIMENSION: "instance count", PROVISIONED: "provisioned concurrency"}


@dataclass
class ScalingActivity:
    """One activity; times are AWS seconds, `status` is the API's StatusCode."""

    region: str
    resource_id: str
    description: str
    cause: str
    message: str
    started_at: float
    status: str = "InProgress"
    ended_at: float | None = None
    dimension: str = DIMENSION
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    def of_capacity(
        cls, region: str, resource_id: str, desired: int, cause: str, now: float, dimension: str
    ) -> ScalingActivity:
        """A change of the number of instances, or of the provisioned concurrency, in progress."""
        what = f"desired {_CAPACITY_NAMES[dimension]} to {desired}."
        return cls(region, resource_id, f"Setting {what}", cause, f"Successfully set {what}", now, dimension=dimension)

    def succeed(self, now: float) -> None:
        self.status, self.ended_at = "Successful", now
        self.message += " Change successfully fulfilled by sagemaker."

    def fail(self, message: str, now: float | None = None) -> None:
        self.status, self.message, self.ended_at = "Failed", message, now

    def describe(self) -> dict[str, Any]:
        return {
            "ActivityId": self.id,
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": self.started_at,
            "StatusCode": self.status,
            "StatusMessage": self.message,
        } | ({} if self.ended_at is None else {"EndTime": self.ended_at})


class ScalingActivities:
    """The latest MAX_ACTIVITIES of all regions, newest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._activities: list[ScalingActivity] = []

    def add(self, activity: ScalingActivity) -> None:
        with self._lock:
            self._activities = [activity, *self._activities[: MAX_ACTIVITIES - 1]]

    def saved(self) -> list[ScalingActivity]:
        return list(self._activities)

    def restore(self, saved: list[ScalingActivity]) -> None:
        self._activities = list(saved)

    def end(self, ended: Callable[[ScalingActivity], bool], message: str, now: float) -> None:
        """Fail, at `now`, the activities in progress that `ended` selects: nothing will complete them."""
        with self._lock:
            for activity in self._activities:
                if activity.status == "InProgress" and ended(activity):
                    activity.fail(message, now)

    def complete(self, region: str, resource_id: str, now: float) -> bool:
        """Complete the activities of a target that reached its capacity at `now`; returns whether there were any."""
        with self._lock:
            reached = [
                activity
                for activity in self._activities
                if (activity.region, activity.resource_id, activity.status) == (region, resource_id, "InProgress")
            ]
            for activity in reached:
                activity.succeed(now)
        return bool(reached)

    def find(self, region: str, matches: Callable[[ScalingActivity], bool]) -> list[ScalingActivity]:
        return [activity for activity in self._activities if activity.region == region and matches(activity)]

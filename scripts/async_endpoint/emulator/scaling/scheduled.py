"""Scheduled actions: at their time they change the bounds of their target, and the capacity follows at once.

Sources: Application Auto Scaling user guide, "Scheduled scaling"; the words of the activity are from "Manage scheduled
scaling". Read into them: an action that would leave the minimum above the maximum fails, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.scaling.activities import ScalingActivity


def run(region: str, resource_id: str, target: Any, begin: float, end: float) -> Iterator[ScalingActivity]:
    """Carry out on `target`, moto's, every action that is due after `begin` and up to `end` (AWS seconds)."""
    if (target.suspended_state or {}).get("ScheduledScalingSuspended"):
        return
    due = []
    for action in moto_backends.scheduled_actions(region, resource_id):
        schedule = parse_schedule(action.schedule, action.timezone, action.put_at, action.start_time, action.end_time)
        time = schedule.after(max(begin, action.put_at))
        if time is not None and time <= end:
            due.append((time, action))
    for _, action in sorted(due, key=lambda pair: pair[0]):
        yield _trigger(region, resource_id, target, action, end)


def _trigger(region: str, resource_id: str, target: Any, action: Any, now: float) -> ScalingActivity:
    wanted = action.scalable_target_action or {}
    low, high = wanted.get("MinCapacity"), wanted.get("MaxCapacity")
    parts = [f"{word} capacity to {value}" for word, value in (("min", low), ("max", high)) if value is not None]
    what = " and ".join(parts)
    cause = f"scheduled action name {action.scheduled_action_name} was triggered"
    activity = ScalingActivity(
        region,
        resource_id,
        f"Setting {what}",
        cause,
        f"Successfully set {what}",
        now,
        "Successful",
        dimension=target.scalable_dimension,
    )
    low = target.min_capacity if low is None else low
    high = target.max_capacity if high is None else high
    if low > high:
        activity.fail(f"Failed to set {what}: the minimum capacity would be {low} and the maximum {high}.")
        return activity
    target.min_capacity, target.max_capacity = low, high
    return activity

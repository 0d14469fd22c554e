"""Scalable targets: each minute their scheduled actions are run and one scaling decision is made.

A scheduled action changes the bounds of its target, and the capacity follows at once. Sources: Application Auto Scaling user
guide, "Scheduled scaling" and, for the texts of activities, "Manage scheduled scaling". An action that would leave the
minimum above the maximum fails and changes nothing (A185).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from async_endpoint.autoscaling.decisions import (
    Bounds,
    EvaluatedAlarm,
    ScalerState,
    StepReading,
    TrackingReading,
    completed,
    decide,
    propose,
)
from async_endpoint.autoscaling.policies import parse_step_scaling, parse_target_tracking
from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.error_messages import quota_error
from async_endpoint.emulator.hosting.variant import Variant
from async_endpoint.emulator.scaling.activities import ScalingActivities, ScalingActivity
from async_endpoint.emulator.scaling.log_errors import log_errors

ORPHANED = "The scalable target, or the variant that it scaled, was gone before the change was fulfilled."

States = defaultdict[str, ScalerState]  # by variant name, across updates


class ScalableTargets:
    """The scalable targets of variants, each with its cooldown, and their activities."""

    def __init__(self) -> None:
        self.activities = ScalingActivities()
        self._states: WeakKeyDictionary[HostedEndpoint, States] = (
            WeakKeyDictionary()
        )  # a new endpoint of the same name starts fresh

    def saved(self) -> dict[tuple[str, str], dict[str, ScalerState]]:
        """The states, by region and name of the endpoint, and by variant."""
        return {(endpoint.region, endpoint.name): dict(states) for endpoint, states in self._states.items()}

    def restore(self, endpoint: HostedEndpoint, states: dict[str, ScalerState]) -> None:
        self._states[endpoint] = defaultdict(ScalerState, states)

    def decide(self, endpoint: HostedEndpoint, alarms: dict[str, EvaluatedAlarm], begin: float, now: float) -> None:
        """Run the scheduled actions due since `begin`, then set each variant's capacity to what bounds and policies require.

        The capacity of an endpoint that is being updated, or is still scaling, is left unchanged (A310).
        """
        states = self._states.setdefault(endpoint, defaultdict(ScalerState))
        stable = endpoint.status == "InService"
        for variant in endpoint.variants:
            target = moto_backends.scalable_target(endpoint.region, variant.resource_id)
            if target is None:
                states.pop(variant.name, None)
                continue
            with log_errors("Scheduled scaling of", variant.resource_id):
                for activity in _run_scheduled_actions(endpoint.region, variant.resource_id, target, begin, now):
                    self.activities.add(activity)
            if stable:
                with log_errors("Scaling of", variant.resource_id):
                    if self.activities.complete(endpoint.region, variant.resource_id, now):
                        states[variant.name] = completed(states[variant.name], now)  # the cooldown starts here
                    self._decide(endpoint, variant, target, alarms, states, now)

    def fail_activities_of(self, region: str, resource_id: str, now: float) -> None:
        """Fail the activities in progress of a target that was deregistered at `now`."""
        self.activities.end(lambda activity: (activity.region, activity.resource_id) == (region, resource_id), ORPHANED, now)

    def fail_orphaned_activities(self, endpoints: list[HostedEndpoint], now: float) -> None:
        """Fail the activities in progress of targets of other endpoints than `endpoints`, deleted ones of the same name say."""
        existing = {
            (endpoint.region, variant.resource_id)
            for endpoint in endpoints
            if endpoint in self._states
            for variant in endpoint.variants
            if moto_backends.scalable_target(endpoint.region, variant.resource_id) is not None
        }
        self.activities.end(lambda activity: (activity.region, activity.resource_id) not in existing, ORPHANED, now)

    def _decide(
        self,
        endpoint: HostedEndpoint,
        variant: Variant,
        target: Any,
        alarms: dict[str, EvaluatedAlarm],
        states: States,
        now: float,
    ) -> None:
        tracking, steps = _readings(endpoint.region, variant.resource_id, alarms)
        state, current = states[variant.name], variant.capacity
        suspended = target.suspended_state or {}
        decision, after = decide(
            state,
            now,
            current,
            propose(state, now, current, tracking, steps),
            Bounds(target.min_capacity, target.max_capacity),
            suspended_in=bool(suspended.get("DynamicScalingInSuspended")),
            suspended_out=bool(suspended.get("DynamicScalingOutSuspended")),
        )
        if decision is None:
            return
        activity = ScalingActivity.of_capacity(
            endpoint.region, variant.resource_id, decision.desired, decision.cause, now, target.scalable_dimension
        )
        refusal = quota_error(variant.spec.instance_type, decision.desired, variant.desired)
        if refusal:  # without a cooldown: retried in the next minute
            activity.fail(refusal, now)
            self.activities.add(activity)
            return
        self.activities.add(activity)
        states[variant.name] = after
        endpoint.adjust(variant.name, decision.desired, None)


def _readings(
    region: str, resource_id: str, alarms: dict[str, EvaluatedAlarm]
) -> tuple[list[TrackingReading], list[StepReading]]:
    tracking, steps = [], []
    for policy in moto_backends.scaling_policies(region, resource_id):
        try:
            if policy.policy_type == "TargetTrackingScaling":
                parsed = parse_target_tracking(policy.policy_name, resource_id, policy._policy_body)
                high, low = (alarms[alarm.name] for alarm in policy.alarms)
                tracking.append(TrackingReading(parsed, high, low))
            else:
                step = parse_step_scaling(policy.policy_name, policy._policy_body)
                steps += [
                    StepReading(step, alarms[name])
                    for name in moto_backends.alarms_naming(region, policy.policy_arn)
                    if name in alarms
                ]
        except (InvalidInput, KeyError, ValueError):  # can never act, was created after the evaluation, or has lost its alarms
            continue
    return tracking, steps


def _run_scheduled_actions(region: str, resource_id: str, target: Any, begin: float, end: float) -> Iterator[ScalingActivity]:
    """Apply every scheduled action that is due after `begin` and up to `end` (AWS seconds) to `target`, moto's."""
    if (target.suspended_state or {}).get("ScheduledScalingSuspended"):
        return
    due = []
    for action in moto_backends.scheduled_actions(region, resource_id):
        schedule = parse_schedule(action.schedule, action.timezone, action.put_at, action.start_time, action.end_time)
        time = schedule.after(max(begin, action.put_at))
        if time is not None and time <= end:
            due.append((time, action))
    for _, action in sorted(due, key=lambda pair: pair[0]):
        yield _run_scheduled_action(region, resource_id, target, action, end)


def _run_scheduled_action(region: str, resource_id: str, target: Any, action: Any, now: float) -> ScalingActivity:
    bounds = action.scalable_target_action or {}
    low, high = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
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

"""One decision a minute for each scalable target, and the scaling activities that follow."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from weakref import WeakKeyDictionary

from async_endpoint.autoscaling.proposals import EvaluatedAlarm, StepReading, TrackingReading, propose
from async_endpoint.autoscaling.scaler import Bounds, ScalerState, completed, decide
from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.error_messages import quota_error
from async_endpoint.emulator.hosting.variant import Variant
from async_endpoint.emulator.scaling import scheduled
from async_endpoint.emulator.scaling.activities import ScalingActivities, ScalingActivity
from async_endpoint.emulator.scaling.log_errors import log_errors
from async_endpoint.emulator.scaling.policies import read_steps, read_tracking

GONE = "The scalable target, or the variant that it scaled, was gone before the change was fulfilled."

States = defaultdict[str, ScalerState]  # by variant name, over all updates


class ScalableTargets:
    """The scalable targets of variants, each with its cooldown, and their activities."""

    def __init__(self) -> None:
        self.activities = ScalingActivities()
        self._states: WeakKeyDictionary[HostedEndpoint, States] = WeakKeyDictionary()  # another of the same name starts anew

    def saved(self) -> dict[tuple[str, str], dict[str, ScalerState]]:
        """The states, by region and name of the endpoint, and by variant."""
        return {(endpoint.region, endpoint.name): dict(states) for endpoint, states in self._states.items()}

    def restore(self, endpoint: HostedEndpoint, states: dict[str, ScalerState]) -> None:
        self._states[endpoint] = defaultdict(ScalerState, states)

    def decide(self, endpoint: HostedEndpoint, alarms: dict[str, EvaluatedAlarm], begin: float, now: float) -> None:
        """Do what is due since `begin`, and bring each variant's capacity to what bounds and policies ask for.

        The capacity of an endpoint that is being changed is left alone.
        """
        states = self._states.setdefault(endpoint, defaultdict(ScalerState))
        still = endpoint.status == "InService"
        for variant in endpoint.variants:
            target = moto_backends.scalable_target(endpoint.region, variant.resource_id)
            if target is None:
                states.pop(variant.name, None)
                continue
            with log_errors("Scheduled scaling of", variant.resource_id):
                for activity in scheduled.run(endpoint.region, variant.resource_id, target, begin, now):
                    self.activities.add(activity)
            if still:
                with log_errors("Scaling of", variant.resource_id):
                    if self.activities.complete(endpoint.region, variant.resource_id, now):
                        states[variant.name] = completed(states[variant.name], now)  # the cooldown counts from here
                    self._decide(endpoint, variant, target, alarms, states, now)

    def deregistered(self, region: str, resource_id: str, now: float) -> None:
        """A target is gone: nobody sees its capacity reached any more."""
        self.activities.end(lambda activity: (activity.region, activity.resource_id) == (region, resource_id), GONE, now)

    def fail_orphaned_activities(self, endpoints: list[HostedEndpoint], now: float) -> None:
        """End what was in progress for targets that are not those of `endpoints`, or for endpoints of the same names before."""
        there = {
            (endpoint.region, variant.resource_id)
            for endpoint in endpoints
            if endpoint in self._states
            for variant in endpoint.variants
            if moto_backends.scalable_target(endpoint.region, variant.resource_id) is not None
        }
        self.activities.end(lambda activity: (activity.region, activity.resource_id) not in there, GONE, now)

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
        refused = quota_error(variant.spec.instance_type, decision.desired, variant.desired)
        if refused:  # no cooldown follows: the next minute tries again
            activity.fail(refused, now)
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
                read = read_tracking(policy.policy_name, resource_id, policy._policy_body)
                high, low = (alarms[alarm.name] for alarm in policy.alarms)
                tracking.append(TrackingReading(read, high, low))
            else:
                step = read_steps(policy.policy_name, policy._policy_body)
                steps += [
                    StepReading(step, alarms[name])
                    for name in moto_backends.alarms_naming(region, policy.policy_arn)
                    if name in alarms
                ]
        except (InvalidInput, KeyError, ValueError):  # it can never act, was made since the evaluation, or lost its alarms
            continue
    return tracking, steps

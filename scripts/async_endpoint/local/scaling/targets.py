"""One decision a minute for each scalable target, and the scaling activities that follow."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from async_endpoint.autoscaling.proposals import Alarm, StepReading, TrackingReading, propose
from async_endpoint.autoscaling.scaler import Bounds, Decision, ScalerState, completed, decide
from async_endpoint.contract.errors import InvalidInput
from async_endpoint.local import stores
from async_endpoint.local.hosting.endpoint import Endpoint
from async_endpoint.local.scaling.policies import read_steps, read_tracking

KEPT_ACTIVITIES = 1_000


@dataclass
class Activity:
    """A scaling activity, as DescribeScalingActivities tells it. Times are AWS seconds."""

    region: str
    resource_id: str
    decision: Decision
    started_at: float
    ended_at: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def describe(self) -> dict[str, Any]:
        done = self.ended_at is not None
        outcome = f"Successfully set desired instance count to {self.decision.desired}."
        return {
            "ActivityId": self.id,
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.resource_id,
            "ScalableDimension": stores.DIMENSION,
            "Description": f"Setting desired instance count to {self.decision.desired}.",
            "Cause": self.decision.cause,
            "StartTime": self.started_at,
            "StatusCode": "Successful" if done else "InProgress",
            "StatusMessage": f"{outcome} Change successfully fulfilled by sagemaker." if done else outcome,
        } | ({"EndTime": self.ended_at} if done else {})


class Targets:
    """The scalable targets of endpoints, each with its cooldown and its activities, newest first."""

    def __init__(self) -> None:
        self.activities: list[Activity] = []
        self._states: WeakKeyDictionary[Endpoint, ScalerState] = WeakKeyDictionary()  # another of the same name starts anew

    def decide(self, endpoint: Endpoint, alarms: dict[str, Alarm], now: float) -> None:
        """Bring one endpoint's capacity to what its policies ask for. Nothing is asked of an endpoint that is being changed."""
        resource_id = endpoint.resource_id
        target = stores.scalable_target(endpoint.region, resource_id)
        if target is None:
            self._states.pop(endpoint, None)
            return
        if endpoint.status != "InService":
            return
        self._complete(endpoint, now)
        tracking, steps = _readings(endpoint.region, resource_id, alarms)
        state, current = self._states.get(endpoint, ScalerState()), endpoint.desired
        suspended = target.suspended_state or {}
        decision, self._states[endpoint] = decide(
            state,
            now,
            current,
            propose(state, now, current, tracking, steps),
            Bounds(target.min_capacity, target.max_capacity),
            suspended_in=bool(suspended.get("DynamicScalingInSuspended")),
            suspended_out=bool(suspended.get("DynamicScalingOutSuspended")),
        )
        if decision is not None:
            self.activities = [Activity(endpoint.region, resource_id, decision, now), *self.activities[: KEPT_ACTIVITIES - 1]]
            endpoint.scale(decision.desired)

    def _complete(self, endpoint: Endpoint, now: float) -> None:
        """An endpoint back InService has reached its capacity: its cooldown counts from here."""
        for activity in self.activities:
            if activity.ended_at is None and (activity.region, activity.resource_id) == (endpoint.region, endpoint.resource_id):
                activity.ended_at = now
                self._states[endpoint] = completed(self._states.get(endpoint, ScalerState()), now)


def _readings(region: str, resource_id: str, alarms: dict[str, Alarm]) -> tuple[list[TrackingReading], list[StepReading]]:
    tracking, steps = [], []
    for policy in stores.scaling_policies(region, resource_id):
        try:
            if policy.policy_type == "TargetTrackingScaling":
                high, low = (alarms[alarm.name] for alarm in policy.alarms)
                tracking.append(TrackingReading(read_tracking(policy.policy_name, policy._policy_body), high, low))
            else:
                step = read_steps(policy.policy_name, policy._policy_body)
                steps += [
                    StepReading(step, alarms[name])
                    for name in stores.alarms_naming(region, policy.policy_arn)
                    if name in alarms
                ]
        except (InvalidInput, KeyError):  # a policy that can never act, or one made since the alarms were evaluated
            continue
    return tracking, steps

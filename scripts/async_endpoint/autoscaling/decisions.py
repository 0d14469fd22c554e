"""Scaling decisions: what the policies of one scalable target propose, and the one capacity that follows.

Source: Application Auto Scaling user guide.

- An alarm in ALARM triggers its policy at every evaluation, not only when it changes state (CloudWatch user guide: Auto Scaling
  actions are repeated). Target tracking scales in only when every such policy with scale-in enabled is ready to; a step policy
  does not wait for them ("Considerations").
- The largest capacity wins. During the cooldown of a scale-out, the capacity that it added counts as part of the next one: only
  a larger scale-out adds, and it adds the difference. During the cooldown of a scale-in, further scale-ins wait; a scale-out
  does not, and ends the cooldown. Suspension stops policies, not the bounds.
- Cooldowns belong to the scalable target, with the length of the policy that acted (A180). That of a scale-out blocks
  scale-outs only ("Define cooldown periods"). Refusals for anticipated flapping are not emulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState
from async_endpoint.autoscaling.policies import StepScaling, TargetTracking, step_capacity, tracking_capacity
from async_endpoint.autoscaling.statistics import latest, reduce
from async_endpoint.core.errors import InvalidInput


@dataclass(frozen=True)
class EvaluatedAlarm:
    """An alarm as just evaluated: `values` are those it was evaluated on, oldest first."""

    name: str
    rule: AlarmRule
    state: AlarmState
    values: Sequence[float | None]


@dataclass(frozen=True)
class TrackingReading:
    """A target tracking policy with its two alarms; without `low` (scale-in disabled) it never scales in."""

    policy: TargetTracking
    high: EvaluatedAlarm
    low: EvaluatedAlarm | None


@dataclass(frozen=True)
class StepReading:
    """A step scaling policy with one alarm that names it as an action; one reading an alarm."""

    policy: StepScaling
    alarm: EvaluatedAlarm


@dataclass(frozen=True)
class Bounds:
    """The scalable target's capacity limits, both inclusive."""

    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise InvalidInput(f"Capacity bounds are {self.minimum} to {self.maximum}; use 0 <= minimum <= maximum.")

    def clamp(self, capacity: int) -> int:
        return min(max(capacity, self.minimum), self.maximum)


@dataclass(frozen=True)
class Proposal:
    """The capacity proposed by a triggered policy; `cooldown` seconds follow if it is decided."""

    policy_name: str
    desired: int
    cause: str
    cooldown: int


@dataclass(frozen=True)
class Decision:
    """A capacity to set. `policy_name` is None when the bounds decided; `cause` is worded like a scaling activity's."""

    desired: int
    from_capacity: int
    policy_name: str | None
    cause: str


@dataclass(frozen=True)
class ScalerState:
    """The last scaling activity: its direction, when its cooldown began and how long it runs, and the capacity before it."""

    direction: Literal["out", "in"] | None = None
    since: float = 0.0
    cooldown: int = 0
    baseline: int = 0

    def cooling(self, direction: Literal["out", "in"], now: float) -> bool:
        return self.direction == direction and now < self.since + self.cooldown


def baseline(state: ScalerState, now: float, current: int) -> int:
    """The capacity a scale-out is computed from: `current`, or during a scale-out's cooldown the one before that scale-out."""
    return min(state.baseline, current) if state.cooling("out", now) else current


def completed(state: ScalerState, now: float) -> ScalerState:
    """The state once the target has reached the capacity last decided: AWS counts the cooldown from here."""
    return ScalerState(state.direction, now, state.cooldown, state.baseline)


def propose(
    state: ScalerState, now: float, current: int, tracking: Sequence[TrackingReading], steps: Sequence[StepReading]
) -> list[Proposal]:
    """The proposals of every triggered policy, for `decide`."""
    base = baseline(state, now, current)
    outs = [proposal for reading in tracking if (proposal := _track_out(reading, current, base))]
    able = [reading for reading in tracking if reading.low and not reading.policy.disable_scale_in]
    ins = [proposal for reading in able if (proposal := _track_in(reading, current))]
    return [*outs, *(ins if len(ins) == len(able) else ()), *_step(steps, current, base)]


def _track_out(reading: TrackingReading, current: int, base: int) -> Proposal | None:
    metric = latest(reading.high.values)
    if reading.high.state is not AlarmState.ALARM or metric is None:
        return None
    desired = max(current, tracking_capacity(reading.policy, base, metric))
    return Proposal(reading.policy.name, desired, _cause(reading.high, reading.policy), reading.policy.scale_out_cooldown)


def _track_in(reading: TrackingReading, current: int) -> Proposal | None:
    metric = latest(reading.low.values) if reading.low else None
    if reading.low is None or reading.low.state is not AlarmState.ALARM or metric is None:
        return None
    desired = min(current, tracking_capacity(reading.policy, current, metric))
    return Proposal(reading.policy.name, desired, _cause(reading.low, reading.policy), reading.policy.scale_in_cooldown)


def _step(steps: Iterable[StepReading], current: int, base: int) -> Iterable[Proposal]:
    for reading in steps:
        policy, alarm = reading.policy, reading.alarm
        known = [value for value in alarm.values if value is not None][-alarm.rule.evaluation_periods :]
        if alarm.state is not AlarmState.ALARM or not known:
            continue
        breach = reduce(known, policy.metric_aggregation) - alarm.rule.threshold
        desired = step_capacity(policy, current, breach)
        if desired > current:
            # The capacity added by the last scale-out is part of this one: computed from before it, never below `current`.
            desired = max(current, step_capacity(policy, base, breach))
        yield Proposal(policy.name, desired, _cause(alarm, policy), policy.cooldown)


def _cause(alarm: EvaluatedAlarm, policy: TargetTracking | StepScaling) -> str:
    return f"monitor alarm {alarm.name} in state ALARM triggered policy {policy.name}"


def decide(
    state: ScalerState,
    now: float,
    current: int,
    proposals: Sequence[Proposal],
    bounds: Bounds,
    *,
    suspended_in: bool = False,
    suspended_out: bool = False,
) -> tuple[Decision | None, ScalerState]:
    """The capacity to set now, if any, and the state to pass to the next call.

    `current` is the desired capacity as last set. Scale-outs among `proposals` must be computed from `baseline`, scale-ins from
    `current`; propose() does so. With no proposal that counts, a `current` out of `bounds` is clamped to the nearer one.
    """
    inside = bounds.clamp(current)
    winner = max(proposals, key=lambda proposal: proposal.desired, default=None)
    if winner is not None:
        desired = bounds.clamp(winner.desired)
        decision = Decision(desired, current, winner.policy_name, winner.cause)
        if desired > inside and not suspended_out:
            return decision, ScalerState("out", now, winner.cooldown, baseline(state, now, current))
        if desired < inside and not suspended_in and not state.cooling("in", now):
            return decision, ScalerState("in", now, winner.cooldown)
    if inside == current:
        return None, state
    bound = "minimum" if inside > current else "maximum"
    return Decision(inside, current, None, f"{bound} capacity was set to {inside}"), state

"""What the policies of one scalable target propose, given the states of their alarms.

An alarm in ALARM triggers its policy at every evaluation, not only when it changes state (CloudWatch user guide: Auto Scaling
actions are repeated). Target tracking scales in only when every policy of that type with scale-in enabled is ready to; a step
policy does not wait for them (Application Auto Scaling user guide, "Considerations").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState
from async_endpoint.autoscaling.policies import StepScaling, TargetTracking, step_capacity, tracking_capacity
from async_endpoint.autoscaling.scaler import Proposal, ScalerState, baseline
from async_endpoint.autoscaling.statistics import latest, reduce


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


def propose(
    state: ScalerState, now: float, current: int, tracking: Sequence[TrackingReading], steps: Sequence[StepReading]
) -> list[Proposal]:
    """The proposals of every triggered policy, for `scaler.decide`."""
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
            # What the last scale-out added is part of this one: computed from before it, and never below where we are.
            desired = max(current, step_capacity(policy, base, breach))
        yield Proposal(policy.name, desired, _cause(alarm, policy), policy.cooldown)


def _cause(alarm: EvaluatedAlarm, policy: TargetTracking | StepScaling) -> str:
    return f"monitor alarm {alarm.name} in state ALARM triggered policy {policy.name}"

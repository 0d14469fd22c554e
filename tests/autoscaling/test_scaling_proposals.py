"""Proposals of policies: conditions for scale-in, the cooldown's difference, aggregation, causes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState
from async_endpoint.autoscaling.decisions import (
    Bounds,
    EvaluatedAlarm,
    ScalerState,
    StepReading,
    TrackingReading,
    decide,
    propose,
)
from async_endpoint.autoscaling.policies import Step, StepScaling, TargetTracking, tracking_alarms
from async_endpoint.autoscaling.statistics import MetricId

BOUNDS = Bounds(0, 10)
IDLE = ScalerState()
STATES = st.builds(
    ScalerState, st.sampled_from(["out", "in", None]), st.floats(0, 1000), st.integers(0, 600), st.integers(0, 20)
)
TRACKING = TargetTracking("track", 5.0, MetricId("AWS/SageMaker", "ApproximateBacklogSizePerInstance"))
OTHER = TargetTracking("other", 50.0, MetricId("AWS/SageMaker", "CPUUtilization"))
HIGH, LOW = tracking_alarms(TRACKING)
WAKE = StepScaling("wake", "ChangeInCapacity", (Step(0, None, 1),))
WAKE_RULE = AlarmRule("GreaterThanOrEqualToThreshold", 1.0, 60, 2, 2)


def track(high: AlarmState, low: AlarmState, metric: float, policy: TargetTracking = TRACKING) -> TrackingReading:
    return TrackingReading(
        policy,
        EvaluatedAlarm(f"{policy.name}-high", HIGH, high, [metric]),
        EvaluatedAlarm(f"{policy.name}-low", LOW, low, [metric]),
    )


def step(policy: StepScaling, metric: float, rule: AlarmRule = WAKE_RULE, state: AlarmState = AlarmState.ALARM) -> StepReading:
    return StepReading(policy, EvaluatedAlarm(f"{policy.name}-alarm", rule, state, [metric, metric]))


def desired(current: int, tracking: list[TrackingReading], steps: list[StepReading], state: ScalerState = IDLE) -> list[int]:
    return [one.desired for one in propose(state, 0, current, tracking, steps)]


def test_a_triggered_policy_names_its_alarm_and_its_cooldown():
    policy = TargetTracking("track", 5.0, TRACKING.metric, scale_in_cooldown=7, scale_out_cooldown=9)
    out = propose(IDLE, 0, 2, [track(AlarmState.ALARM, AlarmState.OK, 10, policy)], [])
    assert [(one.desired, one.cooldown, one.cause) for one in out] == [
        (4, 9, "monitor alarm track-high in state ALARM triggered policy track")
    ]
    back = propose(IDLE, 0, 4, [track(AlarmState.OK, AlarmState.ALARM, 1, policy)], [])
    assert [(one.desired, one.cooldown, one.cause) for one in back] == [
        (1, 7, "monitor alarm track-low in state ALARM triggered policy track")
    ]


@pytest.mark.parametrize("state", [AlarmState.OK, AlarmState.INSUFFICIENT_DATA])
def test_no_alarm_no_proposal(state):
    assert desired(2, [track(state, state, 0)], [step(WAKE, 1.0, state=state)]) == []


def test_tracking_scales_in_only_when_every_tracking_policy_is_ready():
    ready, waiting = track(AlarmState.OK, AlarmState.ALARM, 0), track(AlarmState.OK, AlarmState.OK, 48, OTHER)
    assert desired(3, [ready, waiting], []) == []
    no_scale_in = TargetTracking("other", 50.0, OTHER.metric, disable_scale_in=True)
    assert desired(3, [ready, track(AlarmState.OK, AlarmState.OK, 48, no_scale_in)], []) == [0]
    assert desired(3, [ready, track(AlarmState.OK, AlarmState.ALARM, 30, OTHER)], []) == [0, 2]


def test_a_step_policy_does_not_wait_for_tracking_to_be_ready():
    shrink = StepScaling("shrink", "ChangeInCapacity", (Step(None, 0, -1),))
    below = AlarmRule("LessThanOrEqualToThreshold", 1.0)
    assert desired(3, [track(AlarmState.OK, AlarmState.OK, 5)], [step(shrink, 0.0, below)]) == [2]


def test_a_high_alarm_never_scales_in_and_a_low_one_never_out():
    assert desired(3, [track(AlarmState.ALARM, AlarmState.OK, 1)], []) == [3]
    assert desired(3, [track(AlarmState.OK, AlarmState.ALARM, 50)], []) == [3]


def test_the_step_metric_is_aggregated_as_the_policy_says():
    values = [1.0, 9.0]
    steps = (Step(0, 5, 1), Step(5, None, 4))
    for aggregation, expected in (("Average", 1), ("Maximum", 4), ("Minimum", 1)):
        policy = StepScaling("s", "ChangeInCapacity", steps, metric_aggregation=aggregation)
        alarm = EvaluatedAlarm("a", WAKE_RULE, AlarmState.ALARM, [100.0, 100.0, *values])
        assert desired(0, [], [StepReading(policy, alarm)]) == [expected], aggregation


def test_the_guides_cooldown_example_adds_only_the_difference():
    """Scale out by 2; within the cooldown the same policy asks for 3: one more is added, and after that none."""
    policy = StepScaling("s", "ChangeInCapacity", (Step(0, 10, 2), Step(10, None, 3)))
    rule = AlarmRule("GreaterThanOrEqualToThreshold", 50.0)

    def turn(state: ScalerState, now: float, current: int, metric: float) -> tuple[int, ScalerState]:
        decision, after = decide(state, now, current, propose(state, now, current, [], [step(policy, metric, rule)]), BOUNDS)
        return (decision.desired if decision else current), after

    capacity, state = turn(IDLE, 0, 4, 55)
    assert capacity == 6
    capacity, state = turn(state, 60, capacity, 55)
    assert capacity == 6
    capacity, state = turn(state, 120, capacity, 65)
    assert capacity == 7
    capacity, state = turn(state, 180, capacity, 65)
    assert capacity == 7
    capacity, state = turn(state, 420, capacity, 55)
    assert capacity == 9


def test_a_scale_in_during_a_scale_outs_cooldown_starts_from_the_current_capacity():
    shrink = StepScaling("shrink", "ChangeInCapacity", (Step(None, 0, -1),))
    below = AlarmRule("LessThanOrEqualToThreshold", 1.0)
    cooling = ScalerState("out", 0, 300, baseline=1)
    assert desired(4, [track(AlarmState.OK, AlarmState.ALARM, 2.0)], [step(shrink, 0.0, below)], cooling) == [2, 3]


@given(STATES, st.floats(0, 2000), st.integers(0, 20), st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_higher_backlog_never_means_less_capacity(state, now, current, one, other):
    def after(metric: float) -> int:
        reading = track(AlarmState.ALARM, AlarmState.OK, metric)
        decision, _ = decide(state, now, current, propose(state, now, current, [reading], []), Bounds(0, 20))
        return current if decision is None else decision.desired

    low, high = sorted((one, other))
    assert current <= after(low) <= after(high)

"""The capacity that one policy computes from one metric value."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from async_endpoint.autoscaling.policies import (
    Step,
    StepScaling,
    TargetTracking,
    step_capacity,
    tracking_alarms,
    tracking_capacity,
)
from async_endpoint.autoscaling.statistics import MetricId
from async_endpoint.core.errors import InvalidInput

BACKLOG = MetricId("AWS/SageMaker", "ApproximateBacklogSizePerInstance", (("EndpointName", "e"),))
TRACKING = TargetTracking("track", 5.0, BACKLOG)


def test_target_tracking_has_sagemakers_defaults():
    assert (TRACKING.scale_in_cooldown, TRACKING.scale_out_cooldown, TRACKING.disable_scale_in) == (300, 300, False)


def test_the_two_alarms_of_target_tracking():
    high, low = tracking_alarms(TRACKING)
    assert (high.comparison, high.threshold, high.period, high.evaluation_periods) == ("GreaterThanThreshold", 5.0, 60, 3)
    assert (low.comparison, low.threshold, low.period, low.evaluation_periods) == ("LessThanThreshold", 4.5, 60, 15)
    assert high.datapoints_to_alarm == 3
    assert low.datapoints_to_alarm == 15
    assert high.missing == low.missing == "missing"


@pytest.mark.parametrize(
    ("current", "metric", "capacity"),
    [
        (1, 0, 0),
        (1, 1, 1),
        (2, 10, 4),
        (2, 5, 2),
        (2, 5.1, 3),
        (3, 4, 3),
        (4, 2, 2),
        (0, 0, 0),
        (0, 5, 1),
        (0, 6, 2),
        (0, 100, 20),
    ],
)
def test_tracking_is_proportional_and_rounded_up(current, metric, capacity):
    assert tracking_capacity(TRACKING, current, metric) == capacity


@given(st.integers(1, 100), st.sampled_from([0.1, 0.3, 0.7, 1.1, 5.0, 70.0]))
def test_a_metric_on_its_target_keeps_the_capacity(current, target):
    assert tracking_capacity(TargetTracking("t", target, BACKLOG), current, target) == current


@given(st.integers(0, 50), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.01, 1e3))
def test_a_higher_metric_never_means_less_capacity(current, metric, other, target):
    policy = TargetTracking("t", target, BACKLOG)
    low, high = sorted((metric, other))
    assert 0 <= tracking_capacity(policy, current, low) <= tracking_capacity(policy, current, high)


@pytest.mark.parametrize("target", [0.0, -1.0, math.inf, math.nan])
def test_a_target_must_be_above_zero(target):
    with pytest.raises(InvalidInput, match="Target of scaling policy t"):
        TargetTracking("t", target, BACKLOG)


def test_a_negative_cooldown_is_refused():
    with pytest.raises(InvalidInput, match="cooldown"):
        TargetTracking("t", 5.0, BACKLOG, scale_in_cooldown=-1)
    with pytest.raises(InvalidInput, match="cooldown"):
        StepScaling("s", "ChangeInCapacity", (Step(0, None, 1),), cooldown=-1)


# Application Auto Scaling user guide, "Step adjustments": threshold 50
OUT = StepScaling("out", "PercentChangeInCapacity", (Step(0, 10, 0), Step(10, 20, 10), Step(20, None, 30)))
IN = StepScaling("in", "PercentChangeInCapacity", (Step(-10, 0, 0), Step(-20, -10, -10), Step(None, -20, -30)))


@pytest.mark.parametrize(
    ("policy", "current", "metric", "capacity"),
    [
        (OUT, 10, 50, 10),
        (OUT, 10, 59.9, 10),
        (OUT, 10, 60, 11),
        (OUT, 11, 69.9, 12),
        (OUT, 11, 70, 14),
        (IN, 14, 40.1, 14),
        (IN, 14, 40, 13),
        (IN, 13, 30.1, 12),
        (IN, 13, 30, 10),
        (IN, 13, 50, 13),
        (OUT, 10, 30, 10),
    ],
)
def test_the_guides_step_example(policy, current, metric, capacity):
    assert step_capacity(policy, current, metric - 50) == capacity


@pytest.mark.parametrize(
    ("percent", "current", "magnitude", "capacity"),
    [
        (100, 10, 0, 20),
        (127, 10, 0, 22),
        (67, 1, 0, 2),
        (-58, 1, 0, 0),
        (-67, 10, 0, 4),
        (25, 4, 2, 6),
        (-25, 4, 2, 2),
        (100, 0, 0, 0),
        (100, 0, 1, 1),
    ],
)
def test_percentages_round_toward_zero_but_never_to_zero(percent, current, magnitude, capacity):
    policy = StepScaling("s", "PercentChangeInCapacity", (Step(0, None, percent),), min_adjustment_magnitude=magnitude)
    assert step_capacity(policy, current, 0) == capacity


def test_change_and_exact_capacity():
    assert step_capacity(StepScaling("s", "ChangeInCapacity", (Step(0, None, 5),)), 3, 0) == 8
    assert step_capacity(StepScaling("s", "ChangeInCapacity", (Step(None, 0, -5),)), 3, 0) == 0
    assert step_capacity(StepScaling("s", "ExactCapacity", (Step(0, None, 5),)), 3, 0) == 5
    assert step_capacity(StepScaling("s", "ExactCapacity", (Step(None, 0, 0),)), 3, 0) == 0


def test_a_percentage_of_zero_is_zero_without_a_minimum_magnitude():
    assert step_capacity(OUT, 0, 15) == 0


def test_a_cooldown_of_zero_is_valid():
    assert StepScaling("s", "ChangeInCapacity", (Step(0, None, 1),), cooldown=0).cooldown == 0


def test_the_wake_step_fires_at_the_threshold_itself():
    wake = StepScaling("wake", "ChangeInCapacity", (Step(0, None, 1),))
    assert wake.cooldown == 300
    assert step_capacity(wake, 0, 1.0 - 1.0) == 1
    assert step_capacity(wake, 0, -0.5) == 0


@given(st.integers(0, 100), st.floats(-100, 100), st.floats(-100, 100))
def test_increasing_steps_never_give_less_for_a_larger_breach(current, one, other):
    low, high = sorted((one, other))
    assert step_capacity(OUT, current, low) <= step_capacity(OUT, current, high)


@given(st.floats(-100, 100, exclude_min=True), st.lists(st.integers(-40, 40), max_size=5, unique=True))
def test_contiguous_open_steps_cover_every_breach(breach, cuts):
    edges: list[float | None] = [None, *sorted(cuts or [0]), None]
    steps = tuple(Step(low, high, number) for number, (low, high) in enumerate(pairwise(edges), 1))
    assert step_capacity(StepScaling("s", "ExactCapacity", steps), 999, breach) != 999


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "empty"),
        ((Step(None, None, 1),), "no range"),
        ((Step(5, 5, 1),), "no range"),
        ((Step(0, 10, 1), Step(20, None, 2)), "overlap or leave a gap"),
        ((Step(0, 10, 1), Step(5, None, 2)), "overlap or leave a gap"),
        ((Step(0, None, 1), Step(5, None, 2)), "overlap or leave a gap"),
        ((Step(0, 10, 1),), "too early"),
        ((Step(0, 0.5, 1),), "too early"),
        ((Step(-0.5, 0, 1),), "too early"),
        ((Step(-10, 0, 1),), "too early"),
    ],
)
def test_invalid_steps_are_refused(steps, said):
    with pytest.raises(InvalidInput, match=said):
        StepScaling("s", "ChangeInCapacity", steps)


def test_unknown_kinds_and_negative_exact_capacity_are_refused():
    with pytest.raises(InvalidInput, match="AdjustmentType"):
        StepScaling("s", "Change", (Step(0, None, 1),))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="MetricAggregationType"):
        StepScaling("s", "ChangeInCapacity", (Step(0, None, 1),), metric_aggregation="Sum")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="below zero"):
        StepScaling("s", "ExactCapacity", (Step(0, None, -1),))

"""Decisions: the largest wins, cooldowns, bounds, suspension."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from async_endpoint.autoscaling.decisions import Bounds, Proposal, ScalerState, baseline, completed, decide
from async_endpoint.core.errors import InvalidInput

BOUNDS = Bounds(0, 10)
IDLE = ScalerState()


def proposal(desired: int, name: str = "p", cooldown: int = 300) -> Proposal:
    return Proposal(name, desired, f"monitor alarm a in state ALARM triggered policy {name}", cooldown)


def test_the_largest_proposal_wins_with_its_cause():
    decision, _ = decide(IDLE, 0, 2, [proposal(1, "in"), proposal(5, "out"), proposal(3, "step")], BOUNDS)
    assert decision is not None
    assert (decision.desired, decision.from_capacity, decision.policy_name) == (5, 2, "out")
    assert decision.cause == "monitor alarm a in state ALARM triggered policy out"


def test_a_scale_in_loses_to_a_proposal_of_the_current_capacity():
    assert decide(IDLE, 0, 2, [proposal(0), proposal(2)], BOUNDS) == (None, IDLE)


def test_no_proposal_means_no_decision():
    assert decide(IDLE, 0, 2, [], BOUNDS) == (None, IDLE)


def test_scale_in_waits_for_its_cooldown():
    decision, state = decide(IDLE, 1000, 5, [proposal(3)], BOUNDS)
    assert decision is not None
    assert decision.desired == 3
    assert decide(state, 1299, 3, [proposal(1)], BOUNDS) == (None, state)
    later, _ = decide(state, 1300, 3, [proposal(1)], BOUNDS)
    assert later is not None
    assert later.desired == 1


def test_scale_out_does_not_wait_for_a_scale_ins_cooldown_and_ends_it():
    _, state = decide(IDLE, 1000, 5, [proposal(3)], BOUNDS)
    decision, state = decide(state, 1060, 3, [proposal(6)], BOUNDS)
    assert decision is not None
    assert decision.desired == 6
    after, _ = decide(state, 1120, 6, [proposal(2)], BOUNDS)
    assert after is not None
    assert after.desired == 2


def test_the_cooldown_starts_when_the_capacity_is_reached():
    _, state = decide(IDLE, 1000, 5, [proposal(3)], BOUNDS)
    state = completed(state, 1200)
    assert decide(state, 1499, 3, [proposal(1)], BOUNDS)[0] is None
    assert decide(state, 1500, 3, [proposal(1)], BOUNDS)[0] is not None


@pytest.mark.parametrize(("current", "bound", "desired"), [(0, "minimum", 2), (9, "maximum", 4)])
def test_capacity_out_of_bounds_is_clamped(current, bound, desired):
    decision, _ = decide(IDLE, 0, current, [], Bounds(2, 4), suspended_in=True, suspended_out=True)
    assert decision is not None
    assert (decision.desired, decision.policy_name) == (desired, None)
    assert decision.cause == f"{bound} capacity was set to {desired}"


def test_a_proposal_beyond_a_bound_is_clamped():
    decision, _ = decide(IDLE, 0, 3, [proposal(40)], Bounds(0, 4))
    assert decision is not None
    assert decision.desired == 4
    assert decide(IDLE, 0, 4, [proposal(40)], Bounds(0, 4))[0] is None


def test_suspension_stops_one_direction_only():
    assert decide(IDLE, 0, 2, [proposal(5)], BOUNDS, suspended_out=True)[0] is None
    assert decide(IDLE, 0, 2, [proposal(5)], BOUNDS, suspended_in=True)[0] is not None
    assert decide(IDLE, 0, 2, [proposal(0)], BOUNDS, suspended_in=True)[0] is None
    assert decide(IDLE, 0, 2, [proposal(0)], BOUNDS, suspended_out=True)[0] is not None


@pytest.mark.parametrize("limits", [(-1, 2), (3, 2)])
def test_invalid_bounds_are_refused(limits):
    with pytest.raises(InvalidInput, match="bounds"):
        Bounds(*limits)


def test_the_baseline_is_never_above_the_capacity():
    cooling = ScalerState("out", 0, 300, baseline=5)
    assert baseline(cooling, 10, 2) == 2
    assert baseline(cooling, 10, 8) == 5
    assert baseline(cooling, 300, 8) == 8


STATES = st.builds(
    ScalerState, st.sampled_from(["out", "in", None]), st.floats(0, 1000), st.integers(0, 600), st.integers(0, 20)
)
PROPOSALS = st.lists(st.builds(proposal, st.integers(0, 50)), max_size=5)


@given(STATES, st.floats(0, 2000), st.integers(0, 50), PROPOSALS, st.integers(0, 10), st.integers(0, 10))
def test_every_decision_is_within_bounds_and_capacity_never_stays_outside_them(state, now, current, proposals, low, span):
    bounds = Bounds(low, low + span)
    decision, _ = decide(state, now, current, proposals, bounds)
    after = current if decision is None else decision.desired
    assert bounds.minimum <= after <= bounds.maximum
    assert decision is None or decision.desired != current


@given(STATES, st.floats(0, 2000), st.integers(0, 10), PROPOSALS)
def test_within_bounds_only_the_largest_proposal_is_decided(state, now, current, proposals):
    decision, _ = decide(state, now, current, proposals, BOUNDS)
    if decision is not None:
        assert decision.desired == min(max(one.desired for one in proposals), 10)


@given(st.floats(0, 2000), st.integers(0, 600), st.integers(0, 10), PROPOSALS, st.floats(0, 599))
def test_no_policy_scales_in_during_the_cooldown_of_a_scale_in(since, cooldown, current, proposals, after):
    state = ScalerState("in", since, cooldown)
    decision, _ = decide(state, since + after, current, proposals, BOUNDS)
    if decision is not None and decision.desired < current:
        assert since + after >= since + cooldown

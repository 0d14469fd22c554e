"""Alarm states: CloudWatch's own tables, M of N against brute force, and validation."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from async_endpoint.autoscaling.alarms import AlarmRule, AlarmState, evaluate
from async_endpoint.core.errors import InvalidInput

OK, ALARM, INSUFFICIENT = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA
RETAIN = "retain"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def rule(m: int, n: int, missing: str = "missing", **changes: Any) -> AlarmRule:
    return AlarmRule("GreaterThanThreshold", 0.5, 60, n, m, missing=missing, **changes)  # type: ignore[arg-type]


def points(drawn: str) -> list[float | None]:
    """The guide's notation: 0 does not breach, X breaches, - is missing; newest on the right."""
    return [{"0": 0.0, "X": 1.0, "-": None}[mark] for mark in drawn]


@pytest.mark.parametrize(
    ("m", "drawn", "expected"),
    [
        # CloudWatch user guide, first table: 3 of 3
        (3, "0-X-X", (OK, OK, OK, OK)),
        (3, "0----", (OK, OK, OK, OK)),
        (3, "-----", (INSUFFICIENT, RETAIN, ALARM, OK)),
        (3, "0XX-X", (ALARM, ALARM, ALARM, ALARM)),
        (3, "--X--", (ALARM, RETAIN, ALARM, OK)),
        # second table: 2 of 3
        (2, "0-X-X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "00X0X", (ALARM, ALARM, ALARM, ALARM)),
        (2, "0-X--", (OK, OK, ALARM, OK)),
        (2, "----0", (OK, OK, ALARM, OK)),
        (2, "---X-", (ALARM, RETAIN, ALARM, OK)),
    ],
)
@pytest.mark.parametrize("previous", list(AlarmState))
def test_the_tables_of_the_guide(m, drawn, expected, previous):
    for treatment, state in zip(TREATMENTS, expected, strict=True):
        wanted = previous if state == RETAIN else state
        assert evaluate(rule(m, 3, treatment), points(drawn), previous) is wanted, treatment


@pytest.mark.parametrize("drawn", ["----X", "---X-"])
def test_a_single_recent_breach_does_not_alarm_yet(drawn):
    assert evaluate(rule(3, 3), points(drawn), OK) is OK
    assert evaluate(rule(3, 3), points(drawn), INSUFFICIENT) is INSUFFICIENT


def test_a_new_alarm_with_fewer_periods_than_its_range():
    wake = AlarmRule("GreaterThanOrEqualToThreshold", 1.0, 60, 2, 2)
    assert evaluate(wake, [], INSUFFICIENT) is INSUFFICIENT
    assert evaluate(wake, [1.0], INSUFFICIENT) is INSUFFICIENT
    assert evaluate(wake, [1.0, 1.0], INSUFFICIENT) is ALARM


def test_datapoints_older_than_the_evaluation_range_are_ignored():
    assert rule(3, 3).evaluation_range == 5
    assert evaluate(rule(3, 3), points("XXX-----"), OK) is INSUFFICIENT


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("GreaterThanThreshold", OK, OK, ALARM),
        ("GreaterThanOrEqualToThreshold", OK, ALARM, ALARM),
        ("LessThanThreshold", ALARM, OK, OK),
        ("LessThanOrEqualToThreshold", ALARM, ALARM, OK),
    ],
)
def test_the_four_comparisons(comparison, below, at, above):
    for value, state in ((4.9, below), (5.0, at), (5.1, above)):
        assert evaluate(AlarmRule(comparison, 5.0), [value], INSUFFICIENT) is state


@given(st.data(), st.integers(1, 6), st.sampled_from(TREATMENTS), st.sampled_from(list(AlarmState)))
def test_without_missing_data_m_of_the_last_n_decide(data, n, treatment, previous):
    m = data.draw(st.integers(1, n))
    values = data.draw(st.lists(st.floats(0, 1), min_size=n, max_size=n + 5))
    expected = ALARM if sum(value > 0.5 for value in values[-n:]) >= m else OK
    assert evaluate(rule(m, n, treatment), values, previous) is expected


@given(st.data(), st.integers(1, 6), st.sampled_from(["breaching", "notBreaching"]), st.sampled_from(list(AlarmState)))
def test_missing_data_is_filled_only_as_needed(data, n, treatment, previous):
    m = data.draw(st.integers(1, n))
    values = data.draw(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=n + 2, max_size=n + 2))
    real = [value for value in values if value is not None][-n:]
    filled = real + [1.0 if treatment == "breaching" else 0.0] * (n - len(real))
    assert evaluate(rule(m, n, treatment), values, previous) is (ALARM if sum(filled) >= m else OK)


@given(st.data(), st.integers(1, 6), st.sampled_from(["missing", "ignore"]), st.sampled_from(list(AlarmState)))
def test_m_breaching_datapoints_alarm_and_one_non_breaching_among_fewer_is_ok(data, n, treatment, previous):
    m = data.draw(st.integers(1, n))
    values = data.draw(st.lists(st.sampled_from([0.0, 1.0, None]), min_size=n + 2, max_size=n + 2))
    real = [value for value in values if value is not None][-n:]
    state = evaluate(rule(m, n, treatment), values, previous)
    if sum(real) >= m:
        assert state is ALARM
    elif 0.0 in real:
        assert state is OK
    elif treatment == "ignore":
        assert state is previous


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"comparison": "GreaterThan"}, "ComparisonOperator"),
        ({"statistic": "p101"}, "Statistic"),
        ({"missing": "skip"}, "TreatMissingData"),
        ({"period": 45}, "Period"),
        ({"period": 0}, "Period"),
        ({"datapoints_to_alarm": 4}, "DatapointsToAlarm"),
        ({"datapoints_to_alarm": 0}, "DatapointsToAlarm"),
    ],
)
def test_an_invalid_rule_is_refused(change, named):
    with pytest.raises(InvalidInput, match=named):
        dataclasses.replace(rule(3, 3), **change)


@pytest.mark.parametrize("period", [10, 20, 30, 60, 300, 3600])
def test_valid_periods_are_accepted(period):
    assert dataclasses.replace(rule(1, 1), period=period).period == period


def test_the_default_is_one_datapoint_of_one():
    alarm = AlarmRule("GreaterThanThreshold", 1.0)
    assert (alarm.period, alarm.evaluation_periods, alarm.datapoints_to_alarm, alarm.missing) == (60, 1, 1, "missing")


def test_states_have_cloudwatchs_names():
    assert [str(state) for state in AlarmState] == ["OK", "ALARM", "INSUFFICIENT_DATA"]


def documented(comparison, threshold, m, n, missing, values, previous):
    """The guide's rules, spelled out another way: every value is True, False or None before anything else is asked."""
    breach = {
        "GreaterThanThreshold": lambda value: value > threshold,
        "GreaterThanOrEqualToThreshold": lambda value: not value < threshold,
        "LessThanThreshold": lambda value: value < threshold,
        "LessThanOrEqualToThreshold": lambda value: not value > threshold,
    }[comparison]
    marks = [None if value is None else breach(value) for value in values][-(n + 2) :]
    marks = [None] * (n + 2 - len(marks)) + marks
    known = [mark for mark in marks if mark is not None][-n:]
    lacking = n - len(known)
    fill = {"breaching": [True] * lacking, "notBreaching": [False] * lacking}.get(missing, [])
    if (known + fill).count(True) >= m:
        return ALARM
    if not lacking or fill or False in known:
        return OK  # as many as are needed are known or filled in, or one that is known does not breach
    if missing == "ignore":
        return previous
    if not known:
        return INSUFFICIENT
    return ALARM if True in marks[: len(marks) - m + 1] else previous  # the oldest breach is m periods old at least


COMPARISONS = ("GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold")


@given(
    st.data(),
    st.sampled_from(COMPARISONS),
    st.integers(1, 5),
    st.sampled_from(TREATMENTS),
    st.lists(st.sampled_from([1.0, 2.0, 3.0, None]), max_size=9),
    st.sampled_from(list(AlarmState)),
)
@settings(max_examples=1_000)
def test_every_comparison_m_of_n_and_treatment_is_as_documented(data, comparison, n, treatment, values, previous):
    m = data.draw(st.integers(1, n))
    alarm = AlarmRule(comparison, 2.0, 60, n, m, missing=treatment)  # type: ignore[arg-type]
    assert evaluate(alarm, values, previous) is documented(comparison, 2.0, m, n, treatment, values, previous)

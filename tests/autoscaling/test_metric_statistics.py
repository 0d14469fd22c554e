"""Aggregation of samples into periods."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from async_endpoint.autoscaling.statistics import Sample, aggregate, combine, is_statistic, latest, periods
from async_endpoint.core.errors import InvalidInput

SAMPLES = [
    Sample.of(0, 1.0),
    Sample.of(59.9, 3.0),
    Sample.of(60, 10.0),
    Sample.of(185, 7.0),
    Sample.of(190, 8.0),
    Sample.of(239, 9.0),
]


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [
        ("Average", [2.0, 10.0, None, 8.0]),
        ("Sum", [4.0, 10.0, None, 24.0]),
        ("Minimum", [1.0, 10.0, None, 7.0]),
        ("Maximum", [3.0, 10.0, None, 9.0]),
        ("SampleCount", [2.0, 1.0, None, 3.0]),
    ],
)
def test_each_statistic_over_four_minutes(statistic, expected):
    assert aggregate(SAMPLES, statistic, 60, 240, 4) == expected


def test_an_incomplete_period_is_left_out():
    assert aggregate(SAMPLES, "Sum", 60, 239.999, 2) == [10.0, None]


def test_periods_start_at_multiples_of_their_length():
    assert aggregate([Sample.of(1_700_000_039, 1.0), Sample.of(1_700_000_040, 2.0)], "Sum", 60, 1_700_000_111, 2) == [1.0, 2.0]


def test_samples_outside_the_window_are_ignored():
    assert aggregate([Sample.of(-1, 5.0), Sample.of(120, 6.0)], "Sum", 60, 120, 2) == [None, None]


def test_a_period_below_a_second_and_an_unknown_statistic_are_refused():
    with pytest.raises(InvalidInput, match="period is 0"):
        aggregate([], "Sum", 0, 60, 1)
    with pytest.raises(InvalidInput, match="'p101'"):
        aggregate([Sample.of(0, 1.0)], "p101", 60, 60, 1)  # type: ignore[arg-type]


def test_latest_skips_missing_values():
    assert latest([1.0, 0.0, None, None]) == 0.0
    assert latest([None]) is None


@given(
    st.lists(st.builds(Sample.of, st.floats(0, 1e4), st.floats(-100, 100)), max_size=40),
    st.sampled_from([1, 10, 60, 300]),
    st.floats(0, 1e4),
    st.integers(1, 20),
)
def test_every_sample_is_counted_in_exactly_one_period(samples, period, end, count):
    counted = aggregate(samples, "SampleCount", period, end, count)
    last = end // period * period
    for index, value in enumerate(counted):
        start = last - (count - index) * period
        assert (value or 0) == sum(start <= sample.time < start + period for sample in samples)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 5)), min_size=1, max_size=20),
    st.integers(1, 4),
    st.sampled_from(["p0", "p10", "p50", "p99.9", "p100"]),
)
def test_a_percentile_is_the_smallest_value_that_n_percent_do_not_exceed(pairs, parts, name):
    samples = [
        Sample.of(0, *(v for v, _ in some), counts=[c for _, c in some]) for i in range(parts) if (some := pairs[i::parts])
    ]
    every = sorted(value for value, count in pairs for _ in range(count))
    found = combine(samples, name)
    assert found in every
    assert sum(value <= found for value in every) * 100 >= float(name[1:]) * len(every)
    assert found == every[0] or sum(value < found for value in every) * 100 < float(name[1:]) * len(every)


def test_statistics_weigh_samples_by_their_counts():
    samples = [Sample.of(0, 1.0, 5.0, counts=[3, 1]), Sample.of_set(1, 2, 20.0, 4.0, 16.0)]
    found = {name: combine(samples, name) for name in ("Sum", "SampleCount", "Average", "Minimum", "Maximum", "p50")}
    wanted = {"Sum": 28.0, "SampleCount": 6.0, "Average": 28 / 6, "Minimum": 1.0, "Maximum": 16.0, "p50": None}
    assert found == wanted  # the median of a set is unknown
    assert combine([Sample.of_set(0, 3, 6.0, 2.0, 2.0)], "p50") == 2.0
    assert combine([Sample.of_set(0, 0, 0.0, 0.0, 0.0)], "Average") is None
    assert combine([], "Sum") is None


def test_periods_start_at_the_given_time():
    found = periods([Sample.of(time, 1.0) for time in (29, 30, 89, 90, 150)], 30, 60, 2)
    assert [[sample.time for sample in some] for some in found] == [[30, 89], [90]]


@pytest.mark.parametrize(("name", "known"), [("p99", True), ("p100", True), ("p0.5", True), ("p101", False), ("tm90", False)])
def test_percentiles_are_statistics(name, known):
    assert is_statistic(name) is known

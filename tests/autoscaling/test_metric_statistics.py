"""Samples to periods."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from async_endpoint.autoscaling.statistics import Sample, aggregate, latest
from async_endpoint.contract.errors import InvalidInput

SAMPLES = [Sample(0, 1.0), Sample(59.9, 3.0), Sample(60, 10.0), Sample(185, 7.0), Sample(190, 8.0), Sample(239, 9.0)]


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


def test_a_period_still_running_is_left_out():
    assert aggregate(SAMPLES, "Sum", 60, 239.999, 2) == [10.0, None]


def test_periods_lie_at_multiples_of_their_length_whatever_the_end():
    assert aggregate([Sample(1_700_000_039, 1.0), Sample(1_700_000_040, 2.0)], "Sum", 60, 1_700_000_111, 2) == [1.0, 2.0]


def test_samples_outside_the_window_do_not_count():
    assert aggregate([Sample(-1, 5.0), Sample(120, 6.0)], "Sum", 60, 120, 2) == [None, None]


def test_a_period_below_a_second_and_an_unknown_statistic_are_refused():
    with pytest.raises(InvalidInput, match="period is 0"):
        aggregate([], "Sum", 0, 60, 1)
    with pytest.raises(InvalidInput, match="'p99'"):
        aggregate([Sample(0, 1.0)], "p99", 60, 60, 1)  # type: ignore[arg-type]


def test_latest_skips_the_holes():
    assert latest([1.0, 0.0, None, None]) == 0.0
    assert latest([None]) is None


@given(
    st.lists(st.builds(Sample, st.floats(0, 1e4), st.floats(-100, 100)), max_size=40),
    st.sampled_from([1, 10, 60, 300]),
    st.floats(0, 1e4),
    st.integers(1, 20),
)
def test_every_sample_is_counted_in_exactly_the_period_it_falls_in(samples, period, end, count):
    counted = aggregate(samples, "SampleCount", period, end, count)
    last = end // period * period
    for index, value in enumerate(counted):
        start = last - (count - index) * period
        assert (value or 0) == sum(start <= sample.time < start + period for sample in samples)

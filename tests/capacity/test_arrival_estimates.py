"""Arrivals estimated from the metrics of an endpoint, against requests whose arrivals are known."""

from __future__ import annotations

import random
from collections import Counter
from statistics import fmean

import pytest

from async_endpoint.capacity.arrivals.estimate import arrivals_by_period, backlog_at_ends, estimated_times, period_counts


def metrics(requests: list[tuple[float, float, bool]], minutes: int) -> tuple[dict[float, float], ...]:
    """Series by the minute of requests (arrival, end, whether it expired): backlog at the end, processed, expired."""
    backlog = {60.0 * m: float(sum(a < 60 * (m + 1) <= e for a, e, _ in requests)) for m in range(minutes)}
    ended = {expired: Counter(60.0 * (e // 60) for _, e, x in requests if x is expired) for expired in (False, True)}
    return backlog, {k: float(v) for k, v in ended[False].items()}, {k: float(v) for k, v in ended[True].items()}


def test_the_number_of_each_minute_is_exact_where_the_metrics_are() -> None:
    draw = random.Random(3)
    arrivals = [draw.uniform(0, 6_000) for _ in range(400)]
    requests = [(at, at + draw.expovariate(1 / 200), draw.random() < 0.1) for at in arrivals]
    counts = period_counts(*metrics(requests, 300))
    assert dict(arrivals_by_period(counts)) == Counter(60.0 * (at // 60) for at in arrivals)
    times = estimated_times(counts, 60, seed=1)
    assert list(times) == sorted(times)
    assert Counter(60.0 * (at // 60) for at in times) == Counter(60.0 * (at // 60) for at in arrivals)
    assert list(times) == list(estimated_times(counts, 60, seed=1))
    assert list(times) != list(estimated_times(counts, 60, seed=2))


def five_minutes(minutes: dict[float, float]) -> tuple[dict[float, float], ...]:
    """Average, minimum and maximum of a series by 5 minutes."""
    grouped: dict[float, list[float]] = {}
    for start, value in minutes.items():
        grouped.setdefault(start // 300 * 300, []).append(value)
    return tuple({start: float(of(some)) for start, some in grouped.items()} for of in (fmean, min, max))


@pytest.mark.parametrize("per_minute", [1, 2, 4])
def test_five_minute_averages_are_not_taken_for_the_backlog_at_their_end(per_minute: int) -> None:
    """100 requests that arrive at once are counted in their period although they leave over the next half hour."""
    backlog = {60.0 * minute: max(0.0, 100.0 - per_minute * (minute - 9)) if minute >= 10 else 0.0 for minute in range(130)}
    processed = {300.0 * period: 0.0 for period in range(26)}
    for minute in range(10, 130):
        processed[60.0 * minute // 300 * 300] += per_minute if backlog[60.0 * (minute - 1)] or minute == 10 else 0
    average, lowest, highest = five_minutes(backlog)
    ends = backlog_at_ends(average, lowest, highest, 300)
    assert ends[600] == pytest.approx(backlog[14 * 60])
    assert ends[300] == 0, "the jump after it"
    first, *others = arrivals_by_period(period_counts(ends, processed, {}))
    assert first == (600, 100)
    assert sum(number for _, number in others) <= per_minute, "where the fall ends it is interpolated"


def test_minutes_have_one_value() -> None:
    assert backlog_at_ends({0: 1.0, 60: 5.0}, {}, {}, 60) == {0: 1.0, 60: 5.0}


def test_metrics_of_slightly_different_times_keep_the_sum() -> None:
    # Ten requests, counted as processed in the minute after the one that saw them leave the backlog.
    counts = period_counts({0: 10, 60: 0, 120: 0}, {120: 10}, {})
    assert sum(number for _, number in arrivals_by_period(counts)) == 10


def test_a_backlog_that_was_deleted_does_not_swallow_later_requests() -> None:
    backlog = {60.0 * m: 500.0 if m < 3 else 0.0 for m in range(20)}
    found = arrivals_by_period(period_counts(backlog, {60.0 * 15: 7}, {}))
    assert found == [(0, 500), (900, 7)]


@pytest.mark.parametrize(("before", "number"), [(0.0, 5), (5.0, 0), (3.0, 2)])
def test_the_backlog_before_the_window_did_not_arrive_in_it(before: float, number: int) -> None:
    found = arrivals_by_period(period_counts({0: 5}, {}, {}), before)
    assert sum(count for _, count in found) == number


def test_a_period_without_backlog_counts_what_left() -> None:
    assert arrivals_by_period(period_counts({0: 2, 120: 2}, {60: 3}, {60: 1})) == [(0, 2), (60, 4)]

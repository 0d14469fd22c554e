"""Arrival models: how many requests, when, and the same ones for the same seed."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from async_endpoint.capacity.arrivals.models import Bursts, Poisson, Shaped, Sum, generate, parse_arrivals
from async_endpoint.core.errors import InvalidInput

MONDAY = datetime(2026, 3, 23, tzinfo=UTC).timestamp()  # the week in which Berlin changes to summer time, on Sunday at 1:00 UTC
DAY = 86_400.0
HOURS = tuple(float(hour) for hour in range(24))


@pytest.mark.parametrize(
    ("model", "days", "expected"),
    [
        (Poisson.per_hour(50), 7, 8_400),
        (Shaped(1_000, HOURS), 7, 7_000),
        (Shaped.office_hours(500, 8, 18), 7, 2_500),
        (Bursts(1_800, 40, 60), 7, 13_440),
        (Sum((Poisson.per_hour(10), Bursts(7_200, 20, 60))), 7, 3_360),
    ],
)
def test_the_number_of_requests_is_the_expected_one(model: Poisson | Shaped | Bursts | Sum, days: int, expected: int) -> None:
    assert model.expected(MONDAY, MONDAY + days * DAY) == pytest.approx(expected)
    found = [len(generate(model, MONDAY, MONDAY + days * DAY, seed=seed)) for seed in range(12)]
    spread = math.sqrt(expected * (40 if isinstance(model, Bursts) else 20 if isinstance(model, Sum) else 1) / len(found))
    assert abs(sum(found) / len(found) - expected) < 4 * spread


def test_arrivals_ascend_within_the_window_and_follow_the_seed() -> None:
    model = Sum((Poisson.per_hour(30), Bursts(3_600, 25, 7_200)))
    times = generate(model, MONDAY, MONDAY + DAY, seed=1)
    assert list(times) == sorted(times)
    assert times[0] >= MONDAY and times[-1] < MONDAY + DAY
    assert generate(model, MONDAY, MONDAY + DAY, seed=1) == times
    assert generate(model, MONDAY, MONDAY + DAY, seed=2) != times


def test_gaps_of_a_poisson_process_are_exponential() -> None:
    times = generate(Poisson(0.1), MONDAY, MONDAY + 5 * DAY, seed=3)
    gaps = [after - before for before, after in pairwise(times)]
    for multiple in (0.5, 1.0, 2.0):
        share = sum(gap > multiple * 10 for gap in gaps) / len(gaps)
        assert share == pytest.approx(math.exp(-multiple), abs=0.01)


def test_a_shape_follows_the_hours_and_days_of_its_time_zone() -> None:
    """Also on the Sunday on which Berlin has no hour from two to three."""
    model = Shaped(24_000, HOURS, (1, 1, 1, 1, 1, 0, 2), "Europe/Berlin")
    local = [
        datetime.fromtimestamp(time, ZoneInfo("Europe/Berlin")) for time in generate(model, MONDAY, MONDAY + 7 * DAY, seed=1)
    ]
    by_hour, by_day = Counter(time.hour for time in local), Counter(time.weekday() for time in local)
    assert by_hour[0] == 0
    assert by_hour[20] == pytest.approx(2 * by_hour[10], rel=0.1)
    assert by_day[5] == 0
    assert by_day[6] == pytest.approx(2 * by_day[2], rel=0.1)
    assert not [time for time in local if time.weekday() == 6 and time.hour == 2]


def test_office_hours_are_local_ones_with_offsets_of_half_an_hour() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    times = generate(Shaped.office_hours(400, 9, 17, "Asia/Kolkata"), MONDAY, MONDAY + 7 * DAY, seed=1)
    local = [datetime.fromtimestamp(time, kolkata) for time in times]
    assert {time.hour for time in local} == set(range(9, 17))
    assert {time.weekday() for time in local} == set(range(5))


def test_a_burst_is_within_its_length() -> None:
    times = generate(Bursts(DAY, 30, 5), MONDAY, MONDAY + 30 * DAY, seed=4)
    starts = [time for before, time in zip([-math.inf, *times], times, strict=False) if time - before > 60]
    assert len(times) == 30 * len(starts)
    assert all(any(0 <= time - start <= 5 for start in starts) for time in times)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("poisson:30/h", Poisson.per_hour(30)),
        ("poisson:2/15min", Poisson(2 / 900)),
        ("office:700/week,8-18,Europe/Berlin", Shaped.office_hours(140, 8, 18, "Europe/Berlin")),
        ("office:140/day,8-18", Shaped.office_hours(140, 8, 18)),
        ("shape:240/day," + ",".join(["1"] * 24), Shaped(240, (1.0,) * 24)),
        ("shape:240/day," + ",".join(["1"] * 24 + ["2"] * 7), Shaped(240, (1.0,) * 24, (2.0,) * 7)),
        ("bursts:50/2h,60", Bursts(7_200, 50, 60)),
        ("poisson:5/h + bursts:50/2h,60", Sum((Poisson.per_hour(5), Bursts(7_200, 50, 60)))),
    ],
)
def test_models_are_parsed(text: str, model: object) -> None:
    assert parse_arrivals(text) == model


@pytest.mark.parametrize(
    "text",
    [
        "", "poisson", "poisson:", "poisson:0/h", "poisson:5", "poisson:5/year", "poisson:5/0h", "poisson:5/h,3", "bursts:5/h",
        "bursts:5/h,-1", "bursts:0/h,1", "bursts:1.5/h,1",
        "office:5/day", "office:5/day,18-8", "office:5/day,8-18,Atlantis", "shape:5/day,1,2",
        "shape:5/day," + ",".join(["0"] * 24), "poisson:5/h+", "poisson:1.2.3/h",
    ],
)  # fmt: skip
def test_a_wrong_model_is_one_sentence(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_arrivals(text)
    assert str(raised.value).count("\n") == 0
    assert str(raised.value).endswith(".")


def test_too_many_requests_are_refused_before_they_are_made() -> None:
    with pytest.raises(InvalidInput, match=r"8\.64e\+11 requests; at most 50,000,000"):
        generate(Poisson(1e7), MONDAY, MONDAY + DAY, seed=1)

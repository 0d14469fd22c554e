"""Schedule expressions: AWS's examples, brute force minute by minute, and invalid ones."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.core.errors import InvalidInput


def epoch(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def times(expression: str, after: str, count: int, zone: str | None = None, **bounds: float) -> list[str]:
    """The first times of a schedule after a UTC time, in UTC."""
    schedule, moment, found = parse_schedule(expression, zone, **bounds), epoch(after), []
    while len(found) < count and (time := schedule.after(moment)) is not None:
        found.append(datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        moment = time
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # Examples of the CloudWatch Events guide; 2024-01-30 is a Tuesday
        ("0 10 * * ? *", ["2024-01-30T10:00:00", "2024-01-31T10:00:00"]),
        ("15 12 * * ? *", ["2024-01-30T12:15:00", "2024-01-31T12:15:00"]),
        ("0 18 ? * MON-FRI *", ["2024-01-30T18:00:00", "2024-01-31T18:00:00", "2024-02-01T18:00:00", "2024-02-02T18:00:00",
                                "2024-02-05T18:00:00"]),
        ("0 8 1 * ? *", ["2024-02-01T08:00:00", "2024-03-01T08:00:00"]),
        ("0/15 * * * ? *", ["2024-01-30T00:15:00", "2024-01-30T00:30:00"]),
        ("0/30 20-2 ? * MON-FRI *", ["2024-01-30T00:30:00", "2024-01-30T01:00:00", "2024-01-30T01:30:00", "2024-01-30T02:00:00",
                                     "2024-01-30T02:30:00", "2024-01-30T20:00:00"]),
        ("0 0 ? * SAT-MON *", ["2024-02-03T00:00:00", "2024-02-04T00:00:00", "2024-02-05T00:00:00", "2024-02-10T00:00:00"]),
        ("0/5 8-17 ? * MON-FRI *", ["2024-01-30T08:00:00", "2024-01-30T08:05:00"]),
        ("30 6 ? * MON *", ["2024-02-05T06:30:00"]),
        # L, W and #
        ("0 0 L * ? *", ["2024-01-31T00:00:00", "2024-02-29T00:00:00", "2024-03-31T00:00:00"]),
        ("0 0 LW * ? *", ["2024-01-31T00:00:00", "2024-02-29T00:00:00", "2024-03-29T00:00:00"]),
        ("0 0 3W 2-4 ? *", ["2024-02-02T00:00:00", "2024-03-04T00:00:00", "2024-04-03T00:00:00"]),
        ("0 0 1W 6,9 ? *", ["2024-06-03T00:00:00", "2024-09-02T00:00:00"]),
        ("0 0 31W 2,3 ? *", ["2024-03-29T00:00:00", "2025-03-31T00:00:00"]),
        ("0 0 ? * 3#2 *", ["2024-02-13T00:00:00", "2024-03-12T00:00:00"]),
        ("0 0 ? * FRI#5 *", ["2024-03-29T00:00:00", "2024-05-31T00:00:00"]),
        ("0 0 ? * 6L *", ["2024-02-23T00:00:00", "2024-03-29T00:00:00"]),
        ("0 0 ? * L *", ["2024-02-03T00:00:00", "2024-02-10T00:00:00"]),
        ("0 0 29 2 ? 2024-2029", ["2024-02-29T00:00:00", "2028-02-29T00:00:00"]),
        ("0 0 1 jan ? 2025/10", ["2025-01-01T00:00:00", "2035-01-01T00:00:00"]),
        ("0 0 30 2 ? *", []),
        ("0 0 1 1 ? 2023", []),
    ],
)  # fmt: skip
def test_cron(expression: str, expected: list[str]) -> None:
    assert times(f"cron({expression})", "2024-01-30T00:00:00", len(expected) or 1) == expected


def test_at_occurs_once_in_its_time_zone() -> None:
    assert times("at(2024-01-31T17:00:30)", "2024-01-30T00:00:00", 2) == ["2024-01-31T17:00:30"]
    assert times("at(2024-01-31T9:36:00)", "2024-01-30T00:00:00", 2, "America/New_York") == ["2024-01-31T14:36:00"]
    assert times("at(2024-01-31T17:00:00)", "2024-01-31T17:00:00", 1) == []


def test_a_rate_counts_from_its_creation_or_its_start_time() -> None:
    put = epoch("2024-01-30T00:00:10")
    assert times("rate(5 minutes)", "2024-01-30T00:00:10", 2, put=put) == ["2024-01-30T00:05:10", "2024-01-30T00:10:10"]
    assert times("rate(1day)", "2024-01-30T00:00:10", 2, put=put) == ["2024-01-31T00:00:10", "2024-02-01T00:00:10"]
    start, end = epoch("2024-01-30T03:00:00"), epoch("2024-01-30T05:00:00")
    three = ["2024-01-30T03:00:00", "2024-01-30T04:00:00", "2024-01-30T05:00:00"]
    assert times("rate(1 hour)", "2024-01-30T00:00:10", 9, put=put, start=start, end=end) == three


def test_start_and_end_bound_recurring_schedules_only() -> None:
    bounds = {"start": epoch("2024-01-30T10:00:00"), "end": epoch("2024-01-31T10:00:00")}
    assert times("cron(0 10 * * ? *)", "2024-01-01T00:00:00", 9, **bounds) == ["2024-01-30T10:00:00", "2024-01-31T10:00:00"]
    assert times("at(2024-01-01T10:00:00)", "2024-01-01T00:00:00", 9, **bounds) == ["2024-01-01T10:00:00"]


def test_daylight_saving_skips_an_hour_and_counts_a_repeated_one_once() -> None:
    # Europe/Berlin: 2024-03-31 02:00 becomes 03:00, 2024-10-27 03:00 becomes 02:00
    assert times("cron(30 2 * * ? *)", "2024-03-30T00:00:00", 2, "Europe/Berlin") == [
        "2024-03-30T01:30:00",
        "2024-04-01T00:30:00",
    ]
    assert times("cron(30 2 * * ? *)", "2024-10-26T12:00:00", 2, "Europe/Berlin") == [
        "2024-10-27T00:30:00",
        "2024-10-28T01:30:00",
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "", "0 10 * * ? *", "cron()", "cron(0 10 * * ?)", "cron(0 10 * * ? * *)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)", "cron(0 24 * * ? *)", "cron(0 0 0 * ? *)", "cron(0 0 32 * ? *)", "cron(0 0 * 13 ? *)",
        "cron(0 0 ? * 8 *)", "cron(0 0 ? * 0#1 *)", "cron(0 0 ? * 2#6 *)", "cron(0 0 * * ? 1969)", "cron(0 0 * * ? 2200)",
        "cron(0 0 * * ? 2030-2029)",
        "cron(a 0 * * ? *)", "cron(*-3 0 * * ? *)", "cron(0/0 0 * * ? *)", "cron(1,,2 0 * * ? *)", "cron(0 0 W * ? *)",
        "cron(0 0 XW * ? *)", "cron(? 0 * * ? *)", "rate(0 minutes)", "rate(5 weeks)", "rate(-1 day)", "rate(1.5 hours)",
        "at(2024-02-30T00:00:00)", "at(2024-01-01)", "at(2024-01-01T25:00:00)", "at(2024-01-01T00:00:00Z)",
    ],
)  # fmt: skip
def test_an_invalid_expression_is_refused(expression: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid schedule expression"):
        parse_schedule(expression)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Mars/Olympus"):
        parse_schedule("rate(1 day)", "Mars/Olympus")


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> str:
    """One to three values, ranges or steps of a field."""

    def item() -> str:
        first = draw(st.integers(low, high))
        kind = draw(st.sampled_from(("value", "range", "step", "every", "any")))
        forms = {
            "value": f"{first}",
            "range": f"{first}-{draw(st.integers(first, high))}",
            "step": f"{first}/{draw(st.integers(1, 7))}",
            "every": f"*/{draw(st.integers(1, 7))}",
            "any": "*",
        }
        return forms[kind]

    return ",".join(item() for _ in range(draw(st.integers(1, 3))))


def matches(field: str, value: int, low: int, high: int) -> bool:
    """Brute force: whether one item of a field names the value."""
    for item in field.split(","):
        body, _, step = item.partition("/")
        first, _, last = body.partition("-")
        begin = low if first == "*" else int(first)
        end = int(last) if last else (high if step or first == "*" else begin)
        if value in range(begin, end + 1, int(step or 1)):
            return True
    return False


ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Tahiti")


@given(
    items(0, 59), items(0, 23), items(1, 31), items(1, 12), items(1, 7), st.booleans(), st.sampled_from(ZONES),
    st.integers(int(epoch("2023-03-20T00:00:00")), int(epoch("2024-12-01T00:00:00"))),
)  # fmt: skip
@example("*/7", "*", "*", "*", "*", True, "Europe/Berlin", int(epoch("2024-10-27T00:20:00")))
@example("*/7", "*", "*", "*", "*", True, "Australia/Lord_Howe", int(epoch("2024-04-06T14:20:00")))
@example("*/7", "*", "*", "*", "*", True, "Europe/Berlin", int(epoch("2024-03-31T00:20:00")))
def test_the_next_occurrence_is_the_first_minute_whose_local_time_matches(
    minute: str, hour: str, day: str, month: str, weekday: str, by_month: bool, zone: str, moment: int
) -> None:
    days = (day, "?") if by_month else ("?", weekday)
    schedule = parse_schedule(f"cron({minute} {hour} {days[0]} {month} {days[1]} *)", zone)
    found = schedule.after(moment)
    for step in range(1, 3 * 24 * 60):  # three days of minutes
        time = (moment // 60 + step) * 60
        local = datetime.fromtimestamp(time, ZoneInfo(zone))
        right_day = matches(day, local.day, 1, 31) if by_month else matches(weekday, (local.weekday() + 1) % 7 + 1, 1, 7)
        if (
            matches(minute, local.minute, 0, 59)
            and matches(hour, local.hour, 0, 23)
            and matches(month, local.month, 1, 12)
            and right_day
            and not local.fold
        ):
            assert found == time
            return
    assert found is None or found > moment + 3 * 24 * 3_600 - 120


@given(st.integers(1, 31), st.integers(1970, 2199), st.integers(1, 12))
def test_w_is_the_nearest_weekday_of_the_same_month(day: int, year: int, month: int) -> None:
    found = parse_schedule(f"cron(0 0 {day}W {month} ? {year})").after(-1)
    if day > calendar.monthrange(year, month)[1]:
        assert found is None
        return
    assert found is not None
    wanted, got = datetime(year, month, day), datetime(1970, 1, 1) + timedelta(seconds=found)
    near = [wanted + timedelta(days=shift) for shift in range(-3, 4)]
    working = [each for each in near if each.weekday() < 5 and each.month == month]
    assert got in working
    assert abs(got - wanted) == min(abs(each - wanted) for each in working)


@given(st.integers(1, 7), st.integers(1, 5), st.integers(1970, 2199), st.integers(1, 12))
def test_hash_is_the_kth_of_its_weekday(weekday: int, which: int, year: int, month: int) -> None:
    found = parse_schedule(f"cron(0 0 ? {month} {weekday}#{which} {year})").after(-1)
    all_days = (datetime(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1))
    same = [each for each in all_days if (each.weekday() + 1) % 7 + 1 == weekday]
    assert found == (same[which - 1].replace(tzinfo=UTC).timestamp() if which <= len(same) else None)


def test_parsed_schedules_are_cached() -> None:
    first = parse_schedule("cron(0 10 * * ? *)", "Asia/Tokyo", start=60.0)
    assert parse_schedule("cron(0 10 * * ? *)", "Asia/Tokyo", start=60.0) is first
    assert parse_schedule("cron(0 10 * * ? *)", "Asia/Tokyo", start=120.0) != first

"""Which bounds scheduled actions would have set while scheduled scaling was suspended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from async_endpoint.deploy.missed_schedules import missed_bounds

TARGET = {"MinCapacity": 0, "MaxCapacity": 2}
CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour: int, minute: int = 0, day: int = 30) -> float:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()


def action(schedule: str, low: int | None, high: int | None, **more: Any) -> dict[str, Any]:
    bounds = {name: value for name, value in (("MinCapacity", low), ("MaxCapacity", high)) if value is not None}
    return {"Schedule": schedule, "CreationTime": CREATED, "ScalableTargetAction": bounds} | more


MORNING = action("cron(0 8 ? * MON-FRI *)", 1, 4)
EVENING = action("cron(0 20 ? * MON-FRI *)", 0, 2)


@pytest.mark.parametrize(
    ("since", "until", "bounds"),
    [
        (at(7, 55), at(8, 10), {"MinCapacity": 1, "MaxCapacity": 4}),
        (at(8, 5), at(8, 10), {}),
        (at(7, 50), at(7, 55), {}),
        (at(7, 55), at(20, 5), {"MinCapacity": 0, "MaxCapacity": 2}),
        (at(19, 55, day=27), at(8, 5), {"MinCapacity": 1, "MaxCapacity": 4}),  # from Friday evening to Monday morning
        (at(20, 5, day=27), at(7, 55), {}),
    ],
)
def test_the_last_action_of_the_time_decides(since: float, until: float, bounds: dict[str, int]) -> None:
    assert missed_bounds(TARGET, [EVENING, MORNING], since, until) == bounds


def test_time_zones_and_ends_are_heeded() -> None:
    berlin = action("cron(0 8 * * ? *)", 1, None, Timezone="Europe/Berlin")  # 7:00 UTC in November
    assert missed_bounds(TARGET, [berlin], at(6, 55), at(7, 5)) == {"MinCapacity": 1}
    ended = berlin | {"EndTime": datetime(2026, 11, 29, tzinfo=UTC)}
    assert missed_bounds(TARGET, [ended], at(6, 55), at(7, 5)) == {}


def test_what_was_put_afterwards_was_not_missed() -> None:
    later = MORNING | {"CreationTime": datetime(2026, 11, 30, 8, 2, tzinfo=UTC)}
    assert missed_bounds(TARGET, [later], at(7, 55), at(8, 10)) == {}


def test_bounds_that_contradict_each_other_and_unknown_schedules_change_nothing() -> None:
    assert missed_bounds(TARGET, [action("at(2026-11-30T08:00:00)", 3, None)], at(7), at(9)) == {}
    assert missed_bounds(TARGET, [action("whenever(8)", 1, 2)], at(7), at(9)) == {}

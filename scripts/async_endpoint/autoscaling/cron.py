"""AWS's cron expressions: minutes, hours, day of month, month, day of week, year.

Source: CloudWatch Events user guide, "Cron expressions". Days of the week count from 1 for Sunday; one of the two day fields
must be `?`. A range may run past the end of its field (20-2). L is the last day, W the weekday nearest to a day within its
month, n#k the k-th weekday n of a month.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from async_endpoint.core.errors import InvalidInput

_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS: Final = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS: Final = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_ITEM: Final = re.compile(r"(?P<low>\*|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\d+))?")

Days = Callable[[int, int], set[int]]  # the days of a year's month


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: dict[str, int]


_MINUTE = _Field("minutes", 0, 59, {})
_HOUR = _Field("hours", 0, 23, {})
_DAY = _Field("day of month", 1, 31, {})
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 1, 7, _DAYS)
_YEAR = _Field("year", _FIRST_YEAR, _LAST_YEAR, {})


@dataclass(frozen=True)
class Cron:
    """A parsed expression, matched against local times without a time zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Parse `text`, the part between the parentheses; raises InvalidInput for an invalid cron expression."""
        fields = text.split()
        if len(fields) != 6:
            raise _invalid(f"a cron expression has 6 fields, {text!r} has {len(fields)}")
        minutes, hours, day, month, weekday, year = (field.upper() for field in fields)
        if (day == "?") == (weekday == "?"):
            raise _invalid(f"one of day of month and day of week must be ?, and the other not, in {text!r}")
        days = _weekdays(weekday) if day == "?" else _month_days(day)
        return cls(_numbers(_MINUTE, minutes), _numbers(_HOUR, hours), days, _numbers(_MONTH, month), _numbers(_YEAR, year))

    def times(self, start: datetime) -> Iterator[datetime]:
        """The matching local times from `start`, in order."""
        for year in (year for year in self.years if year >= start.year):
            for month in (month for month in self.months if (year, month) >= (start.year, start.month)):
                for day in sorted(self.days(year, month)):
                    if date(year, month, day) < start.date():
                        continue
                    for hour in self.hours:
                        for minute in self.minutes:
                            time = datetime(year, month, day, hour, minute)
                            if time >= start:
                                yield time


def _numbers(field: _Field, text: str) -> tuple[int, ...]:
    """The sorted numbers of a field with lists, ranges and steps."""
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise _invalid(f"{item!r} is no value of {field.name}")
        low, high = _range(field, match)
        step = int(match["step"] or 1)
        if not (field.low <= low <= field.high and field.low <= high <= field.high and step):
            raise _invalid(f"{item!r} is out of the range {field.low} to {field.high} of {field.name}")
        if low > high and field is _YEAR:
            raise _invalid(f"{item!r} of {field.name} runs backwards")
        size = field.high - field.low + 1
        found.update((number - field.low) % size + field.low for number in range(low, high + 1 + size * (low > high), step))
    return tuple(sorted(found))


def _range(field: _Field, match: re.Match[str]) -> tuple[int, int]:
    if match["low"] == "*":
        if match["high"]:
            raise _invalid(f"{match[0]!r} is no value of {field.name}")
        return field.low, field.high
    low = _number(field, match["low"])
    if match["high"]:
        return low, _number(field, match["high"])
    return low, field.high if match["step"] else low


def _number(field: _Field, text: str) -> int:
    if text in field.names:
        return field.names[text]
    if not text.isdecimal():
        raise _invalid(f"{text!r} is no value of {field.name}")
    return int(text)


def _month_days(text: str) -> Days:
    if text == "L":
        return lambda year, month: {_length(year, month)}
    if text == "LW":
        return lambda year, month: {_nearest_weekday(year, month, _length(year, month))}
    if text.endswith("W"):
        (wanted,) = _numbers(_DAY, text[:-1]) if text[:-1].isdecimal() else (0,)
        if not wanted:
            raise _invalid(f"{text!r} is no value of {_DAY.name}")
        return lambda year, month: {_nearest_weekday(year, month, wanted)} if wanted <= _length(year, month) else set()
    days = set(_numbers(_DAY, text))
    return lambda year, month: {day for day in days if day <= _length(year, month)}


def _weekdays(text: str) -> Days:
    if text == "L":
        text = "SAT"
    if match := re.fullmatch(r"(\w+?)(L|#([1-5]))", text):
        weekday, which = _number(_WEEKDAY, match[1]), int(match[3] or 0)
        if not 1 <= weekday <= 7:
            raise _invalid(f"{text!r} is out of the range 1 to 7 of {_WEEKDAY.name}")
        return lambda year, month: set(_all_of(year, month, weekday)[which - 1 : which or None])
    weekdays = _numbers(_WEEKDAY, text)
    return lambda year, month: {day for weekday in weekdays for day in _all_of(year, month, weekday)}


def _all_of(year: int, month: int, weekday: int) -> list[int]:
    """The days of a month that fall on `weekday`, 1 for Sunday."""
    first = (weekday - 2 - date(year, month, 1).weekday()) % 7 + 1
    return list(range(first, _length(year, month) + 1, 7))


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """The day from Monday to Friday nearest to `day` and in its month."""
    wanted = date(year, month, day)
    if wanted.weekday() == calendar.SATURDAY:
        moved = wanted - timedelta(days=1)
        return (moved if moved.month == month else wanted + timedelta(days=2)).day
    if wanted.weekday() == calendar.SUNDAY:
        moved = wanted + timedelta(days=1)
        return (moved if moved.month == month else wanted - timedelta(days=2)).day
    return day


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(f"Invalid schedule expression. Details: {why}.")

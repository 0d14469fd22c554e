"""Office hours found in a workload: windows of the day with most requests, as scheduled actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from async_endpoint.autoscaling.schedules import parse_schedule
from async_endpoint.capacity.settings import ScheduledBounds
from async_endpoint.capacity.workload import Workload

_SHARES: Final = (0.8, 0.95, 0.995)  # of the requests that a window should hold
_DENSER: Final = 1.25  # times as many requests an hour in a window as over the day, or it is not one
_DAY: Final = 86_400
_WEEKDAYS: Final = 5
_RARE: Final = 0.1  # share of requests at weekends below which windows are of weekdays


@dataclass(frozen=True, order=True)
class OfficeHours:
    """From hour `first` up to hour `last` (24 is midnight) of each day, or of Monday to Friday, in `timezone` (UTC if None)."""

    first: int
    last: int
    weekdays: bool
    timezone: str | None = None

    def actions(self, inside: int, outside: int, maximum: int) -> tuple[ScheduledBounds, ...]:
        """Scheduled actions that keep at least `inside` instances in these hours and `outside` in others."""
        if self.last - self.first >= 24:
            return ()
        evening = self.last % 24
        days = "MON-FRI" if self.weekdays else "*"
        evening_days = "TUE-SAT" if self.weekdays and self.last == 24 else days
        return (
            ScheduledBounds("close", _cron(evening, evening_days), self.timezone, outside, maximum),
            ScheduledBounds("open", _cron(self.first, days), self.timezone, inside, maximum),
        )


def office_hours(workload: Workload, timezone: str | None = None) -> tuple[OfficeHours, ...]:
    """Windows with 80, 95 and 99.5 percent of the requests; none for less than a day, or for requests around the clock.

    Raises InvalidInput for a time zone that scheduled actions cannot have.
    """
    parse_schedule(_cron(0, "*"), timezone)
    if workload.seconds < _DAY - 3_600 or not workload.arrivals:
        return ()
    zone: tzinfo = ZoneInfo(timezone) if timezone else UTC
    hours = Counter(_hour(arrival, zone) for arrival in workload.arrivals)
    weekend = sum(count for (weekday, _), count in hours.items() if weekday >= _WEEKDAYS)
    weekdays = workload.seconds >= 6 * _DAY and weekend <= _RARE * len(workload)
    counts = [sum(count for (_, hour), count in hours.items() if hour == wanted) for wanted in range(24)]
    windows = {_window(counts, share) for share in _SHARES}
    dense = (window for window in sorted(windows) if _is_dense(counts, *window))
    return tuple(OfficeHours(first, last, weekdays, timezone) for first, last in dense)


def _window(counts: Sequence[int], share: float) -> tuple[int, int]:
    """The shortest window, the first of several, with at least `share` of all; it does not cross midnight."""
    wanted = share * sum(counts)
    windows = ((last - first, first, last) for first in range(24) for last in range(first + 1, 25))
    return next((first, last) for _, first, last in sorted(windows) if sum(counts[first:last]) >= wanted - 1e-9)


def _is_dense(counts: Sequence[int], first: int, last: int) -> bool:
    return sum(counts[first:last]) / sum(counts) >= _DENSER * (last - first) / 24


def _hour(moment: float, zone: tzinfo) -> tuple[int, int]:
    """Day of the week, 0 for Monday, and hour."""
    local = datetime.fromtimestamp(moment, zone)
    return local.weekday(), local.hour


def _cron(hour: int, days: str) -> str:
    return f"cron(0 {hour} ? * {days} *)"

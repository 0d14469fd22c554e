"""Schedules of scheduled actions: `at(...)`, `rate(...)` and six-field `cron(...)` expressions.

Sources: Application Auto Scaling API reference, PutScheduledAction; CloudWatch Events user guide, "Schedule expressions for
rules", for the cron fields. Where the guides are silent (A183, A184): a local time that daylight saving skips is not made
up for, one that occurs twice counts once, the first time; a rate counts from StartTime, its first occurrence, or else from
the PutScheduledAction, which is no occurrence.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo, available_timezones

from async_endpoint.autoscaling.cron import Cron
from async_endpoint.core.errors import InvalidInput

SYNTAX: Final = (
    r"Schedule expressions must have the following syntax: rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) "
    "or at(yyyy-MM-dd'T'HH:mm:ss)."
)
_SECONDS: Final = {"minute": 60, "hour": 3_600, "day": 86_400}
_AT: Final = re.compile(r"at\((\d{4}-\d{2}-\d{2})T(\d{1,2}:\d{2}:\d{2})\)")
_RATE: Final = re.compile(r"rate\((\d{1,9})\s?(minute|hour|day)s?\)")
_CRON: Final = re.compile(r"cron\((.+)\)")


class ActionSchedule(Protocol):
    """A schedule; times are epoch seconds."""

    def after(self, moment: float) -> float | None:
        """The first occurrence after `moment`, or None."""
        ...


@dataclass(frozen=True)
class OneTimeSchedule:
    """A schedule that occurs once."""

    time: float

    def after(self, moment: float) -> float | None:
        return self.time if self.time > moment else None


@dataclass(frozen=True)
class RateSchedule:
    """A schedule that occurs every `interval` seconds from `first`."""

    interval: int
    first: float

    def after(self, moment: float) -> float | None:
        return self.first + max(0, math.floor((moment - self.first) / self.interval) + 1) * self.interval


@dataclass(frozen=True)
class CronSchedule:
    """A cron expression in a time zone."""

    cron: Cron
    zone: ZoneInfo

    def after(self, moment: float) -> float | None:
        local = datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None, second=0, microsecond=0)
        times = (_epoch(time, self.zone) for time in self.cron.times(local))
        return next((time for time in times if time is not None and time > moment), None)


@dataclass(frozen=True)
class BoundedSchedule:
    """The occurrences of `schedule` from `start` to `end`, both inclusive; None for no bound."""

    schedule: ActionSchedule
    start: float | None = None
    end: float | None = None

    def after(self, moment: float) -> float | None:
        if self.start is not None and moment < self.start:
            moment = math.nextafter(self.start, -math.inf)
        time = self.schedule.after(moment)
        return time if time is not None and (self.end is None or time <= self.end) else None


@lru_cache(maxsize=1_024)  # called for each action each minute, and listing the time zones is slow
def parse_schedule(
    expression: str, timezone: str | None = None, put: float = 0.0, start: float | None = None, end: float | None = None
) -> ActionSchedule:
    """Parse a scheduled action's Schedule, Timezone, StartTime and EndTime; `put` is when it was put. Times in epoch seconds.

    `start` and `end` bound recurring schedules, not at(...). Raises InvalidInput, in AWS's words, for what PutScheduledAction
    refuses.
    """
    zone = _zone(timezone)
    if found := _AT.fullmatch(expression):
        return OneTimeSchedule(_moment(expression, f"{found[1]} {found[2]}", zone))
    if (found := _RATE.fullmatch(expression)) and int(found[1]):
        interval = int(found[1]) * _SECONDS[found[2]]
        return BoundedSchedule(RateSchedule(interval, put + interval if start is None else start), start, end)
    if found := _CRON.fullmatch(expression):
        return BoundedSchedule(CronSchedule(Cron.parse(found[1]), zone), start, end)
    raise InvalidInput(f"Invalid schedule expression. Details: {SYNTAX}")


def _zone(name: str | None) -> ZoneInfo:
    if name is None:
        return ZoneInfo("UTC")
    if name not in available_timezones():
        raise InvalidInput(f"Invalid time zone {name}; use the canonical name of an IANA time zone, such as Pacific/Tahiti.")
    return ZoneInfo(name)


def _moment(expression: str, text: str, zone: ZoneInfo) -> float:
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    except ValueError as error:
        raise InvalidInput(f"Invalid schedule expression. Details: {expression} names no time ({error}).") from error
    return local.replace(tzinfo=zone).timestamp()


def _epoch(local: datetime, zone: ZoneInfo) -> float | None:
    """A local time as epoch seconds; None for one skipped by daylight saving."""
    there = local.replace(tzinfo=zone)
    offset = there.utcoffset() or timedelta(0)
    utc = (local - offset).replace(tzinfo=UTC)
    return utc.timestamp() if utc.astimezone(zone).replace(tzinfo=None) == local else None

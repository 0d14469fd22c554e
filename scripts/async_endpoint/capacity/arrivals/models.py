"""Models of arrivals: Poisson, a daily and weekly shape, bursts, and sums of them. Seeded: the same times in every process.

Written as `poisson:30/h`, `office:200/day,8-18,Europe/Berlin` (on each of Monday to Friday), `shape:200/day,W0,…,W23` (weights
of the hours, optionally seven more of Monday to Sunday), `bursts:50/2h,60` (50 requests within 60 s, every 2 hours on average),
joined by `+`.
"""

from __future__ import annotations

import math
import random
import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Final, Protocol
from zoneinfo import ZoneInfo, available_timezones

from async_endpoint.capacity.distributions import stream
from async_endpoint.core.errors import InvalidInput

SYNTAX: Final = (
    "use poisson:30/h, office:200/day,8-18,Europe/Berlin, shape:200/day followed by 24 weights of hours and up to 7 of days, "
    "bursts:50/2h,60, or several joined by +"
)
MAX_REQUESTS: Final = 50_000_000
DAY: Final = 86_400
_SLICE: Final = 900  # offsets of time zones are multiples of a quarter of an hour
_UNITS: Final = {"s": 1, "min": 60, "h": 3_600, "day": DAY, "week": 7 * DAY}
_RATE: Final = re.compile(r"(?P<count>[\d.]+)/(?P<every>[\d.]*)(?P<unit>s|min|h|day|week)")
_HOURS: Final = re.compile(r"(\d{1,2})-(\d{1,2})")


class ArrivalModel(Protocol):
    """A random process of arrivals."""

    def expected(self, start: float, end: float) -> float:
        """The mean number of requests from `start` to `end` (epoch seconds)."""
        ...

    def times(self, start: float, end: float, generator: random.Random) -> Iterable[float]:
        """Arrivals in [start, end), in any order."""
        ...


def generate(model: ArrivalModel, start: float, end: float, *, seed: int | str) -> array[float]:
    """Arrivals of a model in [start, end), ascending; raises InvalidInput for more than MAX_REQUESTS of them."""
    expected = model.expected(start, end)
    if expected > MAX_REQUESTS:
        raise InvalidInput(f"The arrivals would be {expected:.3g} requests; at most {MAX_REQUESTS:,} are simulated.")
    return array("d", sorted(model.times(start, end, stream(seed, "arrivals"))))


@dataclass(frozen=True)
class Poisson:
    """Independent arrivals at a constant rate per second."""

    rate: float

    def __post_init__(self) -> None:
        _check_positive("The rate of arrivals", self.rate)

    @classmethod
    def per_hour(cls, requests: float) -> Poisson:
        return cls(requests / 3600)

    def expected(self, start: float, end: float) -> float:
        return self.rate * (end - start)

    def times(self, start: float, end: float, generator: random.Random) -> Iterator[float]:
        return _arrivals([(start, end, self.rate)], generator)


@dataclass(frozen=True)
class Shaped:
    """A daily and weekly shape: `per_day` requests on an average day of the week, by the weights of local hours and days.

    `hours` are 24 weights, `days` seven from Monday on; only their ratios count. Raises InvalidInput.
    """

    per_day: float
    hours: tuple[float, ...]
    days: tuple[float, ...] = (1.0,) * 7
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _check_positive("The number of requests a day", self.per_day)
        for name, weights, count in (("hours", self.hours, 24), ("days", self.days, 7)):
            if len(weights) != count or not all(0 <= weight < math.inf for weight in weights) or not any(weights):
                raise InvalidInput(
                    f"Arrivals have {len(weights)} weights of {name}; give {count}, none negative and one above 0."
                )
        if self.timezone not in available_timezones():
            raise InvalidInput(f"{self.timezone} is no IANA time zone; use one such as Europe/Berlin.")

    @classmethod
    def office_hours(cls, per_day: float, first: int = 9, last: int = 17, timezone: str = "UTC") -> Shaped:
        """Monday to Friday from `first` to `last` o'clock, `per_day` requests on each of these days."""
        if not 0 <= first < last <= 24:
            raise InvalidInput(f"Office hours are {first}-{last}; give two hours from 0 to 24, the earlier one first.")
        hours = tuple(float(first <= hour < last) for hour in range(24))
        return cls(per_day * 5 / 7, hours, (1.0,) * 5 + (0.0,) * 2, timezone)

    def rate(self, moment: float) -> float:
        """Requests per second at `moment` (epoch seconds)."""
        local = datetime.fromtimestamp(moment, self._zone)
        share = self.hours[local.hour] / math.fsum(self.hours) * self.days[local.weekday()] * 7 / math.fsum(self.days)
        return self.per_day * share / 3600

    def expected(self, start: float, end: float) -> float:
        return math.fsum((after - before) * rate for before, after, rate in self._pieces(start, end))

    def times(self, start: float, end: float, generator: random.Random) -> Iterator[float]:
        return _arrivals(self._pieces(start, end), generator)

    def _pieces(self, start: float, end: float) -> Iterator[tuple[float, float, float]]:
        while start < end:
            after = min((start // _SLICE + 1) * _SLICE, end)
            yield start, after, self.rate(start)
            start = after

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class Bursts:
    """Bursts of `size` requests, each at a random time within `within_seconds`; they begin every `every_seconds` on average.

    A burst that begins before the end is cut there.
    """

    every_seconds: float
    size: int
    within_seconds: float

    def __post_init__(self) -> None:
        _check_positive("The time between bursts", self.every_seconds)
        _check_positive("The number of requests in a burst", self.size)
        if not 0 <= self.within_seconds < math.inf:
            raise InvalidInput(f"The length of a burst is {self.within_seconds:g} s; use 0 or more seconds.")

    def expected(self, start: float, end: float) -> float:
        return (end - start) / self.every_seconds * self.size

    def times(self, start: float, end: float, generator: random.Random) -> Iterator[float]:
        for begin in _arrivals([(start, end, 1 / self.every_seconds)], generator):
            for _ in range(self.size):
                time = begin + generator.random() * self.within_seconds
                if time < end:
                    yield time


@dataclass(frozen=True)
class Sum:
    """Several models at the same time, independent of each other."""

    models: tuple[ArrivalModel, ...]

    def expected(self, start: float, end: float) -> float:
        return math.fsum(model.expected(start, end) for model in self.models)

    def times(self, start: float, end: float, generator: random.Random) -> Iterator[float]:
        return chain.from_iterable(model.times(start, end, generator) for model in self.models)


def parse_arrivals(text: str) -> ArrivalModel:
    """A model from its text; raises InvalidInput."""
    models = tuple(_parse(text, part.strip()) for part in text.split("+"))
    return models[0] if len(models) == 1 else Sum(models)


def _parse(text: str, part: str) -> ArrivalModel:
    kind, _, rest = part.partition(":")
    rate, *options = rest.split(",")
    found = _RATE.fullmatch(rate)
    try:
        if found is None:
            raise ValueError(rate)
        count, seconds = float(found["count"]), float(found["every"] or 1) * _UNITS[found["unit"]]
        if kind == "poisson" and not options:
            return Poisson(count / seconds)
        if kind == "bursts" and len(options) == 1 and count == int(count):
            return Bursts(seconds, int(count), float(options[0]))
        if kind == "office" and (hours := _HOURS.fullmatch(options[0])) and len(options) < 3:
            working_days = seconds * 5 / 7 if seconds >= 7 * DAY else seconds  # 200/day are on each of them
            return Shaped.office_hours(count / working_days * DAY, int(hours[1]), int(hours[2]), *options[1:])
        if kind == "shape":
            weights = tuple(float(option) for option in options)
            return Shaped(count / seconds * DAY, weights[:24], weights[24:] or (1.0,) * 7)
    except (IndexError, ValueError, ZeroDivisionError):
        pass
    raise InvalidInput(f"{text!r} is no model of arrivals; {SYNTAX}.")


def _arrivals(pieces: Iterable[tuple[float, float, float]], generator: random.Random) -> Iterator[float]:
    """A Poisson process whose rate is constant in each of the adjacent `pieces` (start, end, rate)."""
    distance = generator.expovariate(1.0)  # to the next arrival, in expected arrivals
    for start, end, rate in pieces:
        now = start
        while distance < (end - now) * rate:
            now += distance / rate
            yield now
            distance = generator.expovariate(1.0)
        distance -= (end - now) * rate


def _check_positive(what: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise InvalidInput(f"{what} is {value:g}; use a number above 0.")

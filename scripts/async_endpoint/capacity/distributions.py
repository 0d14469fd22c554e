"""Distributions of seconds, by their quantile function: one draw `u` from [0, 1) gives a value under each of several settings.

Written as `12` (fixed), `lognormal:8,20` (mean, 95th percentile), `uniform:1,3` (bounds) or `sample:1,2,3` (measured values).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from statistics import NormalDist
from typing import Final, NoReturn, Protocol

from async_endpoint.core.errors import InvalidInput

SYNTAX: Final = "use seconds such as 12, lognormal:MEAN,P95, uniform:LOWEST,HIGHEST, or sample:VALUE,VALUE,…"
MOST_SECONDS: Final = 366 * 86_400
_NORMAL: Final = NormalDist()
_Z95: Final = _NORMAL.inv_cdf(0.95)


class Distribution(Protocol):
    """A distribution of seconds."""

    def quantile(self, u: float) -> float:
        """The value that a fraction `u`, from [0, 1), of all values does not exceed."""
        ...

    @property
    def mean(self) -> float: ...


@dataclass(frozen=True)
class Fixed:
    """Always the same number of seconds, 0 included."""

    seconds: float

    def __post_init__(self) -> None:
        _check_finite("A time", self.seconds)

    def quantile(self, u: float) -> float:
        return self.seconds

    @property
    def mean(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Sampled:
    """The empirical distribution of measured values: each equally likely."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InvalidInput(f"A sample of times has no values; {SYNTAX}.")
        for value in self.values:
            _check_finite("A time of a sample", value)

    def quantile(self, u: float) -> float:
        return self._ordered[int(u * len(self._ordered))]

    @cached_property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    @cached_property
    def _ordered(self) -> tuple[float, ...]:
        return tuple(sorted(self.values))


@dataclass(frozen=True)
class Uniform:
    """Equally likely between two bounds."""

    lowest: float
    highest: float

    def __post_init__(self) -> None:
        _check_finite("The lowest time of a uniform distribution", self.lowest)
        _check_finite("The highest time of a uniform distribution", self.highest)
        if self.lowest > self.highest:
            raise InvalidInput(f"A uniform distribution runs from {self.lowest:g} to {self.highest:g} s; give the lower first.")

    def quantile(self, u: float) -> float:
        return self.lowest + u * (self.highest - self.lowest)

    @property
    def mean(self) -> float:
        return (self.lowest + self.highest) / 2


@dataclass(frozen=True)
class LogNormal:
    """A log-normal distribution by its mean and 95th percentile.

    Raises InvalidInput where none exists: the percentile must lie above the mean, and below 3.87 times the mean.
    """

    mean: float
    p95: float

    def __post_init__(self) -> None:
        # mean = exp(m + s²/2) and p95 = exp(m + z s): s² / 2 - z s + ln(p95 / mean) = 0, and the smaller root is meant.
        most = math.exp(_Z95**2 / 2)
        if not (0 < self.mean < self.p95 <= most * self.mean):
            raise InvalidInput(
                f"No log-normal distribution has mean {self.mean:g} s and 95th percentile {self.p95:g} s; give a percentile "
                f"above the mean and at most {most:.2f} times the mean."
            )
        _check_finite("The 95th percentile of a log-normal distribution", self.p95)

    def quantile(self, u: float) -> float:
        return math.exp(self._location + self._scale * _NORMAL.inv_cdf(min(max(u, 1e-12), 1 - 1e-12)))

    @cached_property
    def _scale(self) -> float:
        return _Z95 - math.sqrt(max(0.0, _Z95**2 - 2 * math.log(self.p95 / self.mean)))

    @cached_property
    def _location(self) -> float:
        return math.log(self.mean) - self._scale**2 / 2


@dataclass(frozen=True)
class Recorded:
    """Values in the order in which they were recorded, for a replay: the k-th draw is the k-th value, later draws the mean."""

    values: tuple[float, ...]

    def quantile(self, u: float) -> float:
        return Sampled(self.values).quantile(u)

    @property
    def mean(self) -> float:
        return Sampled(self.values).mean


def stream(seed: int | str, purpose: str) -> random.Random:
    """The random numbers of one purpose, independent of those of any other with this seed; the same in every process."""
    return random.Random(f"{seed}/{purpose}")


def draws(distribution: Distribution, seed: int | str, purpose: str) -> Iterator[float]:
    """Independent values without end, from the `stream` of the seed and the purpose."""
    if isinstance(distribution, Recorded):
        return chain(distribution.values, repeat(distribution.mean if distribution.values else 0.0))
    generator = stream(seed, purpose)
    return (distribution.quantile(generator.random()) for _ in repeat(None))


def parse_distribution(text: str) -> Distribution:
    """A distribution from its text; raises InvalidInput."""
    kind, colon, rest = text.strip().partition(":")
    numbers = [_number(text, part) for part in (rest if colon else kind).split(",")]
    if not colon:
        if len(numbers) != 1:
            _invalid(text)
        return Fixed(numbers[0])
    if kind == "sample":
        return Sampled(tuple(numbers))
    if kind not in _OF_TWO or len(numbers) != 2:
        _invalid(text)
    return _OF_TWO[kind](*numbers)


_OF_TWO: Final[Mapping[str, Callable[[float, float], Distribution]]] = {"lognormal": LogNormal, "uniform": Uniform}


def _number(text: str, part: str) -> float:
    try:
        return float(part)
    except ValueError:
        _invalid(text)


def _invalid(text: str) -> NoReturn:
    raise InvalidInput(f"{text!r} is no distribution of seconds; {SYNTAX}.")


def _check_finite(what: str, seconds: float) -> None:
    if not 0 <= seconds <= MOST_SECONDS:
        raise InvalidInput(f"{what} is {seconds:g} s; use 0 to {MOST_SECONDS:,} seconds (366 days).")

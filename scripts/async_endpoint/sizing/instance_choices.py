"""The instance types that a recommendation may choose: the endpoint's own, and others with stated or measured service times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from async_endpoint.capacity.distributions import Distribution, Sampled
from async_endpoint.capacity.price_items import INSTANCE_TYPE
from async_endpoint.capacity.prices import PriceList
from async_endpoint.capacity.profile import MAX_CONCURRENCY, Profile
from async_endpoint.capacity.recommendation import InstanceOption
from async_endpoint.capacity.settings import Settings
from async_endpoint.capacity.slowdown import Slowdown
from async_endpoint.core.errors import InvalidInput
from async_endpoint.input_files import printable
from async_endpoint.sizing.profile_files import read_profile


@dataclass(frozen=True)
class InstanceChoices:
    """`options` with the endpoint's own type first; `notes` say what is assumed of them."""

    options: tuple[InstanceOption, ...]
    notes: tuple[str, ...]


def instance_choices(
    current: Settings,
    starts: Distribution,
    profile: Profile | None,
    prices: PriceList,
    others: Iterable[str] = (),
    slowdown: str | None = None,
) -> InstanceChoices:
    """The endpoint's type, and `others`, each as `ml.TYPE=FACTOR` or `ml.TYPE=FILE`, a profile of it.

    `slowdown` is `N=FACTOR,…`, for endpoints without a `profile`. Raises InvalidInput, also for a type without a price.
    """
    if slowdown is not None and profile is not None:
        raise InvalidInput("The slowdown is in the profile; give either --slowdown or --profile.")
    factors = profile.slowdown() if profile else {} if slowdown is None else _factors(slowdown)
    concurrencies = tuple(sorted(factors)) or (current.concurrency,)
    own = InstanceOption(
        current.instance_type, _price(prices, current.instance_type), starts, Slowdown.of(factors), concurrencies
    )
    notes = []
    if not factors:
        notes.append(f"Concurrency stays at {current.concurrency}: no --profile or --slowdown says what more requests cost.")
    options = {own.instance_type: own}
    for text in others:
        option, note = _other(text, own, profile, prices)
        if option.instance_type in options:
            raise InvalidInput(f"Instance type {option.instance_type} is given twice, or is the endpoint's; give each once.")
        options[option.instance_type] = option
        notes.append(note)
    return InstanceChoices(tuple(options.values()), (*notes, *prices.warnings(options)))


def _other(text: str, own: InstanceOption, profile: Profile | None, prices: PriceList) -> tuple[InstanceOption, str]:
    kind, equals, value = text.partition("=")
    if not (equals and value and INSTANCE_TYPE.fullmatch(kind)):
        raise InvalidInput(f"{text!r} is no choice of an instance type; use ml.TYPE=FACTOR or ml.TYPE=FILE, a profile of it.")
    factor = _number(value)
    option = replace(own, instance_type=kind, usd_per_hour=_price(prices, kind))
    if factor is not None:
        note = f"{kind} is stated to take {factor:g} times as long for a request as {own.instance_type}, and as long to start."
        return replace(option, slowdown=replace(own.slowdown, instance_factor=factor)), note
    measured = read_profile(Path(value))
    if measured is None or profile is None:
        raise InvalidInput(f"A profile of {kind} says nothing without one of {own.instance_type}; give it with --profile.")
    if measured.instance_type != kind:
        raise InvalidInput(f"{printable(Path(value))} is a profile of {measured.instance_type}, not of {kind}; name its type.")
    found = statistics.median(measured.alone) / statistics.median(profile.alone)
    slowdown = Slowdown.of(measured.slowdown(), found)
    starts = Sampled(measured.start_seconds) if measured.start_seconds else own.starts
    note = f"{kind} takes {found:.2f} times as long for a request as {own.instance_type}, by their profiles."
    return replace(option, starts=starts, slowdown=slowdown, concurrencies=tuple(sorted(measured.service_seconds))), note


def _factors(text: str) -> dict[int, float]:
    """Factors by concurrency, 1 included."""
    factors = {1: 1.0}
    for part in text.split(","):
        level, equals, value = part.partition("=")
        factor = _number(value)
        if not (equals and level.strip().isdecimal() and 1 <= int(level) <= MAX_CONCURRENCY and factor):
            raise InvalidInput(
                f"{part!r} is no slowdown; use N=FACTOR,… with N from 1 to {MAX_CONCURRENCY}, such as 2=1.3,4=2."
            )
        factors[int(level)] = factor
    return factors


def _number(text: str) -> float | None:
    """A number above zero; None for another text. Raises InvalidInput for another number."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not 0 < number < math.inf:
        raise InvalidInput(f"A factor is {text}; use a number above zero.")
    return number


def _price(prices: PriceList, instance_type: str) -> float:
    price = prices.instance(instance_type)
    if price is None:
        raise InvalidInput("".join(prices.warnings([instance_type])))
    return price.usd

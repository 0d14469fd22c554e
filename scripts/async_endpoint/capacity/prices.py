"""List prices in US dollars: the package's table prices.json, and what a file of one's own puts before it.

Every price has the address and date of its source and the region it holds for. One that has no source is absent, and none is
derived from another, nor from the price of notebooks, training or EC2. What is missing, older than a year or of another region
is reported by `PriceList.warnings`, and a price of another region is used only where that is asked for.

Before any free tier, Savings Plan or tax. An approximation that no bill confirms: not verified on AWS. Asynchronous endpoints
are billed as AsyncInf, at the price of Host (A278).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from async_endpoint.capacity.price_items import ITEMS, is_instance, unit_of

MAX_AGE_DAYS: Final = 365


@dataclass(frozen=True)
class Price:
    """US dollars for one unit (of an instance type an hour, else that of its Item). `source` is an address or a description."""

    usd: float
    source: str
    date: datetime.date
    region: str

    def older_than_a_year(self, today: datetime.date) -> bool:
        return (today - self.date).days > MAX_AGE_DAYS


PriceTable = Mapping[str, Mapping[str, Price]]
"""Prices by region and name: an instance type, or an item of `price_items.ITEMS`."""


@dataclass(frozen=True)
class PriceList:
    """The prices of one region on one day.

    `own` come first, then `listed` ones, then those of region `fallback`, if one is given, which are reported.
    """

    region: str
    today: datetime.date
    listed: PriceTable
    own: PriceTable
    fallback: str | None = None

    @classmethod
    def load(
        cls, region: str, override: PriceTable | None = None, *, today: datetime.date, fallback: str | None = None
    ) -> PriceList:
        """The package's table, with `override` (as `price_overrides.parse_overrides` returns it) before it."""
        return cls(region, today, _table(), override or {}, fallback)

    def instance(self, instance_type: str) -> Price | None:
        """US dollars an hour for an ml.* instance of an endpoint; None where no source has it."""
        return self._find(instance_type)

    def item(self, name: str) -> Price | None:
        """The price of an item, for its unit; None where no source has it. Raises KeyError for a name that ITEMS lacks."""
        return self._find(name) if ITEMS[name] else None

    def _find(self, name: str) -> Price | None:
        for region in filter(None, (self.region, self.fallback)):
            for table in (self.own, self.listed):
                if price := table.get(region, {}).get(name):
                    return price
        return None

    def find(self, name: str) -> Price | None:
        """The price of an instance type or of an item."""
        return self.instance(name) if is_instance(name) else self.item(name)

    def elsewhere(self, name: str) -> tuple[Price, ...]:
        """Its prices in other regions, which are not used."""
        return tuple(
            prices[name]
            for table in (self.own, self.listed)
            for region, prices in table.items()
            if region != self.region and name in prices
        )

    def warnings(self, names: Iterable[str]) -> tuple[str, ...]:
        """A sentence for each of these prices that is missing, older than a year, or of another region."""
        return tuple(warning for name in dict.fromkeys(names) if (warning := self._warning(name)))

    def _warning(self, name: str) -> str | None:
        price = self.find(name)
        if price is None:
            return f"No price of {name} in {self.region} is known{self._remedy(name)}"
        if price.region != self.region:
            return (
                f"The price of {name} is that of {price.region} ({price.usd:g} US dollars for {unit_of(name)}, {price.date}), "
                f"because none of {self.region} is known."
            )
        if price.older_than_a_year(self.today):
            return (
                f"The price of {name} in {self.region} is of {price.date}, over a year old; check it or run `prices refresh`."
            )
        return None

    def _remedy(self, name: str) -> str:
        found = "; ".join(f"{one.region} has {one.usd:g} of {one.date}" for one in self.elsewhere(name))
        others = f" ({found}: --prices-of uses another region's)" if found else ""
        return f"{others}; state it in a file for --prices, or run `prices refresh`."


@cache
def _table() -> PriceTable:
    text = files(__package__).joinpath("prices.json").read_text(encoding="utf-8")
    return parse_table(json.loads(text))


def listed_regions() -> frozenset[str]:
    """The regions that the package's table has prices of."""
    return frozenset(_table())


def parse_table(document: Mapping[str, Any]) -> PriceTable:
    """The prices of a document in the form of prices.json: `sources` by name, `regions` with prices by name."""
    sources = {
        name: (str(one["address"]), datetime.date.fromisoformat(one["date"])) for name, one in document["sources"].items()
    }
    return {
        region: {name: Price(float(one["usd"]), *sources[one["source"]], region) for name, one in prices.items()}
        for region, prices in document["regions"].items()
    }


def newest(prices: Iterable[Price]) -> datetime.date | None:
    """The latest date of these prices."""
    return max((one.date for one in prices), default=None)

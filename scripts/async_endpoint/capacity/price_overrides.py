"""Prices of one's own, from a file: a Savings Plan's, private ones, those of other types and regions, or refreshed ones.

JSON has the form of prices.json: `sources` by name with address and date, and `regions` with prices by name. CSV has the
columns `name,region,usd,date,source`; a name is an instance type or an item of `price_items`, whose unit the price is for.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from async_endpoint.capacity.price_items import INSTANCE_TYPE, ITEMS, is_instance
from async_endpoint.capacity.prices import Price, PriceTable
from async_endpoint.core.errors import InvalidInput

COLUMNS: Final = ("name", "region", "usd", "date", "source")
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")


def parse_overrides(text: str, origin: str, *, today: datetime.date) -> PriceTable:
    """The prices of a file's text, by region and name. `origin` is its name for messages; no price is of a day after `today`.

    Raises InvalidInput that names the place, what was found and what to do.
    """
    latest = today + datetime.timedelta(days=1)  # it is tomorrow already in other time zones
    try:
        return _json(text, origin, latest) if text.lstrip()[:1] == "{" else _csv(text, origin, latest)
    except csv.Error as error:
        raise InvalidInput(f"{origin} is not CSV ({error}); save the prices as CSV or JSON in UTF-8.") from None


def _csv(text: str, origin: str, latest: datetime.date) -> PriceTable:
    reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    header = tuple(name.strip() for name in reader.fieldnames or ())
    if repeated := next((name for name in header if header.count(name) > 1), None):
        raise InvalidInput(f"{origin} has two columns {repeated[:40]!r}; name each once.")
    if not set(COLUMNS) <= set(header):
        missing = ", ".join(name for name in COLUMNS if name not in header)
        raise InvalidInput(
            f"{origin} is no JSON, and no CSV with the header {','.join(COLUMNS)} (it lacks {missing}); see docs/capacity.md."
        )
    reader.fieldnames = list(header)
    table: dict[str, dict[str, Price]] = {}
    for row in reader:
        where = f"{origin}, line {reader.line_num}"
        name, region, usd, day, source = ((row[column] or "").strip() for column in COLUMNS)
        _put(table, name, _price(usd, source, day, region, where, latest), where)
    return table


def _json(text: str, origin: str, latest: datetime.date) -> PriceTable:
    try:
        document = json.loads(text, object_pairs_hook=_object)
        sources: Mapping[str, Any] = document["sources"]
        regions: Mapping[str, Any] = document["regions"]
        rows = [(region, name, one) for region, prices in regions.items() for name, one in prices.items()]
        found = [(region, name, one["usd"], sources[one["source"]]) for region, name, one in rows]
        dated = [(*row[:3], str(row[3]["address"]), str(row[3]["date"])) for row in found]
    except (ValueError, RecursionError) as error:  # also for integers of thousands of digits, and for deep nesting
        raise InvalidInput(f"{origin} is not valid JSON: {error}.") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"{origin} does not have the form of prices.json ({type(error).__name__}: {error}): objects `sources` and "
            "`regions`, and each price with `usd` and the name of its `source`."
        ) from None
    table: dict[str, dict[str, Price]] = {}
    for region, name, usd, address, day in dated:
        where = f"{origin}, {region}, {name}"
        _put(table, name, _price(usd, address, day, region, where, latest), where)
    return table


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; raises ValueError for a name that it has twice, of which json would take the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"an object has {repeated[:40]!r} twice")
    return found


def _price(usd: Any, source: str, day: str, region: str, where: str, latest: datetime.date) -> Price:
    try:
        amount = math.nan if isinstance(usd, bool) else float(usd)
    except (TypeError, ValueError, OverflowError):
        amount = math.nan
    if not 0 <= amount < math.inf:
        shown = repr(usd)[:60] if isinstance(usd, str | int | float) else f"of type {type(usd).__name__}"
        raise InvalidInput(f"{where}: the price {shown} is not a number of US dollars, 0 or more.")
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError:
        raise InvalidInput(f"{where}: the date {day!r} is not a day such as 2026-11-30, of which the price is.") from None
    if date > latest:
        raise InvalidInput(f"{where}: the date {day} is in the future; give the day of which the price is.")
    if not _REGION.fullmatch(region):
        raise InvalidInput(f"{where}: {region!r} is not the name of a region, such as eu-west-1.")
    if not source:
        raise InvalidInput(f"{where}: the price has no source; name the contract, the plan or the page that it is from.")
    return Price(amount, source, date, region)


def _put(table: dict[str, dict[str, Price]], name: str, price: Price, where: str) -> None:
    if not (INSTANCE_TYPE.fullmatch(name) if is_instance(name) else name in ITEMS):
        raise InvalidInput(f"{where}: {name!r} is neither an instance type such as ml.m5.large nor one of {', '.join(ITEMS)}.")
    prices = table.setdefault(price.region, {})
    if name in prices:
        raise InvalidInput(f"{where}: {name} has a price in {price.region} already; keep one of them.")
    prices[name] = price

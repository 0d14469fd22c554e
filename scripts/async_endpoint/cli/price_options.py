"""The options of commands that compute costs, and the prices that they choose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from async_endpoint.core.errors import InvalidInput
from async_endpoint.input_files import printable, read_input

if TYPE_CHECKING:
    from async_endpoint.capacity.prices import PriceList

MAX_PRICES_BYTES: Final = 10_000_000

PricesFile = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        metavar="FILE",
        help="Prices of your own, which come first: CSV (name,region,usd,date,source), or what `prices refresh` wrote.",
    ),
]
PricesOf = Annotated[
    str | None,
    typer.Option("--prices-of", metavar="REGION", help="Use this region's price where the endpoint's own region has none."),
]


def price_lists(file: Path | None = None, of: str | None = None, *, today: date | None = None) -> Callable[[str], PriceList]:
    """The prices of a region by its name, with the file before the package's table. Raises InvalidInput."""
    from async_endpoint.capacity.price_overrides import parse_overrides  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.capacity.prices import PriceList, listed_regions  # noqa: PLC0415

    day = today or datetime.now(UTC).date()
    own = {}
    if file is not None:
        try:
            text = read_input(file, MAX_PRICES_BYTES).decode("utf-8-sig")
            own = dict(parse_overrides(text, printable(file), today=day))
        except UnicodeDecodeError:
            raise InvalidInput(f"{printable(file)} is not UTF-8 text; save the prices as CSV or JSON in UTF-8.") from None
    if of is not None and of not in own and of not in listed_regions():
        raise InvalidInput(
            f"There are no prices of {of}; --prices-of takes one of {', '.join(sorted({*own, *listed_regions()}))}."
        )
    return lambda region: PriceList.load(region, own, today=day, fallback=of)

"""`async-endpoint prices`: the prices that costs are computed with, where they come from, and newer ones from AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from async_endpoint.cli.arguments import Json
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.price_options import PricesFile, price_lists
from async_endpoint.core.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from async_endpoint.capacity.prices import Price, PriceList

Region = Annotated[str | None, typer.Option("--region", metavar="REGION", help="Only this region's.")]
RefreshedRegion = Annotated[str, typer.Option("--region", metavar="REGION", help="The region whose prices are read.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write them to FILE, for --prices of other commands.")]
IntoTable = Annotated[
    bool, typer.Option("--table", help="Renew the table of this checkout: the types that it has, and what is not instances.")
]


def register(app: typer.Typer) -> None:
    """Add the group of commands."""
    group = typer.Typer(name="prices", no_args_is_help=True, help="Show the prices that costs use, or read AWS's.")
    group.command("show")(show)
    group.command("refresh")(refresh)
    app.add_typer(group)


def show(region: Region = None, file: PricesFile = None, as_json: Json = False) -> None:
    """Show prices with the source and date of each; those over a year old are marked."""
    prices_of = price_lists(file)
    listed = prices_of(region or "")
    regions = [region] if region else sorted({*listed.listed, *listed.own})
    rows = [(name, price) for one in regions for name, price in _known(prices_of(one))]
    if not rows:
        raise InvalidInput(
            f"No price of {region} is known; run `prices refresh --region {region}`, or give a file with --prices."
        )
    if as_json:
        print_json([_document(name, price, listed) for name, price in rows])
        return
    for one in regions:
        for line in _lines(one, [row for row in rows if row[1].region == one], listed):
            console.print(line)


def refresh(region: RefreshedRegion, out: Out = None, into_table: IntoTable = False) -> None:
    """Read AWS's public price list files of a region, without an account, and write what they have."""
    from async_endpoint.capacity.price_files import as_document, merged, written  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.price_lists import refresh as read  # noqa: PLC0415

    if (out is None) is not into_table:
        raise UsageError("Give either --out FILE, for --prices of other commands, or --table.")
    target = out or _table_of_checkout()
    found = read(region, on_progress=print_progress)
    document = as_document(region, found.offers)
    if into_table:
        import json  # noqa: PLC0415

        document = merged(json.loads(target.read_text(encoding="utf-8")), document)
    try:
        target.write_text(written(document), encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{target} cannot be written ({error.strerror}); give a file in an existing folder.") from error
    for problem in found.problems:
        console.print(f"not found: {problem}")
    if found.real_time_only:
        count = len(found.real_time_only)
        console.print(f"{count} instance types are listed for real-time endpoints alone, and taken at that price (A295).")
    console.print(f"{target} has {len(document['regions'][region])} prices of {region}.")


def _table_of_checkout() -> Path:
    from async_endpoint.workspace import Workspace  # noqa: PLC0415 - loaded when it is needed

    table = Workspace.find().root / "scripts" / "async_endpoint" / "capacity" / "prices.json"
    if not table.is_file():
        raise UsageError("There is no table of prices in this checkout; use --out FILE.")
    return table


def _known(prices: PriceList) -> Iterable[tuple[str, Price]]:
    names = {*prices.listed.get(prices.region, {}), *prices.own.get(prices.region, {})}
    return [(name, price) for name in sorted(names) if (price := prices.find(name))]


def _document(name: str, price: Price, prices: PriceList) -> dict[str, Any]:
    from async_endpoint.capacity.price_items import unit_of  # noqa: PLC0415 - loaded when it is needed

    old = price.older_than_a_year(prices.today)
    return {"name": name, "unit": unit_of(name), "older_than_a_year": old, **vars(price)}


def _lines(region: str, rows: list[tuple[str, Price]], prices: PriceList) -> Iterator[str]:
    """A price a line with the number of its source, and the sources below."""
    from async_endpoint.capacity.price_items import unit_of  # noqa: PLC0415 - loaded when it is needed

    sources = list(dict.fromkeys(price.source for _, price in rows))
    yield f"{region}: US dollars, before free tiers, Savings Plans and tax"
    for name, price in rows:
        day = f"{price.date}, over a year old" if price.older_than_a_year(prices.today) else str(price.date)
        usd = f"{price.usd:.10f}".rstrip("0").rstrip(".")
        yield f"  {name:<22} {usd:>13} {unit_of(name):<18} {day}  [{sources.index(price.source) + 1}]"
    yield from (f"  [{number}] {source}" for number, source in enumerate(sources, 1))

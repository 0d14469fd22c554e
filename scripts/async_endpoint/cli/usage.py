"""`async-endpoint usage`: what an endpoint cost and how long requests waited, and what other settings would have done."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from async_endpoint.cli import sizing_options as options
from async_endpoint.cli.arguments import Endpoint, Json, Local
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.price_options import PricesFile, PricesOf, price_lists

if TYPE_CHECKING:
    from async_endpoint.sizing.comparison import Comparison
    from async_endpoint.sizing.usage import MeasuredUsage

Days = Annotated[float, typer.Option("--days", metavar="N", min=0.05, max=63, help="The last N days; over 15 by 5 minutes.")]
Simulated = Annotated[
    bool, typer.Option("--simulate/--no-simulate", help="Whether settings are simulated on the same arrivals.")
]


def register(app: typer.Typer) -> None:
    """Add the command `usage` to `app`."""
    app.command("usage")(usage)


def usage(
    address: Endpoint,
    days: Days = 14,
    simulate: Simulated = True,
    service_time: options.ServiceTime = None,
    start_time: options.StartTime = None,
    profile: options.ProfileFile = None,
    seed: options.Seed = 0,
    prices: PricesFile = None,
    prices_of: PricesOf = None,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Show cost, waits and instance hours of the last days, with the source of each figure; and simulate the same arrivals."""
    from async_endpoint.sizing.comparison import compared  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.sizing.profile_files import read_profile  # noqa: PLC0415
    from async_endpoint.sizing.usage import measured_usage, window  # noqa: PLC0415
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415

    measured_profile, costs = read_profile(profile), price_lists(prices, prices_of)
    outputs, access = read_endpoint(address, local=local)
    session = access.session(outputs.region)
    measured = measured_usage(session, outputs, costs(outputs.region), days, time.time())
    found = None
    if simulate:
        print_progress("simulating the current settings, and searching better ones")
        found = compared(
            session,
            outputs,
            measured,
            costs(outputs.region),
            service_time=service_time,
            start_time=start_time,
            profile=measured_profile,
            seed=seed,
        )
    if as_json:
        document: dict[str, Any] = {
            "endpoint": outputs.endpoint.name,
            "window": window(measured.history),
            "figures": {name: figure.as_dict() for name, figure in measured.figures.items()},
            "warnings": list(measured.warnings),
            "simulated": None if found is None else dataclasses.asdict(found),
        }
        print_json(document)
        return
    for part in shown(outputs.endpoint.name, measured, found):
        console.print(part)


def shown(endpoint: str, measured: MeasuredUsage, found: Comparison | None) -> list[Table | Text]:
    """Usage for people: figures with their sources, then what settings would have done."""
    from async_endpoint.sizing.metric_history import window_text  # noqa: PLC0415

    figures = Table(Column("", no_wrap=True), Column(justify="right", no_wrap=True), "from")
    for figure in measured.figures.values():
        value = "-" if figure.value is None else f"{figure.value:,.2f}".removesuffix(".00")
        figures.add_row(figure.name, f"{value} {figure.unit}", Text(f"{figure.source}: {figure.uncertainty}"))
    parts: list[Table | Text] = [Text(f"{endpoint}, {window_text(measured.history)}", "bold"), figures]
    parts += [Text(warning, "yellow") for warning in measured.warnings]
    if found is None:
        return parts
    table = Table(
        "on the same arrivals, simulated",
        *(Column(name, justify="right") for name in ("instances, US dollars", "wait p95, s", "expired")),
    )
    for row in found.rows:
        usd = "-" if row.usd is None else f"{row.usd:,.2f}"
        table.add_row(Text(row.label), usd, "for ever" if row.p95_wait is None else f"{row.p95_wait:,.0f}", f"{row.expired:,}")
    return [*parts, *([table] if found.rows else []), *(Text(note, "dim") for note in found.notes)]

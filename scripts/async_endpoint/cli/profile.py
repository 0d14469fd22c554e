"""`async-endpoint profile`: what a simulation needs to know of a model, measured on its live endpoint."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from async_endpoint.cli.arguments import Endpoint, Json, Local
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.deploy import Yes, confirmed
from async_endpoint.cli.price_options import PricesFile, PricesOf, price_lists
from async_endpoint.core.errors import Refused, UsageError
from async_endpoint.core.text import joined

if TYPE_CHECKING:
    from async_endpoint.capacity.profile import Profile

Inputs = Annotated[list[Path], typer.Argument(metavar="INPUTS…", help="Files with typical requests, sent in turn.")]
Out = Annotated[Path, typer.Option("--out", metavar="FILE", help="The file that `simulate --profile` reads.")]
Requests = Annotated[int, typer.Option("--requests", metavar="N", min=1, max=1_000, help="At each concurrency.")]
WhileServing = Annotated[bool, typer.Option("--while-serving", help="Measure although requests of others are there.")]


def register(app: typer.Typer) -> None:
    """Add the command `profile` to `app`."""
    app.command("profile")(profile)


def profile(
    address: Endpoint,
    inputs: Inputs,
    out: Out,
    requests: Requests = 10,
    while_serving: WhileServing = False,
    yes: Yes = False,
    prices: PricesFile = None,
    prices_of: PricesOf = None,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Measure start time, service time by concurrency, and memory, with INPUTS; one instance runs meanwhile."""
    from async_endpoint.input_files import checked_status, printable  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.sizing.profile_files import write_profile  # noqa: PLC0415
    from async_endpoint.sizing.profiler import Profiler, profile_plan  # noqa: PLC0415
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415

    for path in (*inputs, *([out] if out.exists() else [])):
        checked_status(path)  # before anything is started
    if not out.resolve().parent.is_dir():
        raise UsageError(f"{printable(out)} is in no folder that exists; create it, or give another file.")
    costs = price_lists(prices, prices_of)
    outputs, access = read_endpoint(address, local=local)
    profiler = Profiler(access.session(outputs.region), outputs, print_progress)
    profiler.require_idle(while_serving=while_serving)
    details = outputs.endpoint
    plan = profile_plan(details.max_concurrent_invocations_per_instance, requests, profiler.instances())
    listed = costs(outputs.region)
    price = listed.instance(details.instance_type)
    cost = "at a price that is not known" if price is None else f"some {price.usd * plan.minutes / 60:.2f} US dollars"
    warnings = "".join(f" {warning}" for warning in listed.warnings([details.instance_type]))
    levels = joined([str(level) for level in plan.levels])
    console.print(
        f"{details.name}: {plan.requests} or more requests at each of {levels} at once; beside their time, one "
        f"{details.instance_type} runs for about {plan.minutes} minutes ({cost}), and scales in afterwards as policies "
        f"say.{warnings}"
    )
    if (command := profiler.restoring_command()) is not None:
        console.print(f"Its bounds are 1 to 1 meanwhile. If this command is killed: {command}", soft_wrap=True)
    if access.endpoint_url is None and not yes and not confirmed("Measure it? Type yes:"):
        raise Refused(f"Nothing was measured, and nothing was changed of {details.name}.")
    measured = profiler.run(inputs, plan)
    write_profile(out, measured)
    if access.endpoint_url is not None:
        print_progress("measured on a local AWS: models run in this machine's time, and starts are those of this machine")
    if as_json:
        print_json({"file": str(out), "slowdown": measured.slowdown()} | measured.as_dict())
        return
    console.print(shown(measured))
    console.print(Text(f"written to {printable(out)}; use it with: async-endpoint simulate {address} ARRIVALS --profile {out}"))


def shown(measured: Profile) -> Table:
    """A profile for people."""
    memory = "not published" if measured.memory_percent is None else f"{measured.memory_percent:.1f} %"
    starts = "not measured" if not measured.start_seconds else f"{median(measured.start_seconds):,.0f} s"
    table = Table(
        Column("at once", justify="right"),
        Column("median s", justify="right"),
        Column("longest s", justify="right"),
        Column("slowdown", justify="right"),
        title=f"{measured.instance_type}: start {starts}, memory {memory}",
    )
    slowdown = measured.slowdown()
    for level, times in measured.service_seconds.items():
        table.add_row(str(level), f"{median(times):,.3f}", f"{max(times):,.3f}", f"{slowdown[level]:.2f}")
    return table

"""`async-endpoint watch`: an endpoint's backlog, instances, results and scaling."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from async_endpoint.cli.arguments import Endpoint, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.operations.watch import Watch, WatchSnapshot


def register(app: typer.Typer) -> None:
    """Add the command `watch` to `app`."""
    app.command("watch")(watch)


def watch(
    address: Endpoint,
    once: Annotated[bool, typer.Option("--once", help="Show one snapshot and exit.")] = False,
    interval: Annotated[float, typer.Option("--interval", metavar="SECONDS", min=0.2, help="Between two snapshots.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one snapshot as a JSON document on standard output.")] = False,
    local: Local = False,
) -> None:
    """Show backlog, oldest request, instances, newest results and scaling, until Ctrl-C."""
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    outputs, access = read_endpoint(address, local=local)
    watcher = Watch(access.session(outputs.region), outputs)
    if as_json:
        print_json(watcher.snapshot().as_dict())
        return

    def screen() -> Group:
        return shown(watcher.snapshot(), on_local_aws=access.endpoint_url is not None)

    if once:
        console.print(screen())
        return
    try:
        with Live(screen(), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                live.update(screen(), refresh=True)
    except KeyboardInterrupt:  # the way to end watching
        console.print("stopped")


def shown(view: WatchSnapshot, *, on_local_aws: bool = False) -> Group:
    """A snapshot for people, 80 columns wide at least. A local AWS has two clocks, so each time says which one it is of."""
    wall_time, aws_time = (", in wall time", ", in AWS time") if on_local_aws else ("", "")
    state = Text.assemble((view.endpoint, "bold"), f"  {view.status}  configuration {view.config}")
    if view.failure_reason:
        state.append(f"  {view.failure_reason}", "red")
    figures = Table("instances", "backlog", "oldest request", "processed in 10 min", "failed", "expired")
    figures.add_row(
        f"{view.instances} of {view.desired_instances}",
        _number(view.backlog),
        "-" if view.oldest_seconds is None else f"{view.oldest_seconds:,.0f} s",
        *(_number(count) for count in (view.processed, view.failed, view.expired)),
    )
    measured = f"measured {_time(view.measured)}{aws_time}" if view.measured else "measured: no datapoint yet"
    some = "" if view.all_keys else f" of the first {view.keys_seen:,} by name"
    results = Table(Column("written", no_wrap=True), Column(no_wrap=True), Column("bytes", no_wrap=True), "object")
    for result in view.results:
        colour = "green" if result.kind == "output" else "red"
        results.add_row(_time(result.time), Text(result.kind, colour), f"{result.bytes:,}", Text(result.uri, overflow="fold"))
    scaling = Table(Column("begun", no_wrap=True), Column(no_wrap=True), "what", "why")
    for activity in view.activities:
        scaling.add_row(_time(activity.time), activity.status, Text(activity.description), Text(activity.cause))
    hidden = [Text(f"not shown: {reason}", "yellow") for reason in view.hidden]
    suspension = [Text(view.suspension, "red")] if view.suspension else []
    parts = (figures, measured, f"newest results{some}{wall_time}", results, f"scaling{aws_time}", scaling)
    return Group(state, *suspension, *parts, *hidden)


def _time(text: str) -> str:
    """A time of a snapshot, shorter."""
    return text.replace("+00:00", "Z")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"

"""`async-endpoint simulate`: how long requests would wait, and what that would cost, without sending any."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from async_endpoint.cli import sizing_options as options
from async_endpoint.cli.arguments import Endpoint, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.cli.price_options import PricesFile, PricesOf, price_lists
from async_endpoint.core.text import joined

if TYPE_CHECKING:
    from async_endpoint.capacity.report import SimulationReport

SHOWN_ACTIVITIES = 12
Timeline = Annotated[bool, typer.Option("--timeline", help="Show every scaling activity; with --json, every minute too.")]
NoBacklogAtZero = Annotated[
    bool,
    typer.Option("--no-backlog-at-zero", help="No backlog per instance is published while none serves, contrary to A171."),
]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE.svg", help="Draw backlog and instances; extra [plots].")]


def register(app: typer.Typer) -> None:
    """Add the command `simulate` to `app`."""
    app.command("simulate")(simulate)


def simulate(
    address: Endpoint,
    arrivals: options.Arrivals,
    service_time: options.ServiceTime = None,
    start_time: options.StartTime = None,
    profile: options.ProfileFile = None,
    stretch: options.Stretch = None,
    duration: options.Duration = None,
    instance_type: options.InstanceType = None,
    max_concurrent_invocations: options.Concurrency = None,
    min_instances: options.MinInstances = None,
    max_instances: options.MaxInstances = None,
    initial_instances: options.InitialInstances = None,
    target_backlog_per_instance: options.TargetBacklog = None,
    scale_in_cooldown: options.ScaleInCooldown = None,
    scale_out_cooldown: options.ScaleOutCooldown = None,
    wake_cooldown: options.WakeCooldown = None,
    request_ttl: options.RequestTtl = None,
    metric_delay: options.MetricDelay = 0,
    no_backlog_at_zero: NoBacklogAtZero = False,
    seed: options.Seed = 0,
    prices: PricesFile = None,
    prices_of: PricesOf = None,
    timeline: Timeline = False,
    plot: Plot = None,
    as_json: Json = False,
    region: options.Region = None,
    local: Local = False,
) -> None:
    """Simulate ARRIVALS on an endpoint with its settings, or others; nothing is sent or changed."""
    from async_endpoint.capacity.overrides import Overrides, overridden_in_steady_state  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.capacity.report import simulation_report  # noqa: PLC0415
    from async_endpoint.capacity.simulation import Publication  # noqa: PLC0415
    from async_endpoint.capacity.simulation import simulate as run  # noqa: PLC0415
    from async_endpoint.cli.plot_files import check_plot, write_plot  # noqa: PLC0415
    from async_endpoint.cli.sizing_inputs import sizing_inputs  # noqa: PLC0415

    if plot is not None:
        check_plot(plot)
    overrides = Overrides(
        instance_type=instance_type,
        max_concurrent_invocations=max_concurrent_invocations,
        min_instances=min_instances,
        max_instances=max_instances,
        initial_instances=initial_instances,
        target_backlog_per_instance=target_backlog_per_instance,
        scale_in_cooldown_seconds=scale_in_cooldown,
        scale_out_cooldown_seconds=scale_out_cooldown,
        wake_cooldown_seconds=wake_cooldown,
        request_ttl_seconds=request_ttl,
    )
    costs = price_lists(prices, prices_of)
    inputs = sizing_inputs(
        address,
        arrivals,
        service_time=service_time,
        start_time=start_time,
        profile=profile,
        stretch=stretch,
        duration=duration,
        seed=seed,
        local=local,
        region=region,
    )
    settings = overridden_in_steady_state(inputs.subject.settings, overrides, inputs.workload.start)
    outcome = run(
        settings,
        inputs.workload,
        starts=inputs.starts,
        seed=seed,
        slowdown=inputs.slowdown,
        timeline=timeline or plot is not None,
        publication=Publication(metric_delay, per_instance_at_zero=not no_backlog_at_zero),
    )
    changed, scheduled = overrides.as_text(), overrides.scheduled(inputs.subject.settings)
    notes = (
        *inputs.notes,
        "It begins after a long idle time: the minimum of instances, within the bounds of the last scheduled action.",
        *((f"Instead of the endpoint's settings: {changed}.",) if changed else ()),
        *((f"The bounds given replace those of scheduled actions too: {joined(scheduled)}.",) if scheduled else ()),
    )
    report = simulation_report(settings, inputs.workload, outcome, costs(inputs.subject.region), notes)
    if plot is not None:
        from async_endpoint.plots import timeline_svg  # noqa: PLC0415

        write_plot(plot, timeline_svg(outcome))
    if as_json:
        print_json(report.as_dict())
        return
    for part in shown(report, every_activity=timeline):
        console.print(part)


def shown(report: SimulationReport, *, every_activity: bool = False) -> Iterator[Table | Text]:
    """A report for people."""
    outcome, workload = report.outcome, report.workload
    kind = " (an estimate)" if workload.estimated else ""
    yield Text(f"{len(workload):,} requests in {_span(workload.seconds)}{kind}: {workload.source}")
    table = Table(Column("seconds"), *(Column(_percent(percent), justify="right") for percent in report.waits))
    table.add_row("wait", *_seconds(report.waits))
    table.add_row("latency", *_seconds(report.latencies))
    yield table
    lost = f"{outcome.expired:,} expired, {outcome.failed:,} failed"
    yield Text(f"{lost}, {outcome.late:,} without an outcome at the end of the window, which were waited for")
    share = outcome.instance_seconds / workload.seconds
    yield Text(
        f"{outcome.instance_hours:,.2f} instance hours of {report.settings.instance_type} ({share:.2f} instances on average), "
        f"{outcome.launches:,} launches, {len(outcome.activities):,} scaling activities"
    )
    yield from _cost(report)
    if outcome.activities:
        yield _activities(report, every=every_activity)
    for note in report.notes:
        yield Text(note, "dim")


def _cost(report: SimulationReport) -> Iterator[Text]:
    month = report.monthly_usd
    parts = ", ".join(f"{name} {usd:,.2f}" for name, usd in report.bill.by_component().items() if usd >= 0.005)
    more = "without what has no price" if month is None else f"{month:,.2f} for a month of 730 hours like it"
    yield Text(f"US dollars: {report.bill.usd:,.2f} in this time ({parts or 'less than a cent each'}), {more}", "bold")
    for warning in report.bill.warnings:
        yield Text(warning, "yellow")


def _activities(report: SimulationReport, *, every: bool) -> Table:
    found = report.outcome.activities
    some = found if every else found[:SHOWN_ACTIVITIES]
    title = (
        None if len(some) == len(found) else f"the first {len(some)} of {len(found):,} scaling activities; --timeline has all"
    )
    table = Table(Column("begun", no_wrap=True), Column("instances", justify="right"), "why", title=title)
    for one in some:
        moment = f"{datetime.fromtimestamp(one.time, UTC):%Y-%m-%d %H:%M:%S}"
        table.add_row(moment, f"{one.before} → {one.after}" if one.before != one.after else str(one.after), Text(one.cause))
    return table


def _percent(percent: int) -> str:
    return "longest" if percent == 100 else f"p{percent}"


def _seconds(values: Mapping[int, float]) -> list[str]:
    return [f"{value:,.1f}" if math.isfinite(value) else "for ever" for value in values.values()]


def _span(seconds: float) -> str:
    days = seconds / 86_400
    return f"{days:,.1f} days" if days >= 2 else f"{seconds / 3_600:,.1f} hours"

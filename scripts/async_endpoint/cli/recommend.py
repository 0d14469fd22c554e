"""`async-endpoint recommend`: the settings of module async-inference that serve given arrivals best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from async_endpoint.cli import sizing_options as options
from async_endpoint.cli.arguments import Endpoint, Json, Local
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.price_options import PricesFile, PricesOf, price_lists
from async_endpoint.core.errors import UsageError

if TYPE_CHECKING:
    from async_endpoint.capacity.recommendation import Recommendation
    from async_endpoint.capacity.recommendation.alternatives import Alternative
    from async_endpoint.capacity.recommendation.evaluation import Point
    from async_endpoint.capacity.workload import Workload

SERVERLESS_ITEM = "serverless_gb_seconds"
SHORT_SECONDS = 86_400
Wait = Annotated[
    float | None,
    typer.Option(
        "--p95", "--wait", metavar="SECONDS", min=0, help="Longest wait from arrival to the start of service, least cost."
    ),
]
Budget = Annotated[
    float | None, typer.Option("--budget", metavar="USD", min=0, help="Instead of --p95: least wait for this much a month.")
]
Percentile = Annotated[
    float, typer.Option("--percentile", metavar="PERCENT", help="Of the waits that --p95 or --budget are about, instead of 95.")
]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--instance-type",
        metavar="ml.TYPE=FACTOR|FILE",
        help="Another type to choose: FACTOR times the service times of the endpoint's, or its own profile. Repeatable.",
    ),
]
SlowdownOption = Annotated[
    str | None,
    typer.Option(
        "--slowdown",
        metavar="N=FACTOR,…",
        help="Service times with N requests at a time, relative to one: 2=1.3,4=2. Without it and --profile, N stays.",
    ),
]
Timezone = Annotated[
    str | None,
    typer.Option("--timezone", metavar="NAME", help="Of office hours in schedules, such as Europe/Berlin; else UTC."),
]
Schedules = Annotated[
    bool, typer.Option("--schedules/--no-schedules", help="Whether schedules for office hours may be recommended.")
]
MostInstances = Annotated[
    int | None,
    typer.Option(
        "--most-instances",
        metavar="N",
        min=1,
        max=64,
        help="Largest max_instances to recommend; your quota. Default: 8, or today's if that is more.",
    ),
]
Memory = Annotated[
    int, typer.Option("--serverless-memory", metavar="GB", min=1, max=64, help="What the model needs on a serverless endpoint.")
]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE.svg", help="Draw cost against wait; extra [plots].")]


def register(app: typer.Typer) -> None:
    """Add the command `recommend` to `app`."""
    app.command("recommend")(recommend)


def recommend(
    address: Endpoint,
    trace: options.Trace = None,
    p95: Wait = None,
    budget: Budget = None,
    percentile: Percentile = 95,
    service_time: options.ServiceTime = None,
    start_time: options.StartTime = None,
    profile: options.ProfileFile = None,
    slowdown: SlowdownOption = None,
    instance_type: Types = None,
    stretch: options.Stretch = None,
    duration: options.Duration = None,
    timezone: Timezone = None,
    schedules: Schedules = True,
    most_instances: MostInstances = None,
    serverless_memory: Memory = 6,
    metric_delay: options.MetricDelay = 0,
    seed: options.Seed = 0,
    prices: PricesFile = None,
    prices_of: PricesOf = None,
    plot: Plot = None,
    as_json: Json = False,
    region: options.Region = None,
    local: Local = False,
) -> None:
    """Recommend settings for the arrivals of --trace, and compare them with others; nothing is sent or changed."""
    from async_endpoint.capacity import recommendation  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.capacity.simulation import Publication  # noqa: PLC0415
    from async_endpoint.cli.plot_files import check_plot  # noqa: PLC0415
    from async_endpoint.cli.sizing_inputs import NO_SLOWDOWN, sizing_inputs  # noqa: PLC0415
    from async_endpoint.sizing.instance_choices import instance_choices  # noqa: PLC0415

    if not trace:
        raise UsageError(
            "Give the arrivals that settings are to be recommended for: --trace FILE.csv, cloudwatch:14, poisson:30/h."
        )
    if plot is not None:
        check_plot(plot)
    objective = recommendation.Objective(wait=p95, budget=budget, percent=percentile)
    costs = price_lists(prices, prices_of)
    inputs = sizing_inputs(
        address,
        trace,
        service_time=service_time,
        start_time=start_time,
        profile=profile,
        stretch=stretch,
        duration=duration,
        seed=seed,
        local=local,
        region=region,
    )
    listed = costs(inputs.subject.region)
    choices = instance_choices(inputs.subject.settings, inputs.starts, inputs.profile, listed, instance_type or (), slowdown)
    serverless = listed.item(SERVERLESS_ITEM)
    today = inputs.subject.settings
    most = recommendation.affordable(inputs.workload, sum(len(option.concurrencies) for option in choices.options))
    print_progress(f"searching: up to {most:,} simulations of {len(inputs.workload):,} requests, and some for comparison")
    result = recommendation.recommend(
        inputs.workload,
        choices.options,
        objective,
        hours=recommendation.office_hours(inputs.workload, timezone) if schedules else (),
        current=today,
        most_instances=most_instances or max(recommendation.MOST_INSTANCES, today.most_instances),
        request_ttl_seconds=today.request_ttl_seconds,
        usd_per_gb_second=None if serverless is None else serverless.usd,
        memory_gb=serverless_memory,
        seed=seed,
        publication=Publication(metric_delay),
    )
    stated = (note for note in inputs.notes if note != NO_SLOWDOWN or slowdown is None)
    notes = (*stated, *choices.notes, *listed.warnings([SERVERLESS_ITEM]), *_window_notes(result, inputs.workload))
    if plot is not None:
        _draw(plot, result)
    if as_json:
        from async_endpoint.capacity.recommendation.report import as_dict  # noqa: PLC0415

        print_json(as_dict(result) | {"notes": list(notes)})
        return
    for part in shown(result, notes):
        console.print(part)


def _window_notes(result: Recommendation, workload: Workload) -> Iterator[str]:
    """What the window of the arrivals does to the figures."""
    from async_endpoint.capacity.arrivals.trace import EPOCH  # noqa: PLC0415 - loaded when it is needed

    if workload.seconds < SHORT_SECONDS:
        yield (
            f"The arrivals span {workload.seconds / 3_600:,.1f} hours: what runs when they end is not paid for to its end, and "
            "requests that are served later are. Give a day or more."
        )
    if EPOCH <= workload.start < EPOCH + 60 and result.best.settings is not None and result.best.settings.schedules:
        yield "Arrivals without dates begin on a Monday at 00:00 UTC, and schedules follow from that: see --no-schedules."


def shown(result: Recommendation, notes: tuple[str, ...]) -> Iterator[Table | Text]:
    """A recommendation for people."""
    objective, percent = result.objective, f"p{result.objective.percent:g}"
    wanted = (
        f"a {percent} wait of at most {objective.wait:,.0f} s"
        if objective.wait is not None
        else f"{objective.budget:,.2f} USD a month"
    )
    if not result.meets:
        yield Text(f"No settings that were tried meet {wanted}; these come nearest.", "yellow")
    if result.stays:
        yield Text("Today's settings come first of all that were tried: keep them.", "bold")
    elif result.current is not None and result.ranks_before(result.current):
        yield Text("Today's settings come before them, but allow more instances than are to be recommended.", "yellow")
    yield _compared(result, percent)
    if objective.wait is not None:
        yield Text(f"No schedule with {wanted} costs less than {result.bound:,.2f} USD a month, even if it knew every arrival.")
    else:
        yield Text(
            f"No schedule for {wanted} has a shorter {percent} wait than {result.bound:,.0f} s, even if it knew every arrival."
        )
    yield _front(result, percent)
    if result.best.settings is not None:
        from async_endpoint.capacity.recommendation.block import hcl_block  # noqa: PLC0415 - loaded when it is needed

        yield Text("For main.tf:", "bold")
        yield Text(hcl_block(result.best.settings))
    yield Text(
        f"US dollars of instances for a month of 730 hours like this workload; {result.simulations:,} simulations, in a grid "
        f"of {result.grid_size:,} settings.",
        "dim",
    )
    for note in notes:
        yield Text(note, "dim")


def _compared(result: Recommendation, percent: str) -> Table:
    table = Table("", Column("USD a month", justify="right"), Column(f"{percent} wait, s", justify="right"), "")
    table.add_row(Text("recommended", "bold"), *_figures(result.best.usd, result.best.wait), _described(result.best))
    if result.current is not None:
        table.add_row("today's settings", *_figures(result.current.usd, result.current.wait), _expired(result.current))
    table.add_row("AWS's guide's scaling", *_figures(result.guide.usd, result.guide.wait), _described(result.guide))
    for name, found in (("real-time, always on", result.always_on), ("serverless", result.serverless)):
        table.add_row(name, *_figures(found.usd, found.wait), _obstacles(found))
    return table


def _front(result: Recommendation, percent: str) -> Table:
    title = "cheapest settings for each wait, of those that were simulated"
    table = Table(
        Column("USD a month", justify="right"), Column(f"{percent} wait, s", justify="right"), "settings", title=title
    )
    for point in result.front:
        table.add_row(*_figures(point.usd, point.wait), _described(point), style="bold" if point == result.best else None)
    return table


def _described(point: Point) -> str:
    one = point.settings
    if one is None:
        return f"{point.label}{_expired(point, ', ')}"
    cooldowns = f"{one.scale_in_cooldown_seconds}/{one.scale_out_cooldown_seconds}/{one.wake_cooldown_seconds}"
    hours = "".join(f", {action.name} {action.schedule}: {action.minimum} at least" for action in one.schedules)
    return (
        f"{one.instance_type} with {one.max_concurrent_invocations} at a time, {one.min_instances} to {one.max_instances}, "
        f"target {one.target_backlog_per_instance:g}, cooldowns in/out/wake {cooldowns}{hours}{_expired(point, ', ')}"
    )


def _expired(point: Point, before: str = "") -> str:
    return f"{before}{point.expired:,} requests expire" if point.expired else ""


def _obstacles(found: Alternative) -> str:
    return f"{found.what}; cannot serve this: {'; '.join(found.obstacles)}" if found.obstacles else found.what


def _figures(usd: float | None, wait: float) -> tuple[str, str]:
    return "price unknown" if usd is None else f"{usd:,.2f}", f"{wait:,.1f}" if math.isfinite(wait) else "for ever"


def _draw(path: Path, result: Recommendation) -> None:
    from async_endpoint.cli.plot_files import write_plot  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.plots.front import FrontPoint, front_svg  # noqa: PLC0415

    others = [FrontPoint(result.guide.usd, result.guide.wait, "AWS's guide's scaling")]
    others += [
        FrontPoint(found.usd, found.wait, name)
        for name, found in (("real-time, always on", result.always_on), ("serverless", result.serverless))
        if found.usd is not None and not found.obstacles
    ]
    svg = front_svg(
        [FrontPoint(point.usd, point.wait) for point in result.front],
        [FrontPoint(usd, wait) for wait, usd in result.curve],
        None if result.current is None else FrontPoint(result.current.usd, result.current.wait),
        chosen=FrontPoint(result.best.usd, result.best.wait),
        others=others,
        percentile=result.objective.percent,
        target=result.objective.wait,
    )
    write_plot(path, svg)

"""`async-endpoint cost`: what an environment costs a month, idle and running, and what a stated load costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from async_endpoint.cli.arguments import Endpoints, Json, Local
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.plot_files import check_plot, write_plot
from async_endpoint.cli.price_options import PricesFile, PricesOf, price_lists
from async_endpoint.core.errors import UsageError

if TYPE_CHECKING:
    from async_endpoint.capacity.bill import Bill
    from async_endpoint.capacity.load import LoadCost
    from async_endpoint.capacity.prices import PriceList
    from async_endpoint.core.addresses import Address
    from async_endpoint.deploy.costs import EndpointCosts, EnvironmentCosts
    from async_endpoint.deploy.summary.costs import MonthlyBills

Requests = Annotated[
    float | None, typer.Option("--requests", metavar="N", min=1, help="A load of N requests a month, at random moments.")
]
ServiceTime = Annotated[
    str | None,
    typer.Option(
        "--service-time", metavar="DIST", help="Seconds of a request: 12, lognormal:MEAN,P95, uniform:A,B, sample:A,B."
    ),
]
StartTime = Annotated[
    str | None, typer.Option("--start-time", metavar="DIST", help="Seconds until a new instance serves, in the same form.")
]
InputBytes = Annotated[float, typer.Option("--input-bytes", metavar="N", min=0, help="Of one request.")]
OutputBytes = Annotated[float, typer.Option("--output-bytes", metavar="N", min=0, help="Of one result.")]
KeptDays = Annotated[
    float,
    typer.Option("--kept-days", metavar="DAYS", min=0, help="That S3 keeps inputs and results; the modules' default."),
]
LogBytes = Annotated[float, typer.Option("--log-bytes", metavar="N", min=0, help="That the container logs for one request.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Of what is drawn at random; the same seed, the same result.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE.svg", help="Write a chart of the costs by component.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(cost)


def cost(
    address: Endpoints,
    requests: Requests = None,
    service_time: ServiceTime = None,
    start_time: StartTime = None,
    input_bytes: InputBytes = 0,
    output_bytes: OutputBytes = 0,
    kept_days: KeptDays = 37,
    log_bytes: LogBytes = 0,
    seed: Seed = 0,
    prices: PricesFile = None,
    prices_of: PricesOf = None,
    plot: Plot = None,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Show what an environment costs a month: with no, the fewest and the most instances, and for a stated load."""
    from async_endpoint.core.addresses import Address  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.deploy.costs import addressed, costs_in_plan  # noqa: PLC0415
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415

    if plot is not None:
        check_plot(plot)
    sizes = {"input_bytes": input_bytes, "output_bytes": output_bytes, "kept_days": kept_days, "log_bytes": log_bytes}
    load = None if requests is None else _load(requests, service_time, start_time, sizes)
    lists, parsed = price_lists(prices, prices_of), Address.parse(address)
    deployment = Deployment.prepare(parsed.environment, local=local, plans=True, on_output=lambda line: None)
    print_progress(f"planning envs/{parsed.environment}; nothing is changed")
    with deployment.planned(read=True, lock=False) as saved:
        document = saved.document
    region = next((one.region for one in deployment.known_endpoints().values()), "")
    costs = costs_in_plan(document, lists, region)
    chosen = addressed(costs, parsed)
    loaded = None if load is None else load(document, parsed, chosen, lists(costs.region), seed)
    if plot is not None:
        write_plot(plot, _chart(chosen, loaded))
    if as_json:
        print_json(_document(costs, chosen, loaded))
        return
    for line in _lines(costs, chosen, loaded, whole=parsed.endpoint is None):
        console.print(line)


Loaded = Callable[[Mapping[str, Any], "Address", Mapping[str, "EndpointCosts"], "PriceList", int], "LoadCost"]


def _load(requests: float, service_time: str | None, start_time: str | None, sizes: Mapping[str, float]) -> Loaded:
    """What computes the cost of a load; its options are checked before Terraform starts. Raises UsageError and InvalidInput."""
    from async_endpoint.capacity.distributions import parse_distribution  # noqa: PLC0415 - loaded when it is needed
    from async_endpoint.capacity.load import Load, load_cost, monday_after, simulate_load  # noqa: PLC0415
    from async_endpoint.deploy.planned_settings import settings_in_plan  # noqa: PLC0415

    if service_time is None or start_time is None:
        raise UsageError("--requests needs --service-time and --start-time too: instances run while requests are served.")
    load = Load(requests, **sizes)
    service, starts = parse_distribution(service_time), parse_distribution(start_time)

    def compute(
        document: Mapping[str, Any], address: Address, chosen: Mapping[str, EndpointCosts], prices: PriceList, seed: int
    ) -> LoadCost:
        settings = settings_in_plan(document, address).settings
        [endpoint] = chosen.values()
        start = monday_after(prices.today)
        simulated = simulate_load(settings, load, service=service, starts=starts, start=start, seed=seed)
        return load_cost(load, simulated, endpoint.idle, prices)

    return compute


def _sides(bills: MonthlyBills) -> dict[str, Bill]:
    return {"no instance": bills.at_zero, "the minimum": bills.at_minimum, "the maximum": bills.at_maximum}


def _chart(chosen: Mapping[str, EndpointCosts], loaded: LoadCost | None) -> str:
    from async_endpoint.plots import costs_svg  # noqa: PLC0415 - an extra

    several = len(chosen) > 1
    bills = {
        f"{name}, {side}" if several else side: one
        for name, endpoint in chosen.items()
        for side, one in _sides(endpoint.bills).items()
    }
    return costs_svg(bills | ({"the load": loaded.bill} if loaded else {}))


def _lines(
    costs: EnvironmentCosts, chosen: Mapping[str, EndpointCosts], loaded: LoadCost | None, *, whole: bool
) -> Iterator[str]:
    for name, endpoint in chosen.items():
        fleets = ", ".join(f"{one.fewest} to {one.most} {one.instance_type}" for one in endpoint.fleets)
        yield f"{name}: {fleets or 'no instances'}; US dollars a month"
        yield from _table(_sides(endpoint.bills))
    if whole:
        yield "environment: all together; US dollars a month"
        yield from _table(_sides(costs.total))
    if loaded:
        yield from _load_lines(loaded)
    yield f"List prices of {costs.dates}, without free tiers, Savings Plans and tax; approximate, not verified on AWS."
    yield from dict.fromkeys((*costs.warnings, *(loaded.bill.warnings if loaded else ())))


def _load_lines(loaded: LoadCost) -> Iterator[str]:
    outcome = loaded.simulated.outcome
    yield f"load: {loaded.simulated.workload.source}, simulated with the settings of the plan; US dollars"
    yield from _table({"a month": loaded.bill.by_component(), "1,000 requests": loaded.per_thousand}, loaded.bill.unknown)
    hours = sum(loaded.simulated.usage.instance_seconds.values()) / 3_600
    yield (
        f"  {hours:,.1f} instance hours and {loaded.simulated.usage.launches:,} starts a month; waits: half up to "
        f"{outcome.wait(50):,.0f} s, 95 % up to {outcome.wait(95):,.0f} s; {outcome.expired} of {outcome.requests} expired"
    )
    yield from (f"  {note}" for note in loaded.simulated.notes)


def _table(columns: Mapping[str, Bill | Mapping[str, float]], unknown: tuple[str, ...] = ()) -> Iterator[str]:
    """A row for each component and their sum, which is marked where a price is missing."""
    sums = {label: one if isinstance(one, Mapping) else one.by_component() for label, one in columns.items()}
    names = list(dict.fromkeys(name for found in sums.values() for name in found))
    lacking = {label for label, one in columns.items() if (unknown if isinstance(one, Mapping) else one.unknown)}
    yield "  " + f"{'':<16}" + "".join(f"{label:>18}" for label in columns)
    for name in names:
        yield f"  {name:<16}" + "".join(f"{_amount(found.get(name, 0.0)):>18}" for found in sums.values())
    totals = (f"{_amount(sum(found.values()))}{' + unknown' if label in lacking else ''}" for label, found in sums.items())
    yield f"  {'together':<16}" + "".join(f"{text:>18}" for text in totals)


def _amount(usd: float) -> str:
    """With two decimals, or as many as the first two digits need."""
    return f"{usd:,.2f}" if usd == 0 or usd >= 0.01 else f"{usd:.2g}"


def _document(costs: EnvironmentCosts, chosen: Mapping[str, EndpointCosts], loaded: LoadCost | None) -> dict[str, Any]:
    return {
        "region": costs.region,
        "prices": costs.dates,
        "warnings": list(dict.fromkeys((*costs.warnings, *(loaded.bill.warnings if loaded else ())))),
        "endpoints": {
            name: _bills(one.bills) | {"fleets": [vars(fleet) for fleet in one.fleets]} for name, one in chosen.items()
        },
        "environment": _bills(costs.total),
        "load": _loaded(loaded) if loaded else None,
    }


def _bills(bills: MonthlyBills) -> dict[str, Any]:
    return {
        "at_zero": _bill(bills.at_zero),
        "at_minimum": _bill(bills.at_minimum),
        "at_maximum": _bill(bills.at_maximum),
    }


def _bill(bill: Bill) -> dict[str, Any]:
    """A bill as JSON, with the source of each price."""
    lines = [vars(line) | {"price": vars(line.price) if line.price else None} for line in bill.lines]
    return {"usd": bill.complete_usd, "known_usd": bill.usd, "unknown": list(bill.unknown), "lines": lines}


def _loaded(loaded: LoadCost) -> dict[str, Any]:
    outcome = loaded.simulated.outcome
    return {
        "requests": loaded.load.requests,
        "instance_seconds": loaded.simulated.usage.instance_seconds,
        "launches": loaded.simulated.usage.launches,
        "wait_seconds": {f"p{percent}": _finite(outcome.wait(percent)) for percent in (50, 95)},
        "expired": outcome.expired,
        "simulated_requests": outcome.requests,
        "simulated_seconds": loaded.simulated.workload.seconds,
        "notes": list(loaded.simulated.notes),
        "bill": _bill(loaded.bill),
        "usd_per_1000_requests": loaded.per_thousand,
    }


def _finite(seconds: float) -> float | None:
    return seconds if seconds < float("inf") else None

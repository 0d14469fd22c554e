"""Command compare: a real-time endpoint and an asynchronous one over recorded inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from async_endpoint.cli.arguments import Endpoint, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.cli.interrupts import second_interrupt_ends_at_once
from async_endpoint.cli.price_options import PricesFile, PricesOf, price_lists
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.core.errors import AnswersDiffer, UsageError
from async_endpoint.core.markdown import text
from async_endpoint.operations.compare import TOLERANCE
from async_endpoint.operations.comparison import (
    GOOD,
    LISTED,
    PERCENTILES,
    Compared,
    ComparisonReport,
    Options,
    Verdict,
    compare_endpoints,
    files_of,
)
from async_endpoint.operations.running_instances import running_instances

REAL_TIME_READ_SECONDS = 70.0  # for models that take up to 60 s [M InvokeEndpoint]: its own error comes first

if TYPE_CHECKING:
    from async_endpoint.capacity.prices import PriceList

RealTime = Annotated[str, typer.Argument(metavar="REALTIME_ENDPOINT", help="The name of a real-time endpoint in its region.")]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(compare)


def compare(
    real_time: RealTime,
    address: Endpoint,
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUTS...", help="Recorded inputs: files, or folders of files.")],
    content_type: Annotated[str | None, typer.Option("--content-type", help="Default: guessed from each name.")] = None,
    accept: Annotated[str | None, typer.Option("--accept", help="The content type of the responses.")] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", min=0, help="How far numbers in JSON may differ, relative to the larger.")
    ] = TOLERANCE,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="MEMBER", help="A member of JSON objects to leave out; repeatable.")
    ] = None,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=256, help="Inputs at a time.")] = 4,
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="How often each input is sent, for latency.")] = 1,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait for at most this long for each result.")
    ] = None,
    prices: PricesFile = None,
    prices_of: PricesOf = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the report as Markdown on standard output.")] = False,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Send recorded inputs to a real-time endpoint and to an asynchronous one, and compare answers, failures and latency."""
    if markdown and as_json:
        raise UsageError("Both --markdown and --json are given; choose one.")
    files_of(inputs)  # before Terraform is asked, which is slow
    costs = price_lists(prices, prices_of)
    from async_endpoint.aws import AwsSession  # noqa: PLC0415 - slow to load
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    outputs, access = read_endpoint(address, local=local)
    session = AwsSession.create(
        outputs.region,
        access.endpoint_url,
        role_arn=access.role_arn,
        attempts=1,  # a retry would hide a failure
        connections=concurrency,
        read_timeout=REAL_TIME_READ_SECONDS,
    )
    config = ClientConfig(concurrency=concurrency)
    with (
        second_interrupt_ends_at_once("stopped at once"),
        AsyncEndpoint.from_outputs(
            outputs, endpoint_url=access.endpoint_url, role_arn=access.role_arn, config=config
        ) as endpoint,
    ):
        options = Options(content_type, accept, tolerance, frozenset(ignore or ()), concurrency, repeat, timeout)
        report = compare_endpoints(session, real_time, endpoint, inputs, options, on_item=_print_item)
    bills = [
        Running.of(name, running_instances(session, name), costs, outputs.region) for name in (real_time, endpoint.info.name)
    ]
    if as_json:
        print_json(report.as_dict() | {"running": [bill.as_dict() for bill in bills]})
    elif markdown:
        print(report.markdown() + "\n" + "\n".join(f"- {text(bill.sentence)}" for bill in bills))
    else:
        _print(report)
        for bill in bills:
            console.print(bill.sentence, soft_wrap=True)
    if not report.passed:
        wrong = sum(item.verdict not in GOOD for item in report.items)
        raise AnswersDiffer(
            f"{wrong} of {len(report.items)} answers of {report.asynchronous_endpoint} differ from those of {real_time}, or "
            "either is missing; the report names them."
        )


@dataclass(frozen=True)
class Running:
    """What an endpoint costs while it runs as now: US dollars an hour, None where a price is not known."""

    endpoint_name: str
    instances: Mapping[str, int]
    usd_per_hour: float | None
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, name: str, instances: Mapping[str, int], prices: Callable[[str], PriceList], region: str) -> Running:
        """By the list prices of the region."""
        known = prices(region)
        found = {kind: known.instance(kind) for kind in instances}
        hourly = [price.usd * instances[kind] if price else None for kind, price in found.items()]
        total = None if None in hourly else sum(filter(None, hourly))
        return cls(name, instances, total, known.warnings(instances))

    @property
    def sentence(self) -> str:
        running = ", ".join(f"{count} x {kind}" for kind, count in self.instances.items()) or "no instances"
        cost = "an unknown price" if self.usd_per_hour is None else f"{self.usd_per_hour:.3f} US dollars an hour"
        return " ".join([f"{self.endpoint_name} runs {running} now, for {cost}.", *self.warnings])

    def as_dict(self) -> dict[str, Any]:
        return {
            "endpoint_name": self.endpoint_name,
            "instances": dict(self.instances),
            "usd_per_hour": self.usd_per_hour,
            "warnings": list(self.warnings),
        }


def _print_item(item: Compared) -> None:
    if item.verdict not in GOOD:
        console.print(Text.assemble((f"{item.verdict} ", "red"), (f"{item.name}: ", "bold"), item.detail), soft_wrap=True)


def _print(report: ComparisonReport) -> None:
    latency = Table("", "real time", "asynchronous", title=f"{report.real_time_endpoint} and {report.asynchronous_endpoint}")
    both = (report.real_time, report.asynchronous)
    latency.add_row("answered", *(f"{one.answered} of {len(report.items)}" for one in both))
    for percent in PERCENTILES:
        latency.add_row(f"latency p{percent}", *(_seconds(dict(one.percentiles).get(percent)) for one in both))
    latency.add_row("longest", *(_seconds(one.longest if one.answered else None) for one in both))
    console.print(latency)
    console.print(", ".join(f"{verdict}: {count}" for verdict, count in report.counts.items() if count))
    better = [item for item in report.items if item.verdict is Verdict.ASYNCHRONOUS_ONLY]
    for item in better[:LISTED]:
        console.print(f"answered by the asynchronous endpoint only: {item.name}: {item.detail}", soft_wrap=True)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"

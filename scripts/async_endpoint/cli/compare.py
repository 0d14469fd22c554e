"""Command compare: a real-time endpoint and an asynchronous one over recorded inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from async_endpoint.cli.arguments import Endpoint, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.cli.interrupts import second_interrupt_ends_at_once
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.core.errors import AnswersDiffer, UsageError
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
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the report as Markdown on standard output.")] = False,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Send recorded inputs to a real-time endpoint and to an asynchronous one, and compare answers, failures and latency."""
    if markdown and as_json:
        raise UsageError("Both --markdown and --json are given; choose one.")
    files_of(inputs)  # before Terraform is asked, which is slow
    from async_endpoint.aws import AwsSession  # noqa: PLC0415 - slow to load
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    outputs, access = read_endpoint(address, local=local)
    session = AwsSession.create(
        outputs.region, access.endpoint_url, role_arn=access.role_arn, attempts=1, connections=concurrency
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
    if as_json:
        print_json(report.as_dict())
    elif markdown:
        print(report.markdown(), end="")
    else:
        _print(report)
    if not report.passed:
        wrong = sum(item.verdict not in GOOD for item in report.items)
        raise AnswersDiffer(
            f"{wrong} of {len(report.items)} answers of {report.asynchronous_endpoint} differ from those of {real_time}, or "
            "are missing; the report names them."
        )


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

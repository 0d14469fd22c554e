"""`async-endpoint batch`: all inputs of a source through one endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from async_endpoint.batch.batch import run_batch
from async_endpoint.batch.report import BatchReport
from async_endpoint.batch.results import FAILURES, ITEMS, REPORT
from async_endpoint.batch.run import Options
from async_endpoint.cli.arguments import Endpoint, Local
from async_endpoint.cli.batch_progress import BatchProgress
from async_endpoint.cli.console import console, print_json
from async_endpoint.cli.interrupts import second_interrupt_ends_at_once
from async_endpoint.client.config import ClientConfig
from async_endpoint.core.errors import BatchFailed
from async_endpoint.input_files import printable

SHOWN_REASONS = 5


def register(app: typer.Typer) -> None:
    """Add the command `batch` to `app`."""
    app.command("batch")(batch)


def batch(
    address: Endpoint,
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A folder, a glob in quotes, an s3:// prefix, or a .jsonl or .csv file."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for results. The same DIR resumes.")],
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Give failed items another attempt.")] = False,
    content_type: Annotated[str | None, typer.Option("--content-type", help="Default: guessed from each name.")] = None,
    accept: Annotated[str | None, typer.Option("--accept", help="The content type of the responses.")] = None,
    max_in_flight: Annotated[
        int, typer.Option("--max-in-flight", metavar="N", min=1, help="Pending requests, at most.")
    ] = Options.max_in_flight,
    max_rate: Annotated[
        float | None, typer.Option("--max-rate", metavar="N", min=0.01, help="Submissions per second, at most.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON document on standard output.")] = False,
    local: Local = False,
) -> None:
    """Send every input of SOURCE to the endpoint and write the results into DIR; rerun to resume."""
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    outputs, access = read_endpoint(address, local=local)
    options = Options(retry_failed=retry_failed, max_in_flight=max_in_flight, content_type=content_type, accept=accept)
    resume = f"rerun the command to resume from {printable(out)}"
    try:
        with (
            second_interrupt_ends_at_once(f"stopped at once; {resume}"),
            BatchProgress(access.session(outputs.region), outputs.endpoint.name) as progress,
        ):
            report = run_batch(
                outputs,
                source,
                out,
                endpoint_url=access.endpoint_url,
                role_arn=access.role_arn,
                options=options,
                config=ClientConfig(max_rate=max_rate),
                on_source=progress.counted,
                on_tick=progress.tick,
            )
    except KeyboardInterrupt:
        console.print(f"stopped; {resume}")
        raise
    if as_json:
        print_json(report.as_dict())
    else:
        console.print(summary(report))
    if report.failed:
        raise BatchFailed(
            f"{report.failed:,} of {report.items:,} items failed; see {printable(out / FAILURES)}, fix the cause and rerun "
            "with --retry-failed."
        )


def summary(report: BatchReport) -> Table:
    """The report for people."""
    table = Table(show_header=False, title=f"batch on {report.endpoint}", title_justify="left")
    table.add_row("items", f"{report.items:,}")
    table.add_row("done", Text(f"{report.done:,}", "green"))
    table.add_row("failed", Text(f"{report.failed:,}", "red" if report.failed else ""))
    if report.open:
        table.add_row("without outcome", f"{report.open:,}")
    table.add_row("this run", f"{report.ended_in_run:,} in {report.run_seconds:,.1f} s, {report.rate:,.1f} per second")
    if report.median_seconds is not None:
        shares = (report.median_seconds, report.p95_seconds, report.longest_seconds)
        half, most, longest = (f"{seconds or 0:,.1f} s" for seconds in shares)
        table.add_row("submission to result", f"{half} median, {most} at the 95th percentile, {longest} at most")
    for reason in report.reasons[:SHOWN_REASONS]:
        table.add_row(f"failed, {reason.items:,}", Text(reason.text))
    table.add_row("results", Text(report.folder))
    table.add_row("report", Text(f"{REPORT}, {ITEMS}"))
    return table

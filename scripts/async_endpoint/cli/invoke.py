"""Commands that use a deployed endpoint: `invoke` and `smoke-test`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from async_endpoint.cli.arguments import Endpoint, Endpoints, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.cli.interrupts import second_interrupt_ends_at_once
from async_endpoint.cli.tables import recommendations_table
from async_endpoint.client import AsyncEndpoint, ClientConfig, Completed, Invocation, Request
from async_endpoint.client.payload import prepare
from async_endpoint.core.errors import AsyncEndpointError, InvocationFailed, ResultNotReady, SmokeTestFailed, UsageError
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.input_files import checked_status
from async_endpoint.operations.smoke import SmokeReport, smoke_test
from async_endpoint.workspace import Workspace

STATUS_SECONDS = 0.5

Seconds = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait, but no longer than this.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("invoke")(invoke)
    app.command("smoke-test")(run_smoke_test)


def invoke(
    address: Endpoint,
    payload: Annotated[str, typer.Argument(metavar="FILE|s3://URI", help="The input: a file, or an object in S3.")],
    waiting: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the result, by its deadline.")] = False,
    display: Annotated[bool, typer.Option("--display-results", help="Show the result; implies --wait.")] = False,
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, help="Ask the recommender for this many items.")] = None,
    content_type: Annotated[str | None, typer.Option("--content-type", help="Default: guessed from the name.")] = None,
    accept: Annotated[str | None, typer.Option("--accept", help="The content type wanted back.")] = None,
    inline: Annotated[
        bool | None, typer.Option("--inline/--upload", help="Send the input in the call, or put it into S3; default: by size.")
    ] = None,
    timeout: Seconds = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say how the result is found, and why so.")] = False,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Send one request to the endpoint; print where its result will be, or wait for it."""
    body, body_type = prepare(payload, content_type=content_type, top_k=top_k)
    if isinstance(body, Path):
        checked_status(body)  # before Terraform is asked, which takes a while
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    outputs, url = read_endpoint(address, local=local)
    config, explain = ClientConfig(concurrency=1, deadline_seconds=timeout), _say if verbose else lambda told: None
    request = Request(payload=body, content_type=body_type, accept=accept, inline=inline)
    with (
        second_interrupt_ends_at_once("stopped at once"),
        AsyncEndpoint(outputs, endpoint_url=url, config=config, explain=explain) as endpoint,
    ):
        if not (waiting or display or timeout is not None):
            submitted = endpoint.send(request)
            if as_json:
                print_json(submitted.as_dict())
            else:
                _say(f"submitted {submitted.inference_id}")
                print(submitted.output_location)
            return
        invocation = endpoint.submit(request)
        completed = _wait(invocation, as_json)
    if as_json:
        print_json(invocation.accepted().as_dict() | completed.as_dict())
        return
    _say(f"completed in {completed.seconds:.1f} s, {len(completed.body):,} bytes")
    if display:
        _show(completed)
    print(completed.output_location)


def run_smoke_test(
    address: Endpoints,
    good: Annotated[
        Path | None, typer.Option(help="A request to be answered; default: the first of the example's queries.")
    ] = None,
    bad: Annotated[Path | None, typer.Option(help="A request to be refused; default: the example's queries/corrupt.*.")] = None,
    timeout: Seconds = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare-real-time", metavar="ENDPOINT", help="A real-time endpoint that must answer the same."),
    ] = None,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Prove a deployed endpoint: a result, a failure, and a notification of each."""
    from async_endpoint.terraform.outputs import read_outputs  # noqa: PLC0415 - loaded when it is needed

    found = read_outputs(address, local=local)
    options: dict[str, Any] = {"deadline_seconds": timeout, "compare_real_time": compare}
    reports: dict[str, SmokeReport] = {}
    with second_interrupt_ends_at_once("stopped at once"):
        for name, outputs in found.endpoints.items():
            payloads = _payloads(outputs, good, bad)
            reports[name] = smoke_test(outputs, *payloads, endpoint_url=found.endpoint_url, on_event=_say, **options)
            if not as_json:
                _print_report(reports[name])
    missed = [report for report in reports.values() if not report.passed]
    if as_json:
        documents = {name: report.as_dict() for name, report in reports.items()}
        print_json({"environment": found.environment, "passed": not missed, "endpoints": documents})
    if missed:
        raise SmokeTestFailed(f"{' '.join(map(_missed, missed))} See what each check saw above.")


def _payloads(outputs: AsyncEndpointOutputs, good: Path | None, bad: Path | None) -> tuple[Path, Path]:
    """The requests given, or those of the example whose archive the endpoint has: examples/<archive>/queries/."""
    if good is not None and bad is not None:
        return good, bad
    archives = outputs.model.archives if outputs.model is not None else ()
    names = [archive.uri.rpartition("/")[2].removesuffix(".tar.gz") for archive in archives]
    for queries in (Workspace.find().root / "examples" / name / "queries" for name in names):
        files = sorted(path for path in queries.glob("*") if path.is_file())
        corrupt = [path for path in files if path.stem == "corrupt"]
        if corrupt and len(files) > len(corrupt):
            return good or next(path for path in files if path not in corrupt), bad or corrupt[0]
    raise UsageError(
        f"There are no queries of {' and '.join(names) or 'the model'} under examples/ to test {outputs.endpoint.name} with; "
        "give --good FILE and --bad FILE."
    )


def _print_report(report: SmokeReport) -> None:
    console.print(_report_table(report))
    if report.skipped_messages:
        _say(f"{report.skipped_messages} messages in the results queue were no notification and were passed over")
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in report.latency.known.items())
    _say(f"the good request: {phases}" if phases else "the good request has no known phases")


def _missed(report: SmokeReport) -> str:
    checks = ", ".join(check.name for check in report.missed)
    return f"Endpoint {report.endpoint_name} missed {len(report.missed)} of {len(report.checks)} checks ({checks})."


def _say(told: str) -> None:
    console.print(told, markup=False, soft_wrap=True)


def _wait(invocation: Invocation, as_json: bool) -> Completed:
    submitted, started = invocation.accepted(), time.monotonic()
    with console.status(f"waiting for {submitted.inference_id}") as status:
        while not invocation.done():
            status.update(f"waiting for {submitted.inference_id}, {time.monotonic() - started:.0f} s")
            with suppress(ResultNotReady):
                invocation.exception(timeout=STATUS_SECONDS)
    try:
        return invocation.result()
    except AsyncEndpointError as error:
        if as_json and isinstance(error, InvocationFailed | ResultNotReady):
            ended = (
                {"status": "Failed", "reason": error.reason} if isinstance(error, InvocationFailed) else {"status": "Pending"}
            )
            print_json(submitted.as_dict() | ended)
        raise


def _show(completed: Completed) -> None:
    document = completed.document()
    if document is None:
        console.print(f"{len(completed.body):,} bytes of {completed.content_type or 'an unnamed type'}", markup=False)
    elif isinstance(document, Mapping) and isinstance(document.get("recommendations"), list):
        console.print(recommendations_table(document["recommendations"]))
    else:
        console.print_json(data=document)


def _report_table(report: SmokeReport) -> Table:
    table = Table("check", "", "seconds", "seen", title=f"smoke test of {report.endpoint_name}")
    for check in report.checks:
        verdict = Text("passed", "green") if check.passed else Text("missed", "red")
        table.add_row(check.name, verdict, f"{check.seconds:.1f}", Text(check.detail))
    return table

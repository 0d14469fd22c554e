"""Commands that use a deployed endpoint: `invoke` and `smoke-test`."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from async_endpoint.cli.arguments import Endpoint, Endpoints, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.cli.interrupts import second_interrupt_ends_at_once
from async_endpoint.cli.recommender import recommendations_in, recommendations_table, with_top_k
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import JSON_TYPE, Completed, Request
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import (
    AsyncEndpointError,
    InvocationFailed,
    ResultNotJson,
    ResultNotReady,
    SmokeTestFailed,
    UsageError,
)
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.input_files import checked_status
from async_endpoint.operations.smoke import SmokeReport, smoke_test
from async_endpoint.workspace import Workspace

STATUS_SECONDS = 0.5

Seconds = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait for at most this long.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("invoke")(invoke)
    app.command("smoke-test")(run_smoke_test)


def invoke(
    address: Endpoint,
    payload: Annotated[str, typer.Argument(metavar="FILE|s3://URI", help="The input: a file, or an object in S3.")],
    waiting: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the result, by its deadline.")] = False,
    display: Annotated[bool, typer.Option("--display-results", help="Show the result; implies --wait.")] = False,
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, help="Items to ask the recommender for.")] = None,
    content_type: Annotated[str | None, typer.Option("--content-type", help="Default: guessed from the name.")] = None,
    accept: Annotated[str | None, typer.Option("--accept", help="The content type of the response.")] = None,
    inline: Annotated[
        bool | None, typer.Option("--inline/--upload", help="Send the input in the call, or upload it to S3; default: by size.")
    ] = None,
    timeout: Seconds = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print how the result is found, and why.")] = False,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Send one request to the endpoint; print the location of its result, or wait for the result."""
    request = _request(payload, top_k, content_type, accept, inline)
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    outputs, access = read_endpoint(address, local=local)
    config, explain = ClientConfig(concurrency=1, deadline=timeout), _say if verbose else lambda text: None
    with (
        second_interrupt_ends_at_once("stopped at once"),
        AsyncEndpoint.from_outputs(
            outputs, endpoint_url=access.endpoint_url, role_arn=access.role_arn, config=config, explain=explain
        ) as endpoint,
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
    good: Annotated[Path | None, typer.Option(help="A valid request; default: the first of the example's queries.")] = None,
    bad: Annotated[Path | None, typer.Option(help="An invalid request; default: the example's queries/corrupt.*.")] = None,
    timeout: Seconds = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare-real-time", metavar="ENDPOINT", help="A real-time endpoint that must respond the same."),
    ] = None,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Test deployed endpoints: a result, a failure, and a notification of each."""
    from async_endpoint.terraform.outputs import read_outputs  # noqa: PLC0415 - loaded when it is needed

    found = read_outputs(address, local=local)
    if not found.endpoints:
        raise Address.parse(address).nothing_there()
    reports: dict[str, SmokeReport] = {}
    with second_interrupt_ends_at_once("stopped at once"):
        for name, outputs in found.endpoints.items():
            reports[name] = smoke_test(
                outputs,
                *_payloads(outputs, good, bad),
                session=found.access.session(outputs.region),
                deadline_seconds=timeout,
                compare_real_time=compare,
                on_event=_say,
            )
            if not as_json:
                _print_report(reports[name])
    failed = [report for report in reports.values() if not report.passed]
    if as_json:
        documents = {name: report.as_dict() for name, report in reports.items()}
        print_json({"environment": found.environment, "passed": not failed, "endpoints": documents})
    if failed:
        raise SmokeTestFailed(f"{' '.join(map(_failed_checks, failed))} Their observations are above.")


def _request(payload: str, top_k: int | None, content_type: str | None, accept: str | None, inline: bool | None) -> Request:
    """The request for FILE|s3://URI; raises InvalidInput for an unusable file, before Terraform is asked, which is slow."""
    if top_k is not None:
        body = with_top_k(payload, content_type, top_k)
        return Request(payload=body, content_type=JSON_TYPE, accept=accept, inline=inline)
    if payload.startswith("s3://"):
        return Request(payload=payload, content_type=content_type, accept=accept, inline=inline)
    checked_status(Path(payload))
    return Request(payload=Path(payload), content_type=content_type, accept=accept, inline=inline)


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
        _say(f"skipped messages in the results queue that were not notifications: {report.skipped_messages}")
    phases = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in report.latency.known.items())
    _say(f"the good request: {phases}" if phases else "the good request has no known phases")


def _failed_checks(report: SmokeReport) -> str:
    checks = ", ".join(check.name for check in report.failed)
    return f"Endpoint {report.endpoint_name} failed {len(report.failed)} of {len(report.checks)} checks ({checks})."


def _say(text: str) -> None:
    console.print(text, soft_wrap=True)


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
    try:
        document = completed.json()
    except ResultNotJson:
        console.print(f"{len(completed.body):,} bytes of {completed.content_type or 'unknown content type'}")
        return
    items = recommendations_in(document)
    if items is None:
        console.print_json(data=document)
    else:
        console.print(recommendations_table(items))


def _report_table(report: SmokeReport) -> Table:
    table = Table("check", "", "seconds", "observed", title=f"smoke test of {report.endpoint_name}")
    for check in report.checks:
        verdict = Text("passed", "green") if check.passed else Text("failed", "red")
        table.add_row(check.name, verdict, f"{check.seconds:.1f}", Text(check.detail))
    return table

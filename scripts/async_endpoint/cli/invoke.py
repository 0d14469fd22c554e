"""Commands that use a deployed endpoint: `invoke` and `smoke-test`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from async_endpoint.cli.console import console, print_json
from async_endpoint.cli.tables import recommendations_table
from async_endpoint.client.aws import AwsClients
from async_endpoint.client.collect import Completed, wait
from async_endpoint.client.payload import prepare
from async_endpoint.client.smoke import SmokeReport, smoke_test
from async_endpoint.client.submit import Submitted, submit
from async_endpoint.contract.errors import InvocationFailed, ResultNotReady, SmokeTestFailed
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.workspace import Workspace

QUERIES = Path("examples", "fashion-recommender", "queries")

Environment = Annotated[str, typer.Argument(metavar="ENV", help="A folder under envs/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Local = Annotated[bool, typer.Option("--local", help="Use the local AWS, whatever the environment.")]
Seconds = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", min=0, help="Wait, but no longer than this.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command("invoke")(invoke)
    app.command("smoke-test")(run_smoke_test)


def invoke(
    environment: Environment,
    payload: Annotated[str, typer.Argument(metavar="FILE|s3://URI", help="The input: a file, or an object in S3.")],
    waiting: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the result, by its deadline.")] = False,
    display: Annotated[bool, typer.Option("--display-results", help="Show the result; implies --wait.")] = False,
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, help="Ask the recommender for this many items.")] = None,
    content_type: Annotated[str | None, typer.Option("--content-type", help="Default: guessed from the name.")] = None,
    accept: Annotated[str | None, typer.Option("--accept", help="The content type wanted back.")] = None,
    inline: Annotated[bool, typer.Option("--inline", help="Send the input in the call, up to 128,000 bytes.")] = False,
    timeout: Seconds = None,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Send one request to the endpoint; print where its result will be, or wait for it."""
    body, body_type = prepare(payload, content_type=content_type, top_k=top_k)
    outputs, clients = _connect(environment, local)
    submitted = submit(clients, outputs, body, content_type=body_type, accept=accept, inline=inline)
    if not (waiting or display or timeout is not None):
        if as_json:
            print_json(submitted.as_dict())
        else:
            console.print(f"submitted {submitted.inference_id}", markup=False, soft_wrap=True)
            print(submitted.output_location)
        return
    completed = _wait(clients, submitted, outputs, timeout, as_json)
    if as_json:
        print_json(submitted.as_dict() | completed.as_dict())
        return
    console.print(f"completed in {completed.seconds:.1f} s, {len(completed.body):,} bytes", markup=False)
    if display:
        _show(completed)
    print(submitted.output_location)


def run_smoke_test(
    environment: Environment,
    good: Annotated[Path | None, typer.Option(help="A request to be answered; default: the red shirt.")] = None,
    bad: Annotated[Path | None, typer.Option(help="A request to be refused; default: a corrupt image.")] = None,
    timeout: Seconds = None,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Prove a deployed endpoint: a result, a failure, and a notification of each."""
    if good is None or bad is None:
        queries = Workspace.find().root / QUERIES
        good, bad = good or queries / "red-shirt.png", bad or queries / "corrupt.jpg"
    outputs, clients = _connect(environment, local)
    report = smoke_test(
        clients,
        outputs,
        good,
        bad,
        deadline_seconds=timeout,
        on_event=lambda event: console.print(event, markup=False, soft_wrap=True),
    )
    if as_json:
        print_json(report.as_dict())
    else:
        console.print(_report_table(report))
    if not report.passed:
        raise SmokeTestFailed(
            f"Endpoint {report.endpoint_name} missed {len(report.missed)} of {len(report.checks)} checks "
            f"({', '.join(check.name for check in report.missed)}); see what each one saw above."
        )


def _connect(environment: str, local: bool) -> tuple[AsyncEndpointOutputs, AwsClients]:
    from async_endpoint.deploy.outputs import read_outputs  # noqa: PLC0415 - Terraform is loaded by who needs it

    outputs, endpoint_url = read_outputs(environment, local=local)
    return outputs, AwsClients.create(outputs.region, endpoint_url)


def _wait(
    clients: AwsClients, submitted: Submitted, outputs: AsyncEndpointOutputs, timeout: float | None, as_json: bool
) -> Completed:
    with console.status(f"waiting for {submitted.inference_id}") as status:
        try:
            return wait(
                clients,
                submitted,
                outputs,
                deadline_seconds=timeout,
                on_poll=lambda poll: status.update(f"waiting for {submitted.inference_id}, {poll.elapsed_seconds:.0f} s"),
            )
        except InvocationFailed as error:
            if as_json:
                print_json(submitted.as_dict() | {"status": "Failed", "reason": error.reason})
            raise
        except ResultNotReady:
            if as_json:
                print_json(submitted.as_dict() | {"status": "Pending"})
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

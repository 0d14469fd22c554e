"""`async-endpoint logs`: an endpoint's container logs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from async_endpoint.cli.arguments import Endpoint, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.operations.logs import LogLine, follow_logs, log_group, read_logs


def register(app: typer.Typer) -> None:
    """Add the command `logs` to `app`."""
    app.command("logs")(logs)


def logs(
    address: Endpoint,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue with new lines until Ctrl-C.")] = False,
    since: Annotated[
        float | None, typer.Option("--since", metavar="MINUTES", min=0, help="Only the last minutes before the newest line.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; with --follow, one per line logged.")
    ] = False,
    local: Local = False,
) -> None:
    """Print the logs of the endpoint's instances, ordered by time."""
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415 - loaded when it is needed

    outputs, access = read_endpoint(address, local=local)
    session, endpoint = access.session(outputs.region), outputs.endpoint.name
    if not follow:
        lines = read_logs(session, endpoint, since_minutes=since)
        if as_json:
            print_json(
                {"endpoint_name": endpoint, "log_group": log_group(endpoint), "events": [line.as_dict() for line in lines]}
            )
        else:
            for line in lines:
                print(_text(line))
        return
    try:
        for line in follow_logs(session, endpoint, since_minutes=since):
            print(json.dumps(line.as_dict(), sort_keys=True) if as_json else _text(line), flush=True)
    except KeyboardInterrupt:  # the way to end following
        console.print("stopped")


def _text(line: LogLine) -> str:
    return f"{line.time} {line.instance} {line.message}"

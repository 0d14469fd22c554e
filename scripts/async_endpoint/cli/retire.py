"""Command retire: delete a real-time endpoint that callers have left for an asynchronous one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from async_endpoint.cli.arguments import Endpoint, Json, Local
from async_endpoint.cli.compare import RealTime
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.operations.retirement import QUIET_MINUTES

Minutes = Annotated[
    int, typer.Option("--quiet", metavar="MINUTES", min=5, max=1440, help="How long nothing may have called the endpoint.")
]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(retire)


def retire(
    real_time: RealTime,
    address: Endpoint,
    quiet: Minutes = QUIET_MINUTES,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="Repeat the check for up to this long.")
    ] = 0.0,
    check: Annotated[bool, typer.Option("--check", help="Only check whether it is still called.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    as_json: Json = False,
    local: Local = False,
) -> None:
    """Delete a real-time endpoint, unless it is still called; its configuration and model stay. End with 4 if it is called."""
    from async_endpoint.cli.deploy import confirmed  # noqa: PLC0415 - the other cases need no deployment
    from async_endpoint.core.errors import UsageError  # noqa: PLC0415
    from async_endpoint.operations import retirement  # noqa: PLC0415
    from async_endpoint.terraform.outputs import read_endpoint  # noqa: PLC0415

    outputs, access = read_endpoint(address, local=local)
    session = access.session(outputs.region)
    retirement.check_successor(session, outputs.endpoint.name)
    endpoint = retirement.describe_real_time(session, real_time, to_delete=not check)
    drained = retirement.wait_until_drained(session, endpoint, outputs.endpoint, quiet, wait, on_wait=_new_lines())
    before = f"last in the hour of {drained.last_call:%Y-%m-%d %H:%M}" if drained.last_call else "nor in the 14 days before"
    _say(f"{real_time} was not called from {drained.since:%Y-%m-%d %H:%M} to {drained.until:%H:%M} UTC, {before}")
    deleted = False
    if not check:
        if not (yes or confirmed(f"Delete endpoint {real_time}? Type yes:")):
            raise UsageError(f"Endpoint {real_time} was not deleted.")
        retirement.check_drained(session, endpoint, outputs.endpoint, quiet)  # it may have been called before the answer
        retirement.delete_endpoint(session, endpoint)
        deleted = True
        _say(f"{real_time} is deleted; its configuration {endpoint.config_name} and {_models(endpoint.model_names)} are kept")
        create = f"--endpoint-name {real_time} --endpoint-config-name {endpoint.config_name}"
        _say(f"to have it again: aws sagemaker create-endpoint {create}")
    if as_json:
        print_json(
            {
                "endpoint_name": real_time,
                "quiet_since": drained.since.isoformat(),
                "quiet_until": drained.until.isoformat(),
                "last_call": drained.last_call.isoformat() if drained.last_call else None,
                "deleted": deleted,
                "kept": {"endpoint_config": endpoint.config_name, "models": endpoint.model_names},
            }
        )


def _new_lines() -> Callable[[str], None]:
    """Prints a line of progress unless it is the one before."""
    last = ""

    def show(line: str) -> None:
        nonlocal last
        if line != last:
            last = line
            print_progress(line)

    return show


def _models(names: tuple[str, ...]) -> str:
    return f"model{'s' * (len(names) != 1)} {', '.join(names) or 'none'}"


def _say(text: str) -> None:
    console.print(text, soft_wrap=True)

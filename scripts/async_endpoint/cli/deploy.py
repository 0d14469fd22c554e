"""Commands plan, apply, destroy, outputs and unlock: an environment and Terraform."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from async_endpoint.cli.arguments import Endpoints, Environment, Json, Local
from async_endpoint.cli.console import console, print_check, print_json
from async_endpoint.core.errors import Refused, UsageError
from async_endpoint.workspace import Workspace

if TYPE_CHECKING:
    from async_endpoint.terraform.adapter import Changes

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before AWS is changed.")]
Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt",
        help="Import what exists under the planned names with this deployment's tags and is not in the state (as after a lost "
        "response to its creation); delete its models, configurations and keys that nothing uses.",
    ),
]
RemoveLeftovers = Annotated[
    bool, typer.Option("--remove-leftovers", help="Delete what is left afterwards and carries this deployment's tags.")
]
AllowReplacement = Annotated[
    bool, typer.Option("--allow-replacement", help="Let a serving endpoint be deleted and created again, absent meanwhile.")
]
DetailedExitCode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="End with 2 when there are changes, as terraform plan does.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    for command in (plan, apply, destroy, outputs, unlock):
        app.command()(command)


def plan(
    environment: Environment, local: Local = False, as_json: Json = False, detailed_exitcode: DetailedExitCode = False
) -> None:
    """Show what an apply would change."""
    from async_endpoint.deploy import deployment  # noqa: PLC0415

    planned = deployment.plan(environment, local=local, on_output=_say)
    if as_json:
        print_json({"environment": environment} | asdict(planned))
    else:
        for notice in planned.notices:
            console.print(Text(notice), soft_wrap=True)
        console.print(_summary(planned.changes))
    if detailed_exitcode and planned.changes.any:
        raise typer.Exit(2)


def apply(
    environment: Environment,
    local: Local = False,
    as_json: Json = False,
    yes: Yes = False,
    adopt: Adopt = False,
    allow_replacement: AllowReplacement = False,
) -> None:
    """Plan, apply that plan, and verify that what it describes is live."""
    from async_endpoint.deploy import deployment  # noqa: PLC0415
    from async_endpoint.terraform.working_copy import is_local  # noqa: PLC0415

    def approve(changes: Changes) -> bool:
        unasked = yes or is_local(environment, local=local)
        return unasked or _answer(f"{_summary(changes)} Change AWS? Type yes:") == "yes"

    applied = deployment.apply(
        environment,
        local=local,
        adopt=adopt,
        allow_replacement=allow_replacement,
        on_output=_say,
        approve=approve,
    )
    if as_json:
        print_json({"environment": environment} | asdict(applied))
        return
    for name, endpoint in applied.endpoints.items():
        for check in endpoint.checks:
            print_check(name, check)


def destroy(
    environment: Environment,
    local: Local = False,
    as_json: Json = False,
    yes: Yes = False,
    remove_leftovers: RemoveLeftovers = False,
) -> None:
    """Destroy everything of an environment, and check that nothing is left."""
    from async_endpoint.deploy import deployment  # noqa: PLC0415
    from async_endpoint.terraform.working_copy import is_local  # noqa: PLC0415

    Workspace.find().environment(environment)
    if not yes and not is_local(environment, local=local):
        typed = _answer(f"This destroys {environment} on AWS, results included. Type its name:")
        if typed != environment:
            raise Refused(f"{typed!r} is not {environment!r}; nothing was destroyed.")
    destroyed = deployment.destroy(environment, local=local, remove_leftovers=remove_leftovers, on_output=_say)
    if as_json:
        left: dict[str, Any] = {"destroyed": destroyed.names, "leftovers": None if destroyed.unsearched else []}
        print_json({"environment": environment} | left)
    elif destroyed.unsearched:
        console.print(f"What the state of {environment} had is destroyed; {destroyed.unsearched}", markup=False)
    else:
        console.print(f"{environment} is destroyed; nothing of {' and '.join(destroyed.names) or 'it'} is left.")


def outputs(address: Endpoints, local: Local = False, as_json: Json = False) -> None:
    """Show the names, addresses and limits of applied endpoints."""
    from async_endpoint.terraform.outputs import read_outputs  # noqa: PLC0415

    found = read_outputs(address, local=local)
    # All it takes to use an endpoint from this machine.
    documents = {name: values.as_dict() | {"endpoint_url": found.endpoint_url} for name, values in found.endpoints.items()}
    if as_json:
        print_json({"environment": found.environment, "endpoints": documents})
        return
    for name, document in documents.items():
        console.print(Text(f"{found.environment}/{name}", "bold"))
        _print_rows(document)


def _print_rows(document: dict[str, Any]) -> None:
    rows = [row for row in _rows(document) if not row[0].endswith("_json")]  # whole policies: --json has them
    width = max(len(name) for name, _ in rows)
    for name, value in rows:  # not in a table: an ARN that is folded cannot be copied
        console.print(Text.assemble((f"{name:<{width}}  ", "bold"), str(value)), soft_wrap=True)


def unlock(
    environment: Environment,
    lock_id: Annotated[str, typer.Argument(metavar="LOCK_ID", help="The lock's ID, as the refused command printed it.")],
    local: Local = False,
) -> None:
    """Remove the state lock that a killed command left behind; refused while Terraform works on that state here."""
    from async_endpoint.deploy import deployment  # noqa: PLC0415

    deployment.unlock(environment, lock_id, local=local, on_output=_say)
    console.print(f"The state of {environment} is unlocked.")


def _say(line: str) -> None:
    console.print(Text(line, style="dim"), soft_wrap=True)


def _summary(changes: Changes) -> str:
    if not changes.any:
        return "No changes."
    return f"{changes.add} to add, {changes.change} to change, {changes.destroy} to destroy."


def _answer(question: str) -> str:
    """Ask on standard error; raises UsageError when there is nobody to answer."""
    if not at_keyboard():
        raise UsageError("Confirmation is required and standard input is not a terminal; pass --yes.")
    return console.input(Text(f"{question} ")).strip()


def at_keyboard() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _rows(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows = []
    for name, value in values.items():
        rows += _rows(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return rows

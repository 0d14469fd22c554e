"""Commands on a whole environment: plan, apply, destroy and unlock; and outputs, of all endpoints or of one."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from async_endpoint.cli.arguments import Endpoints, Environment, EnvironmentOrPlan, Json, Local, is_plan_file
from async_endpoint.cli.console import console, print_check, print_json, print_progress
from async_endpoint.cli.plan import plan
from async_endpoint.core.errors import PlanForeign, Refused, UsageError
from async_endpoint.core.text import joined

if TYPE_CHECKING:
    from async_endpoint.deploy.plan import Planned

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
MuteRollbackAlarms = Annotated[
    bool,
    typer.Option(
        "--mute-rollback-alarms",
        help="Update although rollback alarms are in ALARM because of what serves now; they are restored afterwards.",
    ),
]

Approved = Annotated[
    str | None,
    typer.Option(
        "--approved",
        metavar="NAME",
        help="Apply only if the new plan changes exactly what the one does that was stored as NAME (plan --store NAME).",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    for command in (plan, apply, destroy, outputs, unlock):
        app.command()(command)


def apply(
    target: EnvironmentOrPlan,
    local: Local = False,
    as_json: Json = False,
    yes: Yes = False,
    adopt: Adopt = False,
    allow_replacement: AllowReplacement = False,
    mute_rollback_alarms: MuteRollbackAlarms = False,
    approved: Approved = None,
) -> None:
    """Plan, apply that plan, and verify that what it describes is live."""
    from async_endpoint.deploy.apply import apply_environment  # noqa: PLC0415
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.summary.text import counts, endpoint_lines  # noqa: PLC0415
    from async_endpoint.terraform.plan_files import read_plan_file  # noqa: PLC0415

    kept = read_plan_file(Path(target)) if is_plan_file(target) else None
    if kept and approved:
        raise UsageError("--approved compares a new plan with a stored one; a plan file is applied as it is: give one of them.")
    if kept and local and not kept.record.instance:
        raise PlanForeign(f"{kept.where} is for AWS, and --local is the local AWS; plan again with --local.")
    environment = kept.record.environment if kept else target
    local = local or bool(kept and kept.record.instance)
    deployment = Deployment.prepare(environment, local=local, plans=True, on_output=print_progress)

    def approve(planned: Planned) -> bool:
        unasked = yes or deployment.copy.endpoint_url is not None
        for line in endpoint_lines(planned.summary):
            print_progress(line)
        return unasked or _answer(f"{counts(planned.changes)} Change AWS? Type yes:") == "yes"

    applied = apply_environment(
        deployment,
        adopt=adopt,
        allow_replacement=allow_replacement,
        mute_rollback_alarms=mute_rollback_alarms,
        approve=approve,
        kept=kept,
        approved=approved,
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
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.destroy import destroy_environment  # noqa: PLC0415

    deployment = Deployment.prepare(environment, local=local, on_output=print_progress)
    asks = not yes and deployment.copy.endpoint_url is None
    if asks:
        _require_keyboard()

    def approve(names: tuple[str, ...]) -> bool:
        if not asks:
            return True
        endpoints = f" with {_counted(names)}" if names else ""
        typed = _answer(f"This destroys {environment} on AWS{endpoints}, results included. Type its name:")
        if typed != environment:
            raise Refused(f"{typed!r} is not {environment!r}; nothing was destroyed.")
        return True

    destroyed = destroy_environment(deployment, remove_leftovers=remove_leftovers, approve=approve)
    if as_json:
        left: dict[str, Any] = {"destroyed": destroyed.names, "leftovers": None if destroyed.unsearched else []}
        print_json({"environment": environment} | left)
    elif destroyed.unsearched:
        console.print(f"What the state of {environment} had is destroyed; {destroyed.unsearched}")
    else:
        console.print(f"{environment} is destroyed; nothing of {joined(destroyed.names) or 'it'} is left.")


def outputs(address: Endpoints, local: Local = False, as_json: Json = False) -> None:
    """Show the names, addresses and limits of applied endpoints."""
    from async_endpoint.terraform.outputs import read_outputs  # noqa: PLC0415

    found = read_outputs(address, local=local)
    # All it takes to use an endpoint from this machine.
    documents = {
        name: values.as_dict() | {"endpoint_url": found.access.endpoint_url} for name, values in found.endpoints.items()
    }
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
        lines = [_text(item) for item in value] if isinstance(value, list) else [_text(value)]
        for label, line in zip([name, *[""] * len(lines)], lines or ["-"], strict=False):
            console.print(Text.assemble((f"{label:<{width}}  ", "bold"), line), soft_wrap=True)


def _text(value: Any) -> str:
    """A value as in JSON, but a text without quotes, and - for null."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)


def unlock(
    environment: Environment,
    lock_id: Annotated[str, typer.Argument(metavar="LOCK_ID", help="The lock's ID, as the refused command printed it.")],
    local: Local = False,
) -> None:
    """Remove the state lock that a killed command left behind; refused while Terraform works on that state here."""
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415

    Deployment.prepare(environment, local=local, on_output=print_progress).unlock(lock_id)
    console.print(f"The state of {environment} is unlocked.")


def _counted(names: tuple[str, ...]) -> str:
    return f"endpoint{'s' if len(names) > 1 else ''} {joined(names)}"


def confirmed(question: str) -> bool:
    """Whether a person types yes; raises UsageError when standard input is not a terminal."""
    return _answer(question) == "yes"


def _answer(question: str) -> str:
    """Ask on standard error; raises UsageError when standard input is not a terminal."""
    _require_keyboard()
    return console.input(Text(f"{question} ")).strip()


def _require_keyboard() -> None:
    if not at_keyboard():
        raise UsageError("Confirmation is required and standard input is not a terminal; pass --yes.")


def at_keyboard() -> bool:
    """Whether a person can answer."""
    return sys.stdin.isatty()


def _rows(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value):
                rows += _rows(item, f"{prefix}{name}[{number}].")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows

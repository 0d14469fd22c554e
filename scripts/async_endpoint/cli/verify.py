"""Command verify: what is live against what was applied."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from async_endpoint.cli.completion import environment_names
from async_endpoint.cli.console import console, print_json
from async_endpoint.core.errors import VerificationFailed

Environment = Annotated[
    str,
    typer.Argument(metavar="ENV", help="A folder under envs/: local, dev, staging, prod.", autocompletion=environment_names),
]
Local = Annotated[bool, typer.Option("--local", help="Aim it at the local AWS; always so for the environment local.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Plan = Annotated[bool, typer.Option("--plan/--no-plan", help="Whether Terraform plans besides, which finds what it manages.")]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(verify)


def verify(environment: Environment, local: Local = False, as_json: Json = False, plan: Plan = True) -> None:
    """Compare what is live with what was applied, and say what an apply repairs; end with 4 if anything differs."""
    from async_endpoint.deploy.verify import verify_environment  # noqa: PLC0415

    report = verify_environment(
        environment, local=local, plan=plan, on_output=lambda line: console.print(Text(line, style="dim"), soft_wrap=True)
    )
    if as_json:
        print_json(
            {
                "environment": environment,
                "verified": not report.differences,
                "checks": [{"name": check.name, "detail": check.detail} for check in report.checks],
                "differences": [difference.as_dict() for difference in report.differences],
            }
        )
    else:
        for check in report.checks:
            console.print(Text.assemble(("verified ", "green"), (f"{check.name}: ", "bold"), check.detail), soft_wrap=True)
        for difference in report.differences:
            console.print(Text.assemble(("differs ", "red"), str(difference)), soft_wrap=True)
    if report.differences:
        count = len(report.differences)
        repaired = sum(difference.repaired_by_apply for difference in report.differences)
        listed = "they are listed above with what to do" if not as_json else "the document says what to do"
        raise VerificationFailed(
            f"{environment} is not as it was applied: {count} difference{'' if count == 1 else 's'}, "
            f"of which an apply repairs {repaired}; {listed}."
        )

"""Command verify: what is live against what was applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from async_endpoint.cli.arguments import Endpoints, Json, Local
from async_endpoint.cli.console import console, print_check, print_json, print_progress
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import VerificationFailed

if TYPE_CHECKING:
    from async_endpoint.deploy.verify import EnvironmentReport, Report

Plan = Annotated[
    bool,
    typer.Option("--plan/--no-plan", help="Whether Terraform plans as well: it finds differences in all that it manages."),
]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(verify)


def verify(address: Endpoints, local: Local = False, as_json: Json = False, plan: Plan = True) -> None:
    """Compare what is live with what was applied, and say what an apply repairs; end with 4 if anything differs."""
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.verify import verify_environment  # noqa: PLC0415

    parsed = Address.parse(address)
    deployment = Deployment.prepare(parsed.environment, local=local, plans=plan, on_output=print_progress)
    report = verify_environment(deployment, parsed, plan=plan)
    if as_json:
        print_json({"environment": parsed.environment, "verified": not report.differences} | _document(report))
    else:
        for name, part in report.endpoints.items():
            _print(name, part)
        if report.plan:
            _print(parsed.environment, report.plan)
    if report.differences:
        count = len(report.differences)
        repaired = sum(difference.repaired_by_apply for difference in report.differences)
        listed = "they are listed above with what to do" if not as_json else "the document says what to do"
        raise VerificationFailed(
            f"{address} is not as it was applied: {count} difference{'' if count == 1 else 's'}, "
            f"of which an apply repairs {repaired}; {listed}."
        )


def _document(report: EnvironmentReport) -> dict[str, Any]:
    endpoints = {name: _part(part) for name, part in report.endpoints.items()}
    return {"endpoints": endpoints, "plan": _part(report.plan) if report.plan else None}


def _part(report: Report) -> dict[str, Any]:
    return {
        "checks": [{"name": check.name, "detail": check.detail} for check in report.checks],
        "differences": [difference.as_dict() for difference in report.differences],
    }


def _print(subject: str, report: Report) -> None:
    for check in report.checks:
        print_check(subject, check)
    for difference in report.differences:
        console.print(Text.assemble(("differs ", "red"), (f"{subject}: ", "bold"), str(difference)), soft_wrap=True)

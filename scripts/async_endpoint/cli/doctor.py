"""Command doctor: whether an environment can be deployed and serves, and what to do where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.text import Text

from async_endpoint.cli.arguments import Environment, Json, Local
from async_endpoint.cli.console import console, print_json
from async_endpoint.core.errors import DoctorFailed
from async_endpoint.workspace import Workspace

if TYPE_CHECKING:
    from async_endpoint.deploy.doctor.findings import Diagnosis

Offline = Annotated[bool, typer.Option("--offline", help="Check only what needs neither credentials nor a network.")]

_STYLES: Final = {"ok": "green", "warning": "yellow", "failure": "red", "skipped": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(doctor)


def doctor(environment: Environment, local: Local = False, as_json: Json = False, offline: Offline = False) -> None:
    """Check tools, account, state, quotas, images, archives and roles, change nothing, and end with 3 on a failure."""
    from async_endpoint.deploy.doctor.examination import examine  # noqa: PLC0415

    diagnosis = examine(Workspace.find(), environment, local=local, offline=offline)
    if as_json:
        print_json(diagnosis.as_dict())
    else:
        _print(diagnosis)
    if not diagnosis.healthy:
        failures = [result.name for result in diagnosis.results if result.status == "failure"]
        listed = "the document has their remedies" if as_json else "they are listed above with what to do"
        raise DoctorFailed(f"{environment} is not ready to be deployed: failures in {', '.join(failures)}; {listed}.")


def _print(diagnosis: Diagnosis) -> None:
    width = max(len(result.name) for result in diagnosis.results)
    for result in diagnosis.results:
        for finding in result.findings:
            status = finding.status.value
            if status == "skipped":
                continue
            line = Text.assemble((f"{status:<8}", _STYLES[status]), (f"{result.name:<{width}}  ", "bold"), finding.detail)
            console.print(line, soft_wrap=True)
            if finding.remedy:
                console.print(Text(f"{'':<8}{'':<{width}}  → {finding.remedy}"), soft_wrap=True)
    for reason, names in _skipped(diagnosis).items():
        console.print(Text.assemble((f"{'skipped':<8}{', '.join(names)}: ", "dim"), reason), soft_wrap=True)
    counts = diagnosis.as_dict()["counts"]
    console.print(Text(", ".join(f"{count} {status}" for status, count in counts.items() if count)))


def _skipped(diagnosis: Diagnosis) -> dict[str, list[str]]:
    """The names of checks that were not made, by the reason."""
    found: dict[str, list[str]] = {}
    for result in diagnosis.results:
        for finding in result.findings:
            if finding.status == "skipped":
                found.setdefault(finding.detail, []).append(result.name)
    return found

"""Command drift: what has changed outside Terraform since the last apply."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from async_endpoint.cli.arguments import Environment, Json, Local
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.core.errors import DriftFound, UsageError

if TYPE_CHECKING:
    from async_endpoint.deploy.drift.environment import DriftReport

Markdown = Annotated[bool, typer.Option("--markdown", help="Print the text of a GitHub issue on standard output.")]

WIDTH_OF_A_LOG: Final = 200  # columns; of a pipe or a file, which have none
_HEADINGS: Final = ("endpoint", "resource", "attribute", "live", "expected", "apply repairs it")


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(drift)


def drift(environment: Environment, local: Local = False, as_json: Json = False, as_markdown: Markdown = False) -> None:
    """List what has changed outside Terraform since the last apply, with what to do; end with 4 if anything has."""
    if as_json and as_markdown:
        raise UsageError("Options --json and --markdown both print on standard output; pass one of them.")
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.drift.environment import find_drift  # noqa: PLC0415
    from async_endpoint.deploy.drift.markdown import markdown, sentence  # noqa: PLC0415

    deployment = Deployment.prepare(environment, local=local, plans=True, on_output=print_progress)
    report = find_drift(deployment)
    if as_json:
        print_json(report.as_dict())
    elif as_markdown:
        sys.stdout.write(markdown(report))
    else:
        _print(report, sentence(report))
    if report.rows:
        raise DriftFound(f"{environment} has drifted: {sentence(report)} Each is listed with what to do.")


def _print(report: DriftReport, sentence: str) -> None:
    """A table, then the remedies, each once, in lines that can be copied."""
    from async_endpoint.deploy.drift.markdown import PENDING  # noqa: PLC0415

    if report.rows:
        table = Table(*_HEADINGS, box=None, pad_edge=False, show_edge=False)
        for row in report.rows:
            cells = (row.endpoint, row.resource, row.attribute, row.live, row.expected)
            table.add_row(*(Text(cell, overflow="fold") for cell in cells), "yes" if row.repaired_by_apply else "no")
        console.print(table, width=console.width if console.is_terminal else WIDTH_OF_A_LOG)
        for row in {row.remedy: row for row in report.rows}.values():
            what = "repairs" if row.repaired_by_apply else f"{row.resource}:"
            console.print(Text.assemble((f"{what} ", "bold"), row.remedy), soft_wrap=True)
    for note in report.notes:
        console.print(Text.assemble(("note ", "yellow"), note), soft_wrap=True)
    if report.pending:
        console.print(PENDING, soft_wrap=True)
        for line in report.pending:
            console.print(Text(f"  {line}"), soft_wrap=True)
    if not report.rows:
        console.print(sentence)

"""Output of every command: text on standard error, one JSON document on standard output, exit codes of the error tree."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.error_report import TRACEBACK_VARIABLE, as_reported

if TYPE_CHECKING:
    from async_endpoint.deploy.verification.findings import PassedCheck

# Names and texts of others are printed by every command: brackets and colons in them are no markup and no emoji.
console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, indent=2, sort_keys=True, default=str)
    sys.stdout.write("\n")


def print_progress(line: str) -> None:
    """Print a line of progress."""
    console.print(Text(line, style="dim"), soft_wrap=True)


def print_check(endpoint: str, check: PassedCheck) -> None:
    """Say what was verified of an endpoint."""
    console.print(Text.assemble(("verified ", "green"), (f"{endpoint}: {check.name}: ", "bold"), check.detail), soft_wrap=True)


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn every error into one sentence and an exit code. (Ctrl-C is typer's: 130.)

    With ASYNC_ENDPOINT_TRACEBACK set, what is not of the tree keeps its traceback.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, AsyncEndpointError) and os.environ.get(TRACEBACK_VARIABLE):
            raise
        reported = as_reported(error)
        console.print(Text("error:", style="bold red"), end=" ")
        console.print(str(reported), soft_wrap=True)
        sys.exit(reported.exit_code)

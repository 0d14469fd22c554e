"""How every command speaks: people on standard error, one JSON document on standard output, exit codes from the error tree."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from async_endpoint.core.errors import AsyncEndpointError, InvalidInput, NotReady
from async_endpoint.input_files import printable

if TYPE_CHECKING:
    from async_endpoint.deploy.verification.findings import Check

TRACEBACK_VARIABLE = "ASYNC_ENDPOINT_TRACEBACK"

console = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, indent=2, sort_keys=True, default=str)
    sys.stdout.write("\n")


def print_check(endpoint: str, check: Check) -> None:
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
        console.print("[bold red]error[/]", end=" ")
        console.print(str(reported), markup=False, soft_wrap=True)
        sys.exit(reported.exit_code)


def as_reported(error: Exception) -> AsyncEndpointError:
    """`error` as one of the tree: what the system refuses and what cannot be decoded is for the user to correct."""
    if isinstance(error, AsyncEndpointError):
        return error
    said = printable(" ".join(str(error).split()))
    if isinstance(error, ConnectionError | TimeoutError):
        return NotReady(f"A connection failed ({said or type(error).__name__}); check that the other side runs, and try again.")
    if isinstance(error, OSError):
        where = printable(error.filename) if error.filename is not None else "A file"
        return InvalidInput(f"{where} cannot be used ({error.strerror or said}); correct that, or choose another place.")
    if isinstance(error, UnicodeError):
        return InvalidInput(f"A setting, a file or an environment variable is not UTF-8 ({said}); correct it.")
    return AsyncEndpointError(
        f"{type(error).__name__}: {said}. This is a defect of async-endpoint; set {TRACEBACK_VARIABLE}=1, run the command "
        "again and report what it prints."
    )

"""How every command speaks: people on standard error, one JSON document on standard output, exit codes from the error tree."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from async_endpoint.contract.errors import AsyncEndpointError

console = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, indent=2, sort_keys=True, default=str)
    sys.stdout.write("\n")


@contextmanager
def reported_errors() -> Iterator[None]:
    """Turn an error of the tree into one sentence and its exit code. (Ctrl-C is typer's: 130.)"""
    try:
        yield
    except AsyncEndpointError as error:
        console.print("[bold red]error[/]", end=" ")
        console.print(str(error), markup=False, soft_wrap=True)
        sys.exit(error.exit_code)

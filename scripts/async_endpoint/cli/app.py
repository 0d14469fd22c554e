"""The console command `async-endpoint`: one file a command, gathered here."""

from __future__ import annotations

import typer

from async_endpoint.cli import batch, demo, deploy, invoke, local, logs, package, watch
from async_endpoint.cli.console import reported_errors

app = typer.Typer(
    name="async-endpoint", help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
for command in (package, local, deploy, invoke, batch, watch, logs, demo):
    command.register(app)


def main() -> None:
    """Run the command line; errors of the tree become one sentence and an exit code."""
    with reported_errors():
        app()

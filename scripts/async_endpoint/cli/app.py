"""The console command `async-endpoint`: a file has one command or a few, and is loaded when one of them is asked for."""

from __future__ import annotations

import signal
import sys
from collections import UserDict
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from async_endpoint import signals
from async_endpoint.cli.console import reported_errors

FILES: Final = {
    "package": "package",
    "local": "local",
    "bootstrap": "bootstrap",
    "doctor": "doctor",
    "plan": "deploy",
    "apply": "deploy",
    "destroy": "deploy",
    "outputs": "deploy",
    "unlock": "deploy",
    "verify": "verify",
    "drift": "drift",
    "adopt": "adopt",
    "invoke": "invoke",
    "smoke-test": "invoke",
    "batch": "batch",
    "compare": "compare",
    "retire": "retire",
    "serve": "serve",
    "webhooks": "webhooks",
    "watch": "watch",
    "logs": "logs",
    "simulate": "simulate",
    "profile": "profile",
    "usage": "usage",
    "recommend": "recommend",
    "api-keys": "api_keys",
    "cost": "cost",
    "prices": "prices",
}


class _Commands(UserDict[str, Any]):
    """Every command by name; None for one whose file has not been loaded, since loading all takes half a second."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            part = typer.Typer()
            import_module(f"async_endpoint.cli.{FILES[name]}").register(part)
            self.data.update(get_group(part).commands)
        return self.data[name]


class _Group(TyperGroup):
    """What typer would gather itself, had each command been registered."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands(dict.fromkeys(FILES))

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Names of commands and options. typer would load every command to ask whether it is hidden."""
        ctx.command = TyperGroup(params=self.params, commands={name: TyperCommand(name) for name in FILES})
        return list(ctx.command.shell_complete(ctx, incomplete))


app = typer.Typer(name="async-endpoint", cls=_Group, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - slow to load, and rarely used

        typer.echo(f"async-endpoint {version('async-endpoint')}")
        raise typer.Exit


@app.callback()
def _described(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Run a model as an asynchronous SageMaker endpoint that scales to zero: on AWS, or on a local AWS on this machine."""


def main() -> None:
    """Run the command line; errors of the tree become one sentence and an exit code, signals 128 and their number."""
    with signals.terminating():
        try:
            with reported_errors():
                app()
        except (SystemExit, KeyboardInterrupt) as ended:
            number = signals.received()
            if number is None or (number == signal.SIGINT and isinstance(ended, SystemExit) and not ended.code):
                raise  # Ctrl-C is how `watch` and `logs --follow` end well
            sys.exit(128 + number)

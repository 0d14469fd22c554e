"""Arguments and options that several commands take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from async_endpoint.core.addresses import whole_environment
from async_endpoint.core.errors import AsyncEndpointError
from async_endpoint.workspace import Workspace


def environment_names(incomplete: str) -> list[str]:
    """The environments of this checkout that begin with `incomplete`; none outside a checkout.

    Shell completion calls it at each press of Tab, so it loads no command and never Terraform.
    """
    try:
        names = Workspace.find().environments
    except (AsyncEndpointError, OSError):  # a message would end up in the command line
        return []
    return [name for name in names if name.startswith(incomplete)]


def is_plan_file(text: str) -> bool:
    """Whether an argument is the path of a file, and not the name of an environment."""
    return (os.sep in text or "." in text) and Path(text).is_file()


def _in_checkout(address: str) -> str:
    """Raise UsageError outside a checkout, before the command asks for the extra that it would need there."""
    Workspace.find()
    return address


Environment = Annotated[
    str,
    typer.Argument(
        metavar="ENV",
        callback=lambda text: _in_checkout(whole_environment(text)),
        autocompletion=environment_names,
        help="An environment, all of it: a folder under envs/.",
    ),
]
EnvironmentOrPlan = Annotated[
    str,
    typer.Argument(
        metavar="ENV|FILE",
        callback=lambda text: _in_checkout(text if is_plan_file(text) else whole_environment(text)),
        autocompletion=environment_names,
        help="An environment, or a plan of one that `plan ENV --out FILE` has kept.",
    ),
]
Endpoints = Annotated[
    str,
    typer.Argument(
        metavar="ENV[/NAME]",
        callback=_in_checkout,
        autocompletion=environment_names,
        help="All endpoints of environment ENV, or the one called NAME.",
    ),
]
Endpoint = Annotated[
    str,
    typer.Argument(
        metavar="ENV[/NAME]",
        callback=_in_checkout,
        autocompletion=environment_names,
        help="Endpoint NAME of environment ENV; ENV alone where it has one endpoint.",
    ),
]
Local = Annotated[bool, typer.Option("--local", help="Use the local AWS; implied for the environment local.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]

"""`async-endpoint adopt`: describe a live endpoint that another tool made in an environment, and plan it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from async_endpoint.cli.arguments import Json, Local, environment_names
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.deploy import Yes, confirmed
from async_endpoint.core.addresses import whole_environment
from async_endpoint.core.errors import AsyncEndpointError, Refused, UsageError
from async_endpoint.workspace import Workspace

if TYPE_CHECKING:
    from async_endpoint.deploy.live_adoption.adopt import Adoption
    from async_endpoint.deploy.plan import Planned

Live = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint's name on SageMaker.")]
Into = Annotated[
    str,
    typer.Option(
        "--env",
        metavar="ENV",
        autocompletion=environment_names,
        help="The environment that is to have it: a folder under envs/.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="Its name there, without the environment's; derived from ENDPOINT without this."
    ),
]
Reference = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        metavar="bucket|role|topics",
        help="Refer to this and never change it, instead of importing it; may be repeated.",
    ),
]
OtherState = Annotated[
    list[Path] | None,
    typer.Option(
        "--other-state",
        metavar="FILE",
        help="A copy of another Terraform state (`terraform state pull`), which must not have the endpoint any more.",
    ),
]
Print = Annotated[bool, typer.Option("--print", help="Print the files on standard output; write and plan nothing.")]


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(adopt)


def adopt(
    endpoint: Live,
    environment: Into,
    name: Name = None,
    local: Local = False,
    reference: Reference = None,
    other_state: OtherState = None,
    only_print: Print = False,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Describe a live endpoint, however it was made, in an environment: files, imports, and their plan. AWS is only read."""
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.live_adoption import adopt as adoption_steps  # noqa: PLC0415
    from async_endpoint.deploy.live_adoption.sharing import REFERABLE  # noqa: PLC0415

    Workspace.find()
    whole_environment(environment)
    if unknown := sorted(set(reference or ()) - set(REFERABLE)):
        raise UsageError(f"--reference {unknown[0]} is not known; give bucket, role or topics.")
    deployment = Deployment.prepare(environment, local=local, on_output=print_progress)
    request = adoption_steps.Request(endpoint, name, frozenset(reference or ()), tuple(other_state or ()))
    adoption = adoption_steps.describe_adoption(deployment, request)
    if only_print:
        _print_files(adoption, environment, as_json=as_json)
        return
    _show(adoption, environment)
    if not yes and not confirmed(
        f"Write {' and '.join(path.name for path in adoption.files)} in envs/{environment}? Type yes:"
    ):
        raise Refused("Nothing was written.")
    adoption_steps.write(deployment, adoption)
    planned = _planned(adoption, environment, local=local, command=deployment.copy.command("plan"))
    if as_json:
        print_json(adoption.document(environment) | {"plan": planned.document(environment)})
        return
    _show_plan(planned)
    for variable, secret in sorted(adoption.described.secrets.items()):
        console.print(
            f"Before the apply: export TF_VAR_{variable}=… (the value of {secret.holders[0]}; it is in no file).",
            soft_wrap=True,
        )
    console.print(
        f"{len(adoption.described.imports)} resources are imported by: {deployment.copy.command('apply')}; afterwards delete "
        f"{next(path.name for path in adoption.files if path.name.endswith('_imports.tf'))}.",
        soft_wrap=True,
    )


def _planned(adoption: Adoption, environment: str, *, local: bool, command: str) -> Planned:
    """The plan of the environment with what was written; an error says that the files are there."""
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.live_adoption.adopt import require_kept  # noqa: PLC0415
    from async_endpoint.deploy.plan import plan_environment  # noqa: PLC0415

    try:
        secrets = {name: secret.value for name, secret in adoption.described.secrets.items()}
        deployment = Deployment.prepare(environment, local=local, plans=True, variables=secrets, on_output=print_progress)
        planned = plan_environment(deployment)
        require_kept(planned, adoption, command)
    except AsyncEndpointError as error:
        written = ", ".join(path.name for path in adoption.files)
        error.append(f"AWS was not changed; {written} in envs/{environment} are written: correct them, or delete what is new.")
        raise
    return planned


def _print_files(adoption: Adoption, environment: str, *, as_json: bool) -> None:
    if as_json:
        print_json(adoption.document(environment))
        return
    for path, text in adoption.files.items():
        sys.stdout.write(f"# envs/{environment}/{path.name}\n{text}\n")
    _show_notes(adoption)


def _show(adoption: Adoption, environment: str) -> None:
    for path, text in adoption.files.items():
        console.print(Text(f"envs/{environment}/{path.name}", "bold"))
        console.print(Text(text), soft_wrap=True)
    _show_notes(adoption)


def _show_notes(adoption: Adoption) -> None:
    for title, sentences in (
        ("changes with the apply", adoption.described.changes),
        ("stays as it is", adoption.described.kept),
        ("note", adoption.notes),
    ):
        for sentence in sentences:
            console.print(Text.assemble((f"{title}: ", "yellow" if title == "note" else "bold"), sentence), soft_wrap=True)


def _show_plan(planned: Planned) -> None:
    from async_endpoint.deploy.summary.text import counts, endpoint_lines  # noqa: PLC0415

    for line in (*planned.notices, *endpoint_lines(planned.summary), counts(planned.changes)):
        console.print(Text(line), soft_wrap=True)

"""Command bootstrap: the bucket of an environment's state, and the files that name it and the account."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from async_endpoint.cli.arguments import Environment, Json, Local
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.deploy import Yes, confirmed
from async_endpoint.workspace import Workspace

Bucket = Annotated[
    str | None,
    typer.Option("--bucket", metavar="NAME", help="The bucket's name; default: terraform-state-<account>-<region>."),
]

_DONE = {"created": "Created", "updated": "Updated", "unchanged": "Nothing to change in", "adopted": "Adopted, unchanged,"}


def register(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command()(bootstrap)


def bootstrap(
    environment: Environment, local: Local = False, as_json: Json = False, yes: Yes = False, bucket: Bucket = None
) -> None:
    """Create or adopt the bucket of the environment's state, and write the files that name it and the account.

    Run it as an administrator, once for each environment and account; repeating it changes nothing, or completes it.
    """
    from async_endpoint.deploy.bootstrap import bootstrap_environment  # noqa: PLC0415
    from async_endpoint.terraform.working_copy import is_local  # noqa: PLC0415

    workspace = Workspace.find()
    workspace.environment(environment)
    if is_local(environment, local=local):
        _print({"environment": environment, "action": "none"}, as_json)
        if not as_json:
            console.print(
                f"{environment} on the local AWS keeps its state in this checkout, and needs no bucket and no account."
            )
        return

    def approve(what: str) -> bool:
        print_progress(what)
        return yes or confirmed("Change AWS? Type yes:")

    done = bootstrap_environment(workspace, environment, bucket=bucket, approve=approve, on_output=print_progress)
    _print(
        {
            "environment": environment,
            "account": done.account,
            "bucket": done.bucket.name,
            "bucket_region": done.bucket.region,
            "action": done.action,
            "written": done.written,
            "notices": done.notices,
        },
        as_json,
    )
    if as_json:
        return
    for notice in done.notices:
        console.print(notice)
    console.print(f"{_DONE[done.action]} bucket {done.bucket.name} in account {done.account}.")
    for path in done.written:
        console.print(f"Wrote {path}, which git ignores.")
    console.print(f"Next: async-endpoint plan {environment}")


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(document)

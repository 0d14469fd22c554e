"""`async-endpoint plan`: what an apply would change, as text, JSON or Markdown; and the plan itself, to be applied later."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from async_endpoint.cli.arguments import Environment, Json, Local
from async_endpoint.cli.console import console, print_json, print_progress
from async_endpoint.cli.price_options import PricesFile, PricesOf, price_lists
from async_endpoint.core.errors import UsageError

DetailedExitCode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="End with 2 when there are changes, as terraform plan does.")
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print a comment for a pull request on standard output.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Keep the plan in FILE, for `apply FILE`. It holds secrets: only you can read it."
    ),
]
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="NAME", help="Keep the plan beside the state as NAME, for `apply ENV --approved NAME`."),
]
AllowReplacement = Annotated[
    bool, typer.Option("--allow-replacement", help="Store a plan too that deletes a serving endpoint and creates it again.")
]


def plan(
    environment: Environment,
    local: Local = False,
    as_json: Json = False,
    as_markdown: Markdown = False,
    out: Out = None,
    store: Store = None,
    allow_replacement: AllowReplacement = False,
    prices: PricesFile = None,
    prices_of: PricesOf = None,
    detailed_exitcode: DetailedExitCode = False,
) -> None:
    """Show what an apply would change, and what it costs."""
    from async_endpoint.deploy.deployment import Deployment  # noqa: PLC0415
    from async_endpoint.deploy.plan import plan_environment  # noqa: PLC0415
    from async_endpoint.deploy.summary.markdown import markdown  # noqa: PLC0415
    from async_endpoint.deploy.summary.text import counts, endpoint_lines  # noqa: PLC0415

    if as_json and as_markdown:
        raise UsageError("--json and --markdown both write to standard output; give one of them.")
    costs = price_lists(prices, prices_of)
    deployment = Deployment.prepare(environment, local=local, plans=True, on_output=print_progress)
    planned = plan_environment(deployment, out=out, store=store, allow_replacement=allow_replacement, prices_of=costs)
    if as_json:
        print_json(planned.document(environment))
    elif as_markdown:
        sys.stdout.write(markdown(environment, planned.summary, counts(planned.changes), planned.notices, planned.digest))
    else:
        for line in (*planned.notices, *endpoint_lines(planned.summary), counts(planned.changes)):
            console.print(Text(line), soft_wrap=True)
    if planned.refusal is not None:
        raise planned.refusal
    if detailed_exitcode and planned.changes.any:
        raise typer.Exit(2)

"""`async-endpoint demo`: the whole life of a request, on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from async_endpoint.cli.console import console
from async_endpoint.cli.tables import recommendations_table


def register(app: typer.Typer) -> None:
    """Add the command `demo` to `app`."""
    app.command()(demo)


def demo(
    time_scale: Annotated[float, typer.Option(help="AWS seconds that pass in a second.", min=1)] = 60.0,
    instance_launch_seconds: Annotated[float, typer.Option(help="AWS seconds that launching an instance takes.", min=0)] = 60.0,
) -> None:
    """Deploy the example on the local AWS, invoke it, watch it sleep and wake, destroy it."""
    from async_endpoint.demo.scenes import play  # noqa: PLC0415 - loads boto3 and Terraform's adapter
    from async_endpoint.demo.story import Story  # noqa: PLC0415

    def line(elapsed: float, text: str) -> None:
        console.print(f"[cyan]{elapsed:6.1f} s[/]", end="  ")
        console.print(text, markup=False)

    story = Story(line, lambda items: console.print(recommendations_table(items)))
    play(story, time_scale=time_scale, launch_seconds=instance_launch_seconds)

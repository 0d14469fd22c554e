"""`async-endpoint package`: check a model folder and write its archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from async_endpoint.cli.console import console, print_json


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""

    @app.command()
    def package(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="Model folder: model files and code/inference.py.")],
        output: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="Archive to write, e.g. model.tar.gz.")],
        custom_image: Annotated[
            bool, typer.Option("--custom-image", help="For an image of your own, which has its program: any files, no handler.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")] = False,
    ) -> None:
        """Check a model folder and write its archive; the same folder always gives the same bytes."""
        # Commands load only what they need.
        from async_endpoint.packaging import build_archive, check_layout, paths_of_containers  # noqa: PLC0415

        packaged = build_archive(folder, output, custom_image=custom_image)
        if as_json:
            print_json(
                {
                    "path": str(packaged.path),
                    "size_bytes": packaged.size_bytes,
                    "sha256": packaged.sha256,
                    "files": packaged.files,
                }
            )
            return
        console.print(f"packaged {packaged.path}", soft_wrap=True)
        for name in [] if custom_image else paths_of_containers(folder, check_layout(folder)):
            note = "names a path under /opt/ml, which the local AWS has on Linux and in containers only; use model_dir"
            console.print(f"  note    {name} {note}", soft_wrap=True)
        console.print(f"  files   {packaged.files}")
        console.print(f"  size    {packaged.size_bytes:,} bytes")
        console.print(f"  sha256  {packaged.sha256}", soft_wrap=True)

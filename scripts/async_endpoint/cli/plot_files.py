"""Charts that commands write."""

from __future__ import annotations

from pathlib import Path

from async_endpoint.core.errors import InvalidInput


def write_plot(path: Path, svg: str) -> None:
    """Write a chart; raises InvalidInput for another suffix than .svg, and where the file cannot be written."""
    if path.suffix != ".svg":
        raise InvalidInput(f"{path} is not an SVG file; give a name that ends in .svg.")
    try:
        path.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}); give a file in an existing folder.") from error

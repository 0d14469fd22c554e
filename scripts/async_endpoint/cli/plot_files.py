"""Charts that commands write."""

from __future__ import annotations

from pathlib import Path

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.extras import require_extra


def check_plot(path: Path) -> None:
    """Raise before a long computation what `write_plot` would raise after it, and MissingExtra without extra [plots]."""
    if path.suffix != ".svg":
        raise InvalidInput(f"{path} is not an SVG file; give a name that ends in .svg.")
    if not path.parent.is_dir():
        raise InvalidInput(f"{path} cannot be written (no folder {path.parent}); give a file in an existing folder.")
    require_extra("plots", "A chart")


def write_plot(path: Path, svg: str) -> None:
    """Write a chart; raises InvalidInput for another suffix than .svg, and where the file cannot be written."""
    check_plot(path)
    try:
        path.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written ({error.strerror}); give a file in an existing folder.") from error

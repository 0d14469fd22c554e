"""Charts of capacity and cost that an operator shows on the console page: SVG files of a folder, read when the process begins.

The page shows them as pictures, in which no script runs and nothing is loaded. They are not tied to endpoints: every caller of
the API sees them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from async_endpoint.core.errors import InvalidInput
from async_endpoint.input_files import printable, read_input

MAX_PLOTS: Final = 20
MAX_BYTES: Final = 1_000_000
PLOT_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_SVG: Final = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class CapacityPlot:
    """One chart: the file's name, what its `title` and `desc` say, and the image."""

    name: str
    title: str
    description: str
    content: bytes


def read_plots(folder: Path) -> tuple[CapacityPlot, ...]:
    """The SVG files of a folder by name. Raises InvalidInput for a folder or a file that cannot be shown."""
    if not folder.is_dir():
        raise InvalidInput(f"{printable(folder)} is not a folder; give one with SVG files, as `cost --plot` writes them.")
    files = sorted(path for path in folder.iterdir() if path.suffix == ".svg")
    if not 0 < len(files) <= MAX_PLOTS:
        raise InvalidInput(f"{printable(folder)} has {len(files)} SVG files; the page shows 1 to {MAX_PLOTS}.")
    return tuple(_read(path) for path in files)


def _read(path: Path) -> CapacityPlot:
    if not re.fullmatch(PLOT_NAME, path.name):
        raise InvalidInput(
            f"{printable(path)} has a name with other characters than letters, digits, `.`, `_` and `-`; rename it."
        )
    content = read_input(path, MAX_BYTES)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InvalidInput(
            f"{printable(path)} declares a document type or entities, which charts of this package have none of."
        )
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise InvalidInput(f"{printable(path)} is not well-formed XML ({error}); write the chart again.") from None
    if root.tag != f"{_SVG}svg":
        raise InvalidInput(f"{printable(path)} is not an SVG image; write the chart again.")
    title, description = (root.findtext(f"{_SVG}{name}", "").strip() for name in ("title", "desc"))
    return CapacityPlot(path.name, title or path.stem, description, content)

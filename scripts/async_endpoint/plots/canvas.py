"""Figures of matplotlib as deterministic SVG text that follows the reader's light or dark scheme.

matplotlib writes colours into `style` attributes, where no stylesheet reaches them. Those of the palette become attributes of
their own and a class, so that a media query replaces them; renderers without stylesheets show the light scheme.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

from async_endpoint.core.extras import require_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SVG: Final = "http://www.w3.org/2000/svg"
WIDTH_INCHES: Final = 8.0

# Light and dark. Contrast of at least 3 with white and with #0d1117, that of text at least 4.5.
PALETTE: Final = {
    "ink": ("#1f2328", "#e6edf3"),
    "muted": ("#59636e", "#9198a1"),
    "grid": ("#d1d9e0", "#3d444d"),
    "blue": ("#0969da", "#4493f8"),
    "orange": ("#bc4c00", "#f0883e"),
    "green": ("#1a7f37", "#3fb950"),
    "purple": ("#8250df", "#ab7df8"),
    "teal": ("#1b7c83", "#39c5cf"),
    "pink": ("#bf3989", "#f778ba"),
    "yellow": ("#9a6700", "#d29922"),
    "grey": ("#6e7781", "#8b949e"),
}
INK, MUTED, GRID, BLUE, ORANGE, GREEN, PURPLE, TEAL, PINK, YELLOW, GREY = (light for light, _ in PALETTE.values())
SERIES: Final = (BLUE, ORANGE, GREEN, PURPLE, TEAL, PINK, YELLOW, GREY)
_NOT_XML: Final = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAMES: Final = {light: name for name, (light, _) in PALETTE.items()}
_SETTINGS: Final = {
    "svg.hashsalt": "async-endpoint",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "legend.frameon": False,
    "figure.facecolor": "none",
}


@contextmanager
def figure(rows: int = 1, *, height: float = 4.0, heights: tuple[float, ...] = ()) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure with `rows` charts above each other, which share their horizontal axis. Raises ExtraMissing without matplotlib.

    The settings of matplotlib that a user has made do not reach it.
    """
    require_extra("plots", "A chart")
    import matplotlib as mpl  # noqa: PLC0415 - an extra
    import matplotlib.style  # noqa: PLC0415
    from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415

    with mpl.style.context(["default", _SETTINGS]):
        made = NewFigure(figsize=(WIDTH_INCHES, height), layout="constrained")
        ratios = list(heights) if heights else None
        yield made, list(made.subplots(rows, sharex=True, squeeze=False, height_ratios=ratios)[:, 0])


def rendered(made: Figure, title: str, description: str) -> str:
    """The SVG text of a figure, in the settings of `figure`. Titles may have any character."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    made.savefig(file, format="svg", transparent=True, metadata=nothing)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(file.getvalue())
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        _follow_scheme(element)
    _describe(root, title, description)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _follow_scheme(element: ElementTree.Element) -> None:
    """Move the palette's colours out of the `style` of an element."""
    kept, classes = [], element.get("class", "").split()
    for declaration in filter(None, (part.strip() for part in element.get("style", "").split(";"))):
        member, _, value = declaration.partition(":")
        if member in ("fill", "stroke") and (name := _NAMES.get(value.strip())):
            element.set(member, value.strip())
            classes.append(f"{member}-{name}")
        else:
            kept.append(declaration)
    if "style" in element.attrib:
        element.set("style", "; ".join(kept))
    if classes:
        element.set("class", " ".join(classes))


def _describe(root: ElementTree.Element, title: str, description: str) -> None:
    root.set("role", "img")
    root.set("aria-labelledby", "title desc")
    rules = "".join(
        f".{member}-{name}{{{member}:{dark}}}" for name, (_, dark) in PALETTE.items() for member in ("fill", "stroke")
    )
    first = {"title": title, "desc": description, "style": f"@media(prefers-color-scheme:dark){{{rules}}}"}
    for place, (tag, content) in enumerate(first.items()):
        element = ElementTree.Element(f"{{{SVG}}}{tag}", {} if tag == "style" else {"id": tag})
        element.text = _NOT_XML.sub("\ufffd", content)
        root.insert(place, element)

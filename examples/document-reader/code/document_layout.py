"""Lines of text with their places on a page, and the order in which a person reads them.

Boxes are four corners (x, y) in pixels from the top left of the page, clockwise from the top left corner of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Box = tuple[tuple[int, int], ...]
CELL_SEPARATOR = "\t"
SAME_ROW = 0.5  # of the lower line's height: how far apart the middles of two lines of one row may be


@dataclass(frozen=True)
class Line:
    """A piece of text on one line, as it was recognised; `confidence` is between 0 and 1."""

    text: str
    confidence: float
    box: Box

    @property
    def left(self) -> float:
        return min(x for x, _ in self.box)

    @property
    def middle(self) -> float:
        return sum(y for _, y in self.box) / len(self.box)

    @property
    def height(self) -> float:
        return max(y for _, y in self.box) - min(y for _, y in self.box)


def lines_of(recognised: Iterable[Sequence[Any]] | None) -> list[Line]:
    """The lines that RapidOCR returns as (corners, text, confidence), and None for a page without text."""
    return [
        Line(str(text), round(float(confidence), 4), tuple((round(x), round(y)) for x, y in corners))
        for corners, text, confidence in recognised or ()
    ]


def rows(lines: Iterable[Line]) -> list[list[Line]]:
    """The lines from top to bottom, those at the same height together, from left to right: a table's cells are one row."""
    found: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.middle):
        last = found[-1][-1] if found else None
        if last is not None and line.middle - last.middle < SAME_ROW * min(line.height, last.height):
            found[-1].append(line)
        else:
            found.append([line])
    return [sorted(row, key=lambda line: line.left) for row in found]


def page_document(number: int, size: tuple[int, int], lines: Iterable[Line]) -> dict[str, Any]:
    """What a response says about page `number`, counted from 1, of `size` (width, height) in pixels."""
    ordered = rows(lines)
    return {
        "page": number,
        "width": size[0],
        "height": size[1],
        "text": "\n".join(CELL_SEPARATOR.join(line.text for line in row) for row in ordered),
        "lines": [
            {"text": line.text, "confidence": line.confidence, "box": [list(corner) for corner in line.box]}
            for row in ordered
            for line in row
        ],
    }

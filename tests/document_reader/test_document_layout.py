"""Lines of text in the order in which a person reads them."""

from __future__ import annotations

import random

from document_layout import lines_of, page_document
from hypothesis import given
from hypothesis import strategies as st


def recognised(text: str, x: float, y: float, width: float = 100, height: float = 30) -> list[object]:
    """A line as RapidOCR returns it."""
    return [[[x, y], [x + width, y], [x + width, y + height], [x, y + height]], text, 0.98765]


def text_of(*found: list[object]) -> str:
    return str(page_document(1, (1000, 1000), lines_of(found))["text"])


def test_the_cells_of_a_row_are_separated_by_tabs() -> None:
    table = [recognised(f"{row}{column}", 200 * column, 100 + 50 * row) for row in range(3) for column in range(3)]
    random.Random("rows").shuffle(table)
    assert text_of(*table) == "00\t01\t02\n10\t11\t12\n20\t21\t22"


def test_a_row_may_be_uneven_and_a_heading_high() -> None:
    assert text_of(recognised("amount", 400, 106, height=24), recognised("goods", 100, 100)) == "goods\tamount"
    assert text_of(recognised("below", 100, 160), recognised("Heading", 400, 90, height=60)) == "Heading\nbelow"


@given(st.integers(min_value=0, max_value=8), st.integers(min_value=1, max_value=30))
def test_a_page_that_is_a_little_askew_keeps_its_rows(slope: int, count: int) -> None:
    """At most 8 pixels from the left to the right column, a third of the height of a line."""
    page = [
        recognised(f"{row}{side}", x, 100 + 45 * row + slope * x / 600)
        for row in range(count)
        for side, x in (("a", 0), ("b", 600))
    ]
    assert text_of(*page) == "\n".join(f"{row}a\t{row}b" for row in range(count))


def test_a_page_document_has_boxes_in_whole_pixels() -> None:
    assert page_document(7, (1240, 1754), lines_of([recognised("Hamburg", 10.4, 20.6)])) == {
        "page": 7,
        "width": 1240,
        "height": 1754,
        "text": "Hamburg",
        "lines": [{"text": "Hamburg", "confidence": 0.9877, "box": [[10, 21], [110, 21], [110, 51], [10, 51]]}],
    }


def test_a_page_without_text_has_no_lines() -> None:
    assert page_document(1, (60, 90), lines_of(None)) == {"page": 1, "width": 60, "height": 90, "text": "", "lines": []}

"""Tables that more than one command shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text


def recommendations_table(items: list[Any]) -> Table:
    """The recommender's items: path, category, gender, score."""
    table = Table("#", "item", "category", "gender", "score", title="recommendations")
    for rank, item in enumerate(items, start=1):
        fields = item if isinstance(item, Mapping) else {"path": item}
        score = fields.get("score")
        shown = f"{score:.4f}" if isinstance(score, float) else score
        cells = (rank, *(fields.get(name) for name in ("path", "category", "gender")), shown)
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in cells))
    return table

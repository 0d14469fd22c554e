"""Text of messages."""

from __future__ import annotations

from collections.abc import Sequence


def joined(items: Sequence[str]) -> str:
    """A list in a sentence: "A", "A and B", "A, B and C"."""
    *rest, last = items or [""]
    return f"{', '.join(rest)} and {last}" if rest else last

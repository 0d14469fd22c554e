"""Text of messages."""

from __future__ import annotations

from collections.abc import Sequence


def with_article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def joined(items: Sequence[str]) -> str:
    """A list in a sentence: "A", "A and B", "A, B and C"."""
    *rest, last = items or [""]
    return f"{', '.join(rest)} and {last}" if rest else last

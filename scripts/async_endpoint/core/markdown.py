"""GitHub's Markdown for comments and issues: text from elsewhere, escaped.

A name, a tag or an error text can add no formatting, no mention of a person, no reference to an issue and no end of the page.
"""

from __future__ import annotations

import html
from typing import Final

MAX_CHARACTERS: Final = 65_536  # of a comment or an issue: GitHub answers 422 "body is too long (maximum is 65536 characters)"
MAX_TEXT_CHARACTERS: Final = 500

_ACTIVE: Final = "\\`*_{}[]()#+!|~@:^"


def code(value: str) -> str:
    """Text as code, in HTML: in a span of backticks neither a backtick nor, in a table, a bar can be escaped."""
    return f"<code>{text(value)}</code>"


def text(value: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """At most `most` characters in one line, literally: what Markdown or GitHub could act on is a character reference."""
    shortened = value if len(value) <= most else f"{value[:most]}…"
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in shortened).split())
    return "".join(f"&#{ord(letter)};" if letter in _ACTIVE else html.escape(letter) for letter in line)

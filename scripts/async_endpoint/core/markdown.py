"""GitHub's Markdown for comments and issues: text from elsewhere, escaped.

A name, a tag or an error text can add no formatting, no mention of a person, no reference to an issue and no end of the page.
"""

from __future__ import annotations

import html
from typing import Final

MAX_CHARACTERS: Final = 65_536  # of a comment or an issue: GitHub answers 422 "body is too long (maximum is 65536 characters)"
MAX_TEXT_CHARACTERS: Final = 500

_ACTIVE: Final = "\\`*_{}[]()#+!|~@:^$"


def code(value: str) -> str:
    """Text as code, in HTML: in a span of backticks neither a backtick nor, in a table, a bar can be escaped."""
    return f"<code>{_escaped(value, MAX_TEXT_CHARACTERS)}</code>"


def text(value: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """At most `most` characters in one line, literally: what Markdown could act on is a character reference.

    Mentions and references to issues are broken up as well: GitHub looks for them once character references are resolved.
    """
    escaped = _escaped(value, most)
    for linked in ("&#64;", "&#35;", "GH-", "www."):
        escaped = escaped.replace(linked, f"{linked}&#8203;")
    return escaped


def fitting(lines: list[str], room: int, rest: str) -> list[str]:
    """As many lines as there is room for, in characters; `rest` counts the others."""
    if length(lines) <= room:
        return lines
    room -= len(rest) + 10
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return [*kept, rest.format(len(lines) - len(kept))]


def length(lines: list[str]) -> int:
    """The characters of lines, line ends included."""
    return sum(len(line) + 1 for line in lines)


def _escaped(value: str, most: int) -> str:
    shortened = value if len(value) <= most else f"{value[:most]}…"
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in shortened).split())
    return "".join(f"&#{ord(letter)};" if letter in _ACTIVE else html.escape(letter) for letter in line)

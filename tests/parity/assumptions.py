"""The numbered assumptions about AWS, as the documentation lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
_ITEM = re.compile(r"^- \*\*(A\d+)\*\* · (.*(?:\n  .*)*)", re.MULTILINE)
_NOT_PROBED = re.compile(r"Not probed: (.+)")


@dataclass(frozen=True)
class Assumption:
    """`not_probed` is the reason that no probe can check it, after `Not probed: ` at the end of its text."""

    number: str
    text: str
    not_probed: str = ""


def read_assumptions(docs: Path = DOCS) -> dict[str, Assumption]:
    """Number → assumption, of every list item `- **A1** · …` in docs/*.md."""
    found = {}
    for page in sorted(docs.glob("*.md")):
        for number, lines in _ITEM.findall(page.read_text()):
            text = " ".join(lines.split())
            reason = _NOT_PROBED.search(text)
            assert number not in found, f"{number} is listed twice"
            found[number] = Assumption(number, text, reason[1] if reason else "")
    return found

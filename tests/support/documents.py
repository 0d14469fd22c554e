"""The Markdown of this repository, in pieces that can be checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE_HERE = {".git", ".venv", ".local", ".terraform", ".pytest_cache", "build"}

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Document:
        return cls(path, path.read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def prose(self) -> str:
        return _FENCE.sub("", self.text)

    def fences(self) -> list[tuple[str, str]]:
        """Language, "" where none is named, and body of every fenced block, in their order."""
        return _FENCE.findall(self.text)

    def blocks(self, language: str) -> list[str]:
        """The bodies of fenced blocks in `language`; "" for those that name none."""
        return [body for found, body in self.fences() if found == language]

    def commands(self) -> Iterator[str]:
        """Every line of code, fenced without a language or inline, without its comment; continued lines are joined."""
        for code in [*self.blocks(""), *coded(self.prose)]:
            for line in code.replace("\\\n", " ").splitlines():
                yield re.split(r"\s#\s", line.strip())[0].strip()

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next one of any level."""
        match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", self.prose, re.MULTILINE | re.DOTALL)
        assert match, f"{self.name} has no section {heading!r}"
        return match[1]

    def headings(self) -> list[str]:
        return re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)

    @property
    def anchors(self) -> set[str]:
        """Of the headings, as GitHub makes them."""
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in self.headings()}

    @property
    def links(self) -> list[str]:
        return re.findall(r"\]\(([^)\s]+)\)", self.prose)


def documents() -> list[Document]:
    paths = [path for path in ROOT.rglob("*.md") if not MADE_HERE & set(path.relative_to(ROOT).parts)]
    return [Document.read(path) for path in sorted(paths)]


def bullets(section: str) -> list[str]:
    return re.findall(r"^- (.+)$", section, re.MULTILINE)


def rows(section: str) -> list[list[str]]:
    """The cells of a table, row by row, without its head."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def coded(text: str) -> list[str]:
    """What stands in backticks."""
    return _INLINE.findall(text)

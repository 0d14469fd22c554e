"""docs/troubleshooting.md quotes errors that exist: those of this repository from its code, others with their source."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from async_endpoint.core import errors
from support.documents import ROOT, Document, coded

PAGE = Document.read(ROOT / "docs/troubleshooting.md")
FOREIGN = "From AWS, Terraform and GitHub"
SECTIONS = [heading for heading in PAGE.headings()[1:] if heading != FOREIGN]


@cache
def printed() -> str:
    """All texts of the code, a line each, with an ellipsis for each value in them."""
    texts = []
    for path in (ROOT / "scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(re.sub(r"\{\w+\}", "…", node.value))
    return "\n".join(" ".join(text.split()) for text in texts)


def quoted(cell: str) -> list[str]:
    """The texts of a cell: what is in backticks, but not the names of errors."""
    return [text for text in coded(cell) if not hasattr(errors, text)]


def rows_of(heading: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    lines = [line for line in PAGE.section(heading).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


@pytest.mark.parametrize("heading", SECTIONS)
def test_texts_are_those_of_the_code(heading: str) -> None:
    rows = rows_of(heading)
    assert rows
    for text, remedy in rows:
        assert quoted(text) and remedy, text
    assert [one for text, _ in rows for one in quoted(text) if one.rstrip("… ") not in printed()] == []


def test_texts_of_others_have_a_source() -> None:
    for text, remedy, source in rows_of(FOREIGN):
        assert quoted(text) and remedy and source
        for one in quoted(text):
            assert len(one) > 8


def test_every_error_of_the_tree_is_named() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.AsyncEndpointError)]
    leaves = {kind.__name__ for kind in kinds if len(kind.__mro__) > len(errors.UsageError.__mro__)}
    general = {"InvalidInput"}  # its texts are as many as there are fields
    assert leaves - general <= set(coded(PAGE.prose))


def test_the_entries_of_the_guide_are_found() -> None:
    """What the troubleshooting of AWS's asynchronous inference samples has, in its words."""
    for title in (
        "Endpoint not found",
        "Access denied to S3 bucket",
        "SNS topic not found",
        "Result not available after 10 minutes",
    ):
        assert f'"{title}"' in PAGE.prose

"""Assumptions about AWS are listed in docs/assumptions.md, by unique numbers; every number that a file names is in the list."""

from __future__ import annotations

import re

import pytest

from support.documents import ROOT, documents

LIST = ROOT / "docs/assumptions.md"
ITEM = re.compile(r"^- \*\*A(\d+)\*\* · ", re.MULTILINE)
NUMBER = re.compile(r"\bA(\d{1,3})\b(?: to A(\d{1,3})\b)?")
FOLDERS = ("scripts", "modules", "envs", "examples", "tests", "docs")


def listed() -> list[int]:
    """The numbers of the assumptions in the order of the list."""
    return [int(number) for number in ITEM.findall(LIST.read_text())]


def test_each_number_is_used_once() -> None:
    assert len(listed()) > 30
    assert sorted(set(listed())) == sorted(listed())


def test_every_number_that_a_page_names_is_in_the_list() -> None:
    for document in documents():
        for first, last in NUMBER.findall(document.prose):
            assert {int(first), int(last or first)} <= set(listed()), f"{document.name} names A{first}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_number_that_code_names_is_in_the_list(folder: str) -> None:
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".tf", ".hcl"} and ".terraform" not in path.parts:
            for first, last in re.findall(r"(?<![\w\"'/:%.-])A(\d{1,3})\b(?! ?[\"'=])(?: to A(\d{1,3})\b)?", path.read_text()):
                assert {int(first), int(last or first)} <= set(listed()), f"{path.relative_to(ROOT)} names A{first}"


def test_only_the_list_numbers_assumptions() -> None:
    for document in documents():
        if document.path != LIST:
            assert not ITEM.search(document.text), f"{document.name} has assumptions of its own: move them to {LIST.name}"

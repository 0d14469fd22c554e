"""Decision records, pre-commit hooks and issue forms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from support.documents import ROOT, Document, rows

RECORDS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
HEAD = re.compile(
    r"# (\d{4}) · (.+)\n\n(\d{4}-\d\d-\d\d) · (Accepted|Superseded on \d{4}-\d\d-\d\d by \[(\d{4})\]\(.+\.md\))\n"
)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_decision_record_has_date_status_and_three_sections(path: Path) -> None:
    record = Document.read(path)
    head = HEAD.match(record.text)
    assert head, "the head is no number, title, date and status"
    assert path.name.startswith(f"{head[1]}-")
    assert record.headings()[1:] == ["Context", "Decision", "Consequences"]
    assert all(record.section(heading).strip() for heading in record.headings()[1:])
    assert head[5] is None or head[5] in {other.name[:4] for other in RECORDS}


def test_the_index_of_decisions_is_complete() -> None:
    expected = []
    for path in RECORDS:
        head = HEAD.match(path.read_text())
        assert head
        expected.append([f"[{head[1]}]({path.name})", head[2], head[3], head[4].split()[0].lower()])
    assert rows(Document.read(ROOT / "docs/adr/README.md").text) == expected


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [int(path.name[:4]) for path in RECORDS]
    assert numbers == sorted(set(numbers))


def test_the_hooks_are_the_parts_of_make_lint() -> None:
    (lint,) = re.findall(r"^lint: (.+?) ##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    assert sorted(hook["entry"] for hook in repository["hooks"]) == sorted(f"make {part}" for part in lint.split())
    assert {(hook["language"], hook["pass_filenames"]) for hook in repository["hooks"]} == {("system", False)}
    for hook in repository["hooks"]:
        if pattern := hook.get("files"):
            files = [
                path for top in ("scripts", "modules", ".ci", "envs") for path in (ROOT / top).rglob("*") if path.is_file()
            ]
            assert any(re.search(pattern, path.relative_to(ROOT).as_posix()) for path in files), f"{hook['id']} checks no file"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_has_what_github_requires(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert fields and all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
    assert {field["type"] for field in form["body"]} <= {"markdown", "input", "textarea", "dropdown", "checkboxes"}

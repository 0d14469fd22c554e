"""docs/operations.md has a section for each alarm, to which the alarm's description points."""

from __future__ import annotations

import re

import pytest

from support.documents import ROOT, Document

OPERATIONS = Document.read(ROOT / "docs/operations.md")
ALARMS = re.findall(r"^    (\w+) = \{$", (ROOT / "modules/monitoring/alarms.tf").read_text(), re.MULTILINE)
LINK = re.compile(r"See (docs/[\w-]+\.md)#([\w${}.-]+)\.")


def test_every_alarm_has_a_section_and_no_other() -> None:
    documented = [
        heading.removeprefix("Alarm ").strip("`") for heading in OPERATIONS.headings() if heading.startswith("Alarm `")
    ]
    assert len(ALARMS) >= 18
    assert documented == sorted(ALARMS)


@pytest.mark.parametrize("alarm", ALARMS)
def test_a_section_has_meaning_first_check_and_remedy(alarm: str) -> None:
    meaning, _, steps = OPERATIONS.section(f"Alarm `{alarm}`").strip().partition("\n\n1. First check: ")
    assert meaning and not meaning.startswith("1.")
    check, _, remedy = steps.partition("\n2. Remedy: ")
    assert check and remedy


def test_links_of_descriptions_resolve() -> None:
    """In a description `${name}` is the name of the alarm; HCL tests compare complete descriptions."""
    links = [
        (file, anchor.replace("${name}", alarm))
        for source in ROOT.glob("modules/*/*.tf")
        for file, anchor in LINK.findall(source.read_text(encoding="utf-8"))
        for alarm in ALARMS
    ]
    assert {anchor for _, anchor in links} >= {"alarms-of-scaling", *(f"alarm-{alarm}" for alarm in ALARMS)}
    for file, anchor in links:
        assert anchor in Document.read(ROOT / file).anchors, f"{file} has no #{anchor}"

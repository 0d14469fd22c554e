"""Changes made outside Terraform are all reported at once, by verify and by drift; an apply repairs those that they say."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from async_endpoint.deploy.drift.rows import DriftRow
from trials.drift_detection import as_sentence, reports
from trials.further_changes import MORE
from trials.out_of_band import CHANGES, World

FURTHER = [change for change in MORE if not change.alone]
TOGETHER = [change for change in CHANGES if not change.alone]
BOUNDS = {"scalable target: maximum"}

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-prod"),
    pytest.mark.parametrize("root", ["prod"], indirect=True),
]


def test_every_change_is_reported_and_an_apply_repairs_what_it_says(root: Any) -> None:
    assert root.succeed("verify", "--json", "--no-plan").document["verified"] is True
    needed = copy.deepcopy(root.needed)
    world = World(root.client, root.outputs)
    undo = {change.name: change.change(world) for change in [*TOGETHER, *FURTHER]}

    verified = root.run("verify", "--json")

    assert verified.code == 4
    differences = _differences(verified.document)
    said = {f"{one['subject']} {one['found']}": one["repaired_by_apply"] for one in differences}
    reported = {change.name: [text for text in said if change.reported in text] for change in TOGETHER}
    assert [name for name, texts in reported.items() if not texts] == [], differences
    for change in TOGETHER:
        assert {said[text] for text in reported[change.name]} == {change.repaired}, change.name

    rows = _drift(root)
    for change in [*TOGETHER, *FURTHER]:
        about = [row for row in rows if reports(row, change)]
        assert change.repaired in {row.repaired_by_apply for row in about}, (change.name, [*map(as_sentence, rows)])

    applied = root.run("apply")

    assert applied.code == 4, "what an apply does not repair is reported after it"
    left = [change for change in TOGETHER if change.reported in applied.sentence]
    for change in left:
        undo[change.name]()
    not_repaired = {change.name for change in TOGETHER if not change.repaired}
    # By then one of the root's schedules may have set the bounds.
    assert {change.name for change in left} | BOUNDS == not_repaired | BOUNDS, applied.sentence
    rows = _drift(root)
    added = [change for change in FURTHER if not change.repaired]
    assert all(any(reports(row, change) for row in rows) for change in added), "an apply has not taken them over"
    for change in added:
        undo[change.name]()
    assert [as_sentence(row) for row in _drift(root)] == []
    root.needed = needed  # the policies are for a deployment that is as it was applied


def _drift(root: Any) -> list[DriftRow]:
    """What `drift` reports."""
    ended = root.run("drift", "--json")
    assert ended.code == (4 if ended.document["drift"] else 0), ended.err
    return [DriftRow(**row) for row in ended.document["drift"]]


def _differences(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The differences of every endpoint, and of the plan."""
    return [difference for part in [*document["endpoints"].values(), document["plan"]] for difference in part["differences"]]

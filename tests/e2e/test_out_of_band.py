"""Changes made outside Terraform are all reported at once; an apply repairs exactly those reported as repairable."""

from __future__ import annotations

from typing import Any

import pytest

from trials.out_of_band import CHANGES, World

TOGETHER = [change for change in CHANGES if not change.alone]
BOUNDS = {"scalable target: maximum"}

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-prod"),
    pytest.mark.parametrize("root", ["prod"], indirect=True),
]


def test_every_change_is_reported_and_an_apply_repairs_what_it_says(root: Any) -> None:
    assert root.succeed("verify", "--json", "--no-plan").document["verified"] is True
    world = World(root.client, root.outputs)
    undo = {change.name: change.change(world) for change in TOGETHER}

    verified = root.run("verify", "--json")

    assert verified.code == 4
    differences = _differences(verified.document)
    said = {f"{one['subject']} {one['found']}": one["repaired_by_apply"] for one in differences}
    reported = {change.name: [text for text in said if change.reported in text] for change in TOGETHER}
    assert [name for name, texts in reported.items() if not texts] == [], differences
    for change in TOGETHER:
        assert {said[text] for text in reported[change.name]} == {change.repaired}, change.name

    applied = root.run("apply")

    assert applied.code == 4, "what an apply does not repair is reported after it"
    left = [change for change in TOGETHER if change.reported in applied.sentence]
    for change in left:
        undo[change.name]()
    not_repaired = {change.name for change in TOGETHER if not change.repaired}
    # By then one of the root's schedules may have set the bounds.
    assert {change.name for change in left} | BOUNDS == not_repaired | BOUNDS, applied.sentence
    assert _differences(root.run("verify", "--json").document) == []


def _differences(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The differences of every endpoint, and of the plan."""
    return [difference for part in [*document["endpoints"].values(), document["plan"]] for difference in part["differences"]]

"""The changes that the trials of drift make: each has the words of the row that must report it, so that no other row does."""

from __future__ import annotations

from async_endpoint.deploy.drift.rows import DriftRow
from trials.drift_detection import EVERY, reports
from trials.planned_rows import PLANNED_ROWS
from trials.unlisted_changes import UNLISTED, UNSEEN

NAMES = [change.name for change in (*EVERY, *UNLISTED)]


def test_every_change_has_words_of_its_own() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert set(PLANNED_ROWS) <= set(NAMES)
    assert [change.name for change in EVERY if change.by == "plan" and change.name not in PLANNED_ROWS] == []
    assert {change.name for change in UNLISTED} - set(PLANNED_ROWS) == set(UNSEEN)


def test_another_row_about_the_same_resource_does_not_report_a_change() -> None:
    [tag] = [change for change in EVERY if change.name == "role: tag"]
    role = "module.model.aws_iam_role.execution[0]"
    assert not reports(DriftRow("", role, "description", "none", "another", True, "apply"), tag)
    assert reports(DriftRow("", role, "tags_all.owner", "another", "none", True, "apply"), tag)

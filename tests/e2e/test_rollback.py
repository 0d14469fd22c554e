"""A failed update, and one that its alarms would end, through the command line and an ordinary Terraform."""

from __future__ import annotations

import pytest

from trials.rollbacks import deployment, muted_update, rollback, update_by_hand

pytestmark = pytest.mark.terraform


def test_a_rollback_is_reported_keeps_what_serves_and_is_corrected_by_going_back() -> None:
    with deployment("model 0") as trials:
        # Number 6 changes the instance type too, so that scaling is deregistered, and goes back to the model that serves.
        serving, wrong = rollback(trials, "failing health check", 6, "model 0")
        assert (serving, wrong) == ("model 0", [])
        assert muted_update(trials) == []
        assert update_by_hand(trials, 7) == []

"""The wrong simulators of tests/trials/simulator_mutants.py: their changes still apply to the source."""

from __future__ import annotations

import pytest

from support.simulator_mutants import MUTANTS, Mutant, occurrences


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_change_applies_at_one_place(mutant: Mutant) -> None:
    assert occurrences(mutant) == 1
    assert mutant.right != mutant.wrong

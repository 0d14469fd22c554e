"""The wrong simulators of tests/trials/simulator_mutants.py: their changes still apply to the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.simulator_mutants import MUTANTS, PACKAGE, TESTS, Mutant, mutated_checkout, occurrences


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_change_applies_at_one_place(mutant: Mutant) -> None:
    assert occurrences(mutant) == 1
    assert mutant.right != mutant.wrong


def test_a_mutant_is_built_from_this_checkout(tmp_path: Path) -> None:
    folder = mutated_checkout(tmp_path, MUTANTS[0])
    assert MUTANTS[0].wrong in (folder / PACKAGE / MUTANTS[0].file).read_text()
    assert all((folder / "tests" / "capacity" / test).is_file() for test in TESTS)

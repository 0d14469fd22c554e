"""The list of what the local AWS does not emulate names nothing that the options of this one turn on."""

from __future__ import annotations

from async_endpoint.emulator import NOT_EMULATED, not_emulated


def test_options_remove_the_lines_that_they_make_untrue() -> None:
    assert not_emulated(enforces_iam=False, runs_images=False) == NOT_EMULATED
    for named, left in (
        ("--enforce-iam", not_emulated(enforces_iam=True, runs_images=False)),
        ("--containers", not_emulated(enforces_iam=False, runs_images=True)),
    ):
        (removed,) = set(NOT_EMULATED) - set(left)
        assert f"unless started with {named}" in removed
        assert left == tuple(line for line in NOT_EMULATED if line != removed)

"""Every probe on the local AWS: each of its assumptions holds there, or deviates where the local AWS is stricter on purpose."""

from __future__ import annotations

import pytest

from parity.probe import Observation, Verdict, all_probes

pytestmark = pytest.mark.xdist_group("parity")
PROBES = {probe.name: probe for probe in all_probes()}


@pytest.mark.parametrize("name", PROBES)
def test_what_a_probe_observes(name: str, parity_observations: dict[str, list[Observation]]) -> None:
    wanted = Verdict.DEVIATES if PROBES[name].stricter_locally else Verdict.HOLDS
    wrong = [item for item in parity_observations[name] if item.verdict is not wanted]
    assert parity_observations[name]
    assert not wrong

"""Assumptions and probes refer to each other."""

from __future__ import annotations

from parity.assumptions import read_assumptions
from parity.probe import all_probes


def test_every_probe_names_assumptions_that_exist() -> None:
    assumptions, probes = read_assumptions(), all_probes()
    assert len(assumptions) >= 40
    assert len(probes) > 2
    assert not {f"{probe.name}: {number}" for probe in probes for number in probe.assumptions if number not in assumptions}


def test_every_probe_says_what_it_checks_and_what_would_contradict_it() -> None:
    assert not [probe.name for probe in all_probes() if not (probe.summary and probe.deviation and probe.assumptions)]

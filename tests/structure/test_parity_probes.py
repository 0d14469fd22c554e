"""Assumptions and probes refer to each other."""

from __future__ import annotations

import ast
from pathlib import Path

from parity.assumptions import read_assumptions
from parity.probe import all_probes

PARITY = Path(__file__).parents[1] / "parity"


def test_only_deviations_know_the_emulator() -> None:
    wrong = {
        f"{path.relative_to(PARITY)} imports {node.module}"
        for path in PARITY.rglob("*.py")
        if path.parent.name != "deviations"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("async_endpoint.emulator")
    }
    assert not wrong


def test_every_probe_names_assumptions_that_exist() -> None:
    assumptions, probes = read_assumptions(), all_probes()
    assert len(assumptions) >= 40
    assert len(probes) > 2
    assert not {f"{probe.name}: {number}" for probe in probes for number in probe.assumptions if number not in assumptions}


def test_every_probe_has_a_deviation_that_it_must_find() -> None:
    """By their source, since a deviation imports the emulator; tests/trials/parity_deviations.py applies all of them."""
    decorated = [
        str(decorator.args[0].value)
        for path in (PARITY / "deviations").glob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.args[0], ast.Constant)
    ]
    probes = {probe.name: probe for probe in all_probes()}
    assert {*decorated} <= {*probes}
    # One that deviates on the local AWS as it is needs no other deviation.
    assert not {name for name, probe in probes.items() if not probe.stricter_locally} - {*decorated}


def test_every_probe_says_what_it_checks_and_what_would_contradict_it() -> None:
    assert not [probe.name for probe in all_probes() if not (probe.summary and probe.deviation and probe.assumptions)]


def test_every_assumption_has_a_probe_or_a_reason() -> None:
    probed = {number for probe in all_probes() for number in probe.assumptions}
    assumptions = read_assumptions().values()
    assert not {item.number for item in assumptions if item.number not in probed and not item.not_probed}
    assert not {item.number for item in assumptions if item.number in probed and item.not_probed}

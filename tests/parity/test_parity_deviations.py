"""Probes find a wrong AWS, and report nothing else: a sample of tests/trials/parity_deviations.py, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from parity.probe import all_probes

TRIAL = Path(__file__).resolve().parents[1] / "trials/parity_deviations.py"
DEVIATIONS = ("existing_models_are_another_error", "output_location_has_another_place")
AGAINST = ("configuration_in_use_is_deleted", "names_that_exist", "success_notification")

pytestmark = pytest.mark.slow


def test_each_deviation_is_found_by_its_own_probe_and_together_by_no_other(tmp_path: Path) -> None:
    options = [word for name in DEVIATIONS for word in ("--only", name)]
    options += [word for name in AGAINST for word in ("--against", name)]
    done = subprocess.run(
        [sys.executable, str(TRIAL), "-o", str(tmp_path / "found.txt"), *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(DEVIATIONS)} deviations against {len(AGAINST)} probes: found {len(DEVIATIONS)}" in done.stdout


def test_every_probe_of_the_sample_exists() -> None:
    assert {*AGAINST} <= {probe.name for probe in all_probes()}

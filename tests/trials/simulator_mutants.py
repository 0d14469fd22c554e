"""Wrong simulators against the tests: `python tests/trials/simulator_mutants.py`, some three minutes.

Runs the tests of the simulator that compare it with a reference and with figures by hand on copies of it with one change each.
Ends with 1 if one of them passes, or if the tests fail without a change.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from support.simulator_mutants import MUTANTS, TESTS, Mutant, mutated_checkout  # noqa: E402


def passes(mutant: Mutant | None) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = mutated_checkout(Path(name), mutant)
        environment = {**os.environ, "PYTHONPATH": f"{folder / 'scripts'}:{folder / 'tests'}"}
        tests = [f"tests/capacity/{test}" for test in TESTS]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            name,
            "-c",
            os.devnull,
            *tests,
        ]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest did not run: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.returncode == 0


def main() -> int:
    if not passes(None):
        print("The tests fail without a change.")
        return 1
    survivors = []
    for mutant in MUTANTS:
        survived = passes(mutant)
        survivors += [mutant.what] if survived else []
        print(f"{'NOT DETECTED' if survived else 'detected    '}  {mutant.what}", flush=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

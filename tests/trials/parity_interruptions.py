"""Interrupt runs of all probes at ten points, three of them in the removal, by each signal: `-o FILE` writes what each left.

A run that is killed by SIGKILL is followed by a sweep. Needs some minutes.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.interrupted_parity import ParityRuns
from support.remote_aws import running

POINTS = 10
SIGNALS = {
    "SIGINT": [signal.SIGINT],
    "SIGINT twice": [signal.SIGINT, signal.SIGINT],
    "SIGTERM": [signal.SIGTERM],
    "SIGHUP": [signal.SIGHUP],
    "SIGKILL, then a sweep": [signal.SIGKILL],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--signals", choices=SIGNALS, action="append", help="default: all")
    parser.add_argument("--time-scale", type=float, default=600)
    options = parser.parse_args()
    rows, failed = [], 0
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), options.time_scale) as aws:
        runs = ParityRuns(aws, Path(folder))
        observed, whole = runs.phases()
        points = [1 + observed * number // (POINTS - 3) for number in range(POINTS - 3)]
        points += [observed + (whole - observed) * part // 4 for part in (1, 2, 3)]
        rows.append(f"complete run: {observed} calls, then {whole - observed} for the removal; left {len(runs.left())}")
        print(rows[-1])
        for name in options.signals or SIGNALS:
            for point in points:
                runs.before = runs.snapshot()
                trial = runs.interrupt(point, SIGNALS[name])
                if signal.SIGKILL in trial.signals:
                    runs.complete("--sweep")
                left = runs.left()
                expected = -signal.SIGKILL if signal.SIGKILL in trial.signals else 130
                good = not left and trial.exit_code in (expected, 0)
                failed += not good
                rows.append(f"{name} after {trial.point} calls: exit code {trial.exit_code}, left {sorted(left) or 'nothing'}")
                print(rows[-1], "" if good else trial.output)
    rows.append(f"{failed} of {len(rows) - 1} trials failed")
    options.output.write_text("\n".join(rows) + "\n")
    print(rows[-1])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

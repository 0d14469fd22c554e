"""Interrupt applies of a sleeping endpoint by every signal, at every point: `python tests/trials/interruptions.py -o FILE`.

Prints a line a trial and the sum. Each trial is two applies of Terraform: 60 take some 40 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.in_process_aws import AwsHarness
from support.interrupted_apply import POINTS, TARGETS, Sleeper, trial
from support.remote_aws import running

SIGNALS = ("SIGTERM", "SIGHUP", "SIGKILL", "SIGINT")
TIME_SCALE = 120.0


def main() -> None:
    """Run the trials that the command line names; end with 1 when one did not pass."""
    arguments = _arguments()
    points = [point for point in POINTS if not arguments.points or point.name in arguments.points]
    failed, done = 0, 0
    with tempfile.TemporaryDirectory(prefix="interruptions-") as folder, running(Path(folder), TIME_SCALE) as aws:
        remote: Any = aws
        sleeper = Sleeper(AwsHarness(remote, Path(folder)), Path(folder))
        first = sleeper.run(sleeper.checkout())
        assert first.process.returncode == 0, first.text
        for name in arguments.signals:
            for target in arguments.targets:
                for point in points:
                    ended = trial(sleeper, signal.Signals[name], point, target)
                    done, failed = done + 1, failed + (not ended.passed)
                    with arguments.output.open("a") as output:
                        output.write(json.dumps(ended.as_dict()) + "\n")
                    print(done, "passed" if ended.passed else "FAILED", ended, flush=True)
    print(f"{done - failed} of {done} trials passed")
    sys.exit(failed > 0)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", nargs="+", choices=SIGNALS, default=SIGNALS[:3])
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS[:2])
    parser.add_argument("--points", nargs="+", choices=[point.name for point in POINTS])
    parser.add_argument("-o", "--output", type=Path, required=True, help="File that a JSON line a trial is appended to.")
    return parser.parse_args()


if __name__ == "__main__":
    main()

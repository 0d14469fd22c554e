"""Interrupt commands that keep plans or create the state bucket: `python tests/trials/interrupted_plans.py -o FILE`.

At random moments, by each signal. Each is run again, as its refusals say, until it succeeds; no file may be half written, and
none may be left. Prints a line a trial and the sum. A trial takes some five seconds on two cores, one of bootstrap a minute.
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
from support.interrupted_plans import COMMANDS, TARGETS, InterruptedPlans
from support.remote_aws import running

SIGNALS = ("SIGINT", "SIGTERM", "SIGKILL")


def main() -> None:
    """Run the trials that the command line names; end with 1 when one did not pass."""
    arguments = _arguments()
    failed, done = 0, 0
    with tempfile.TemporaryDirectory(prefix="interrupted-") as folder, running(Path(folder) / "aws", 60) as aws:
        remote: Any = aws
        plans = InterruptedPlans(Path(folder), AwsHarness(remote, Path(folder) / "aws"), arguments.seed)
        for _ in range(arguments.rounds):
            for command in arguments.commands:
                for name in SIGNALS:
                    for target in TARGETS if name == "SIGKILL" else TARGETS[:1]:
                        ended = plans.trial(command, signal.Signals[name], target)
                        done, failed = done + 1, failed + bool(ended.faults)
                        with arguments.output.open("a") as output:
                            output.write(json.dumps(ended.as_dict()) + "\n")
                        print(done, "FAILED" if ended.faults else "passed", ended, flush=True)
    print(f"{done - failed} of {done} trials passed")
    sys.exit(failed > 0)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, required=True, help="File that a JSON line a trial is appended to.")
    return parser.parse_args()


if __name__ == "__main__":
    main()

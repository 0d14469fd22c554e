"""Run pairs of concurrent commands on one state in S3: `python tests/trials/concurrent_commands.py --pairs 30 -o FILE`.

Prints a line a pair and the sum. A pair on the root without a provider takes some five seconds on two cores; one on the real
root (`--root real`, the sleeping endpoint of sleeper.tf) a minute. `--root bootstrap` runs bootstrap against bootstrap, and
apply against bootstrap.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.bootstrap_pairs import KINDS as BOOTSTRAP_KINDS
from support.bootstrap_pairs import BootstrapPairs
from support.command_pairs import Clones, Ended, EndpointClones
from support.in_process_aws import AwsHarness
from support.remote_aws import running

KINDS = ("clones", "checkout", "destroy", "file")
ROOTS: dict[str, Callable[[Path, AwsHarness], Clones | BootstrapPairs]] = {
    "plain": Clones,
    "real": EndpointClones,
    "bootstrap": BootstrapPairs,
}


def main() -> None:
    """Run the pairs that the command line names; end with 1 when one did not pass."""
    arguments = _arguments()
    failed, done = 0, 0
    with tempfile.TemporaryDirectory(prefix="pairs-") as folder, running(Path(folder) / "aws", 60) as aws:
        pair = _pairs(AwsHarness(_any(aws), Path(folder) / "aws"), Path(folder), arguments.root)
        kinds = BOOTSTRAP_KINDS if arguments.root == "bootstrap" else arguments.kinds
        for number in range(arguments.pairs):
            ended = pair(kinds[number % len(kinds)])
            done, failed = done + 1, failed + bool(ended.faults)
            with arguments.output.open("a") as output:
                output.write(json.dumps(ended.as_dict()) + "\n")
            print(done, "FAILED" if ended.faults else "passed", ended, flush=True)
    print(f"{done - failed} of {done} pairs passed")
    sys.exit(failed > 0)


def _pairs(local_aws: AwsHarness, folder: Path, root: str) -> Callable[[str], Ended]:
    return ROOTS[root](folder, local_aws).pair


def _any(value: Any) -> Any:
    return value


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--root", choices=ROOTS, default="plain")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("-o", "--output", type=Path, required=True, help="File that a JSON line a pair is appended to.")
    return parser.parse_args()


if __name__ == "__main__":
    main()

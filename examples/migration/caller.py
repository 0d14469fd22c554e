"""A caller with a fixed timeout: invokes an endpoint again and again, and counts calls that fail or are answered otherwise.

    python examples/migration/caller.py language-real-time examples/language-detector/queries --report build/before.json
    python examples/migration/caller.py language-real-time examples/language-detector/queries --report build/after.json \\
        --weight build/weight --outputs build/outputs.json

Without --weight it is the program as it was: plain boto3. With it, two lines are different. Ends at SIGTERM, after its last
call, with code 0 if no call has failed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint import AsyncEndpoint, Weight, WeightedEndpoint

TIMEOUT_SECONDS: Final = 60
CUSTOMERS: Final = 20
CONTENT_TYPES: Final = {".json": "application/json", ".txt": "text/plain"}


@dataclass
class Caller:
    """Calls endpoint `name` with each of `inputs` in turn. Answers must be those given the first time."""

    runtime: Any
    name: str
    inputs: list[Path]
    pause: float
    answers: dict[Path, bytes] = field(default_factory=dict)
    variants: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    calls: int = 0
    longest: float = 0.0
    begun: float = field(default_factory=time.time)

    def run(self, stopped: threading.Event) -> None:
        """Call until `stopped` is set."""
        for number, path in enumerate(itertools.cycle(self.inputs)):
            begun = time.monotonic()
            try:
                self._call(path, f"customer-{number % CUSTOMERS}")
            except (ClientError, BotoCoreError) as error:
                self.failures.append(f"call {number}, {path.name}: {error}")
            self.calls += 1
            self.longest = max(self.longest, time.monotonic() - begun)
            if stopped.wait(self.pause):
                return

    def _call(self, path: Path, customer: str) -> None:
        try:
            reply = self.runtime.invoke_endpoint(
                EndpointName=self.name,
                Body=path.read_bytes(),
                ContentType=CONTENT_TYPES[path.suffix],
                Accept="application/json",
                CustomAttributes=customer,
            )
            answer = reply["Body"].read()
            self.variants[reply["InvokedProductionVariant"]] += 1
        except self.runtime.exceptions.ModelError as error:  # an answer too: the model refuses this input
            said = str(error.response["OriginalMessage"]).partition("\n")[0]
            answer = f"{error.response['OriginalStatusCode']} {said}".encode()
            self.variants["refused"] += 1
        if self.answers.setdefault(path, answer) != answer:
            self.failures.append(f"{path.name}: answered {answer!r}, and {self.answers[path]!r} the first time")

    def report(self) -> dict[str, Any]:
        """What happened, as JSON."""
        return {
            "begun": self.begun,
            "ended": time.time(),
            "calls": self.calls,
            "failed": len(self.failures),
            "failures": self.failures[:20],
            "longest_seconds": round(self.longest, 2),
            "variants": dict(self.variants),
        }


def weighted(runtime: Any, name: str, weight: Path, outputs: Path) -> WeightedEndpoint:
    """`runtime`, whose calls of endpoint `name` move by the weight in a file; each customer's calls go to one endpoint."""
    return WeightedEndpoint(
        runtime,
        name,
        lambda: AsyncEndpoint.from_outputs(json.loads(outputs.read_text())),
        Weight.in_file(weight),
        key=lambda call: call["CustomAttributes"],
    )


def main() -> None:
    """Call until SIGTERM or Ctrl-C, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="the real-time endpoint")
    parser.add_argument("inputs", type=Path, help="a folder of inputs, .json and .txt")
    parser.add_argument("--report", type=Path, required=True, help="where the report is written at the end")
    parser.add_argument("--weight", type=Path, help="a file with the share of calls that is asynchronous, from 0 to 1")
    parser.add_argument("--outputs", type=Path, help="what `async-endpoint outputs ENV/NAME --json` printed")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two calls")
    given = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    runtime: Any = boto3.client(
        "sagemaker-runtime", config=Config(read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 1})
    )
    if given.weight is not None:
        runtime = weighted(runtime, given.name, given.weight, given.outputs)
    inputs = sorted(path for path in given.inputs.iterdir() if path.suffix in CONTENT_TYPES)
    caller = Caller(runtime, given.name, inputs, given.pause)
    caller.run(stopped)
    document = caller.report() | ({"router": vars(runtime.counts)} if given.weight is not None else {})
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(json.dumps(document, indent=2) + "\n")
    print(f"{caller.calls} calls, {len(caller.failures)} failed", file=sys.stderr)
    runtime.close()
    sys.exit(1 if caller.failures else 0)


if __name__ == "__main__":
    main()

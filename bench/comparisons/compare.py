"""One client at a time, in a process and an environment of its own, while the local AWS counts its calls."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from async_endpoint.local_aws import LocalCredentials
from bench.comparisons.deployed import outputs_of
from bench.harness import Endpoint
from bench.program import REGION

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "bench" / "clients"
ENVIRONMENT = ROOT / "requirements" / "environment.py"
# Scripts that run in the environment of third-party clients. The bare loop has this client's boto3: it is the baseline.
THIRD_PARTY = ("sagemaker_sdk", "boto3_sequential", "boto3_push_then_wait", "aiobotocore_gather")
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """What a client did: seconds from first call to last result, seconds from each answer to its caller, calls by action."""

    figures: dict[str, Any]
    calls: Counter[str]
    requests: int

    @property
    def wall(self) -> float:
        return float(self.figures["wall"])

    @property
    def lags(self) -> list[float]:
        return sorted(self.figures["lags"])

    @property
    def calls_each(self) -> float:
        return sum(self.calls.values()) / self.requests

    @property
    def median(self) -> float:
        return statistics.median(self.lags)

    @property
    def p99(self) -> float:
        return self.lags[min(int(len(self.lags) * 0.99), len(self.lags) - 1)]


def run(endpoint: Endpoint, script: str, requests: int, seconds: float, **settings: Any) -> Outcome:
    """Run the client of `script` with `requests` that compute `seconds` each; `settings` are the script's own.

    Raises RuntimeError with what it printed when it fails, or returns too few results.
    """
    task: dict[str, Any] = {"endpoint": endpoint.name, "requests": requests, "seconds": seconds}
    if script in THIRD_PARTY:
        task |= {"bucket": endpoint.harness.bucket, "inputs": f"{endpoint.name}/input/"}
    else:
        task |= {"outputs": outputs_of(endpoint), "url": endpoint.harness.url}
    before = endpoint.harness.calls()
    python = third_party_python() if script in THIRD_PARTY else Path(sys.executable)
    figures = _run_script(python, script, task | settings, endpoint.harness.credentials)
    calls = endpoint.harness.calls() - before
    if figures.get("lags") and len(figures["lags"]) != requests:
        raise RuntimeError(f"{script} returned {len(figures['lags'])} of {requests} results.")
    return Outcome(figures, calls, requests)


@cache
def third_party_python() -> Path:
    """The Python of the environment of the third-party clients, which is made if missing."""
    made = subprocess.run([sys.executable, ENVIRONMENT, "clients"], stdout=subprocess.PIPE, text=True, check=True)
    return Path(made.stdout.strip())


def _run_script(python: Path, script: str, task: dict[str, Any], credentials: LocalCredentials) -> dict[str, Any]:
    path = SCRIPTS / f"{script}.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= credentials.environment(REGION) | {"AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [python, path, json.dumps(task)], env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{script} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures

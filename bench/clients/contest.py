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
from bench.clients.deployed import outputs_of
from bench.program import REGION
from bench.stand import Endpoint

ROOT = Path(__file__).parents[2]
CONTENDERS = ROOT / "bench" / "contenders"
ENVIRONMENT = ROOT / "requirements" / "environment.py"
# Scripts that run in the environment of other people's clients. The bare loop has this one's boto3: it is what ours adds to.
OTHERS = ("sagemaker_sdk", "sequential", "pushed", "gathered")
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Outcome:
    """What a client did: seconds from first call to last result, seconds from each answer to its caller, calls by action."""

    told: dict[str, Any]
    calls: Counter[str]
    requests: int

    @property
    def wall(self) -> float:
        return float(self.told["wall"])

    @property
    def lags(self) -> list[float]:
        return sorted(self.told["lags"])

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
    """Let the client of `script` send `requests` that compute `seconds` each; the other settings are the script's own.

    Raises RuntimeError with what it printed when it fails, or brings back too few results.
    """
    order: dict[str, Any] = {"endpoint": endpoint.name, "requests": requests, "seconds": seconds}
    if script in OTHERS:
        order |= {"bucket": endpoint.stand.bucket, "inputs": f"{endpoint.name}/input/"}
    else:
        order |= {"outputs": outputs_of(endpoint), "url": endpoint.stand.url}
    before = endpoint.stand.calls()
    python = others_python() if script in OTHERS else Path(sys.executable)
    told = _ask(python, script, order | settings, endpoint.stand.credentials)
    calls = endpoint.stand.calls() - before
    if told.get("lags") and len(told["lags"]) != requests:
        raise RuntimeError(f"{script} brought back {len(told['lags'])} of {requests} results.")
    return Outcome(told, calls, requests)


@cache
def others_python() -> Path:
    """The Python of the environment that other people's clients live in; made when it is not there."""
    made = subprocess.run([sys.executable, ENVIRONMENT, "clients"], stdout=subprocess.PIPE, text=True, check=True)
    return Path(made.stdout.strip())


def _ask(python: Path, script: str, order: dict[str, Any], credentials: LocalCredentials) -> dict[str, Any]:
    path = CONTENDERS / f"{script}.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= credentials.environment(REGION) | {"AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [python, path, json.dumps(order)], env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{script} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told

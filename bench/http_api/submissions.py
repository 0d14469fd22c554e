"""What the API adds to the client library: calls of AWS, CPU time and rate for each prediction, and its memory over many."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from dataclasses import dataclass

from bench.comparisons.compare import run
from bench.harness import Endpoint, Harness
from bench.http_api.processes import NAME, ApiProcess, served
from bench.load import together
from bench.report import Report

THREADS, ROUNDS = 8, 3
BODY = b'{"seconds": 0}'
PREDICTIONS = f"/v1/endpoints/{NAME}/predictions"
MOST_EXTRA_CALLS = 2.0
SAMPLES = 20
FLAT = 1.1  # memory at the end ÷ memory once its caches are full


@dataclass
class Rounds:
    """Requests a second, CPU milliseconds a request, and calls a request, of each round."""

    rates: list[float]
    cpu: list[float]
    calls: list[float]


def measure(report: Report, requests: int) -> None:
    """Submitting to an endpoint that is asleep, in alternating rounds; medians."""
    library, api = Rounds([], [], []), Rounds([], [], [])
    with Harness() as harness:
        endpoint = _asleep(harness, "asleep")
        with served(endpoint) as process:
            together(lambda number: _submit(process, f"first-{number}"), range(THREADS * 4))
            for number in range(ROUNDS):
                done = run(endpoint, "this_client_submission", requests, 0, threads=THREADS)
                library.rates.append(requests / done.wall)
                library.cpu.append(done.figures["cpu"] * 1e3 / requests)
                library.calls.append(_of_submission(done.calls) / requests)
                _round(process, endpoint, requests, number, api)
    extra = statistics.median(api.calls) - statistics.median(library.calls)
    report.add("http api", "client library: calls a prediction", f"{statistics.median(library.calls):.2f}")
    report.add("http api", "HTTP API: calls a prediction", f"{statistics.median(api.calls):.2f}")
    report.bar("http api", "extra calls a prediction", f"{extra:.2f}", extra <= MOST_EXTRA_CALLS + 0.005, "≤ 2")
    for name, mine, theirs, unit in (
        ("CPU of the process, a prediction", api.cpu, library.cpu, "ms"),
        ("rate", api.rates, library.rates, "a second"),
    ):
        ours, other = statistics.median(mine), statistics.median(theirs)
        report.add("http api", f"{name}: HTTP API ÷ client library", f"{ours / other:.2f} ({ours:.1f} ÷ {other:.1f} {unit})")


def memory(report: Report, requests: int) -> None:
    """Resident memory of one API process while it accepts predictions, and is asked for a tenth of them."""
    points = []
    with Harness() as harness:
        endpoint = _asleep(harness, "memory")
        with served(endpoint) as process:
            for number in range(SAMPLES):
                first = number * requests // SAMPLES
                together(lambda one: _use(process, one), range(first, (number + 1) * requests // SAMPLES))
                points.append(((number + 1) * requests / SAMPLES, process.megabytes))
    early, late = points[SAMPLES // 4 - 1], points[-1]
    growth = late[1] / early[1]
    report.plot("API process", points)
    report.add("http api memory", f"resident after {early[0]:,.0f} predictions", f"{early[1]:.0f} MB")
    report.add("http api memory", f"resident after {late[0]:,.0f} predictions", f"{late[1]:.0f} MB")
    report.bar("http api memory", "at the end ÷ after a quarter", f"{growth:.3f}", growth <= FLAT, f"≤ {FLAT}")


def _asleep(harness: Harness, name: str) -> Endpoint:
    endpoint = harness.endpoint(name, model="timed")
    endpoint.scale(0)
    endpoint.until_serving(0)
    return endpoint


def _round(process: ApiProcess, endpoint: Endpoint, requests: int, number: int, found: Rounds) -> None:
    calls, cpu, begun = endpoint.harness.calls(), process.cpu, time.monotonic()
    together(lambda one: _submit(process, f"round{number}-{one}"), range(requests))
    found.rates.append(requests / (time.monotonic() - begun))
    found.cpu.append((process.cpu - cpu) * 1e3 / requests)
    found.calls.append(sum((endpoint.harness.calls() - calls).values()) / requests)


def _of_submission(calls: Counter[str]) -> int:
    """Calls that submit: those of the client's reply queue, by which it collects, are left out."""
    return sum(count for action, count in calls.items() if action.startswith(("sagemaker-runtime:", "s3:Put")))


def _submit(process: ApiProcess, prediction_id: str) -> None:
    status, document = process.request("PUT", f"{PREDICTIONS}/{prediction_id}", BODY)
    if status != 202:
        raise RuntimeError(f"{status}: {document}")


def _use(process: ApiProcess, number: int) -> None:
    _submit(process, f"p{number}")
    if number % 10 == 0:
        process.request("GET", f"{PREDICTIONS}/p{number}")
    if number % 500 == 0:
        process.request("GET", f"{PREDICTIONS}?limit=50")

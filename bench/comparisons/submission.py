"""Submission rate, beside a bare loop of boto3 with as many threads; nothing computes meanwhile."""

from __future__ import annotations

import statistics

from bench.comparisons.compare import run
from bench.harness import Harness
from bench.report import Report

ROUNDS, THREADS = 3, 8


def measure(report: Report, requests: int) -> None:
    """Rounds in turn, so that whatever else the machine does meets both."""
    rates: dict[str, list[float]] = {"this_client_submission": [], "boto3_loop": []}
    with Harness() as harness:
        endpoint = harness.endpoint("submission", model="timed", include=True)
        endpoint.scale(0)
        endpoint.until_serving(0)
        for _ in range(ROUNDS):
            for script, found in rates.items():
                found.append(requests / run(endpoint, script, requests, 0, threads=THREADS).wall)
    this_client, bare = (statistics.median(found) for found in rates.values())
    report.add("submission", f"bare boto3 loop, {THREADS} threads", f"{bare:.0f} a second")
    report.add("submission", f"this client, {THREADS} at a time", f"{this_client:.0f} a second")
    report.bar("submission", "this client ÷ bare loop", f"{this_client / bare:.2f}", this_client / bare >= 0.85, "≥ 0.85")

"""Instances start beside each other, not one after another."""

from __future__ import annotations

import time

from bench.harness import Harness
from bench.report import Report

INSTANCES = 8
LOAD_SECONDS = 3


def measure(report: Report) -> None:
    """From zero to one instance, and from zero to eight, of a model whose weights take three seconds of waiting to load."""
    with Harness() as harness:
        endpoint = harness.endpoint("starting", LOAD_SECONDS=str(LOAD_SECONDS))
        taken = {}
        for count in (1, INSTANCES):
            endpoint.scale(0)
            endpoint.until_serving(0)
            begun = time.monotonic()
            endpoint.scale(count)
            endpoint.until_serving(count)
            taken[count] = time.monotonic() - begun
    for count, seconds in taken.items():
        report.add("starting", f"{count} of a model that waits {LOAD_SECONDS} s as it loads", f"{seconds:.1f} s")
    ratio = taken[INSTANCES] / taken[1]
    report.bar("starting", f"{INSTANCES} ÷ 1", f"{ratio:.2f}", ratio <= INSTANCES / 2, f"≤ {INSTANCES // 2}")

"""Invoking, computing and collecting at the same time, beside moto's own canned answer to the same call."""

from __future__ import annotations

import time

from bench.harness import Harness
from bench.load import THREADS, Consumer, invoke, together
from bench.program import Program, canned, until
from bench.report import Report

CONSUMERS = 2


def measure(report: Report, requests: int) -> None:
    """From the first invocation to the last notification received, against moto's rate with the same client and threads."""
    with canned() as moto:
        _invoke_all(moto, requests // 10)  # the first calls load what the later ones use
        canned_rate = requests / _invoke_all(moto, requests)
    with Harness() as harness:
        harness.endpoint("rates", instances=2)
        warm = _until_announced(harness, requests // 10, "warm")
        seconds, cpu = _until_announced(harness, requests, "rates")
        del warm
    rate = requests / seconds
    report.add("together", f"moto's canned InvokeEndpointAsync, {THREADS} threads", f"{canned_rate:.0f} a second")
    text = f"{rate:.0f} a second"
    name = f"invoke → outcome in S3 → notification received, {THREADS} + {CONSUMERS} threads"
    report.bar("together", name, text, rate >= 100, "≥ 100 a second")
    report.bar("together", "the same ÷ moto's canned rate", f"{rate / canned_rate:.2f}", rate / canned_rate >= 0.25, "≥ 0.25")
    report.add("together", "CPU of the local AWS a request", f"{cpu / requests * 1e3:.2f} ms")


def _invoke_all(program: Program, requests: int) -> float:
    begun = time.monotonic()
    together(lambda number: invoke(program, "rates", f"rates-{number}"), range(requests))
    return time.monotonic() - begun


def _until_announced(harness: Harness, requests: int, word: str) -> tuple[float, float]:
    """Wall and the server's CPU seconds until `requests` have been invoked and their notifications received."""
    consumer = Consumer(harness, CONSUMERS)
    begun, cpu = time.monotonic(), harness.cpu
    together(lambda number: invoke(harness, "rates", f"{word}-{number}"), range(requests))
    until(lambda: len(consumer.seen) >= requests, f"{requests} notifications", 0.005)
    taken = time.monotonic() - begun, harness.cpu - cpu
    consumer.stop()
    return taken

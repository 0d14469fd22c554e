"""What hosting adds to a call of the container, four at a time."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psutil  # type: ignore[import-untyped]

from bench.curve import Curve
from bench.harness import TIME_SCALE, Endpoint, Harness
from bench.load import BODY, Consumer, invoke, together
from bench.report import Report

CONCURRENCY = 4


def measure(report: Report, requests: int) -> None:
    """Medians of the same number of calls: to the container's own port, through the queue, and in real time."""
    with Harness() as harness:
        endpoint = harness.endpoint("overhead", concurrency=CONCURRENCY)
        direct_call = direct(endpoint)
        timed(direct_call, requests)
        _Rounds(harness).run(requests // 4)
        direct_ms = timed(direct_call, requests)
        rounds = _Rounds(harness)
        rounds.run(requests)
        stored, announced = rounds.stored, rounds.announced
        held = _held(endpoint, requests * 2)
    report.add("overhead", f"direct POST /invocations, {CONCURRENCY} at a time", percentiles(direct_ms))
    report.add("overhead", "accepted → outcome stored (eventTime − receivedTime)", percentiles(stored))
    report.add("overhead", "invoked → notification received, as the client sees it", percentiles(announced))
    over = statistics.median(stored) - statistics.median(direct_ms)
    report.bar("overhead", "accepted → stored, over the direct call", f"{over:.1f} ms median", over <= 10, "≤ 10 ms")
    name = f"in process, while a backlog keeps one instance at {CONCURRENCY}"
    report.add("overhead", name, f"{held:.1f} ms mean ({CONCURRENCY} ÷ rate)")
    over = held - statistics.mean(direct_ms)
    report.bar("overhead", "the same, over the direct call", f"{over:.1f} ms mean", over <= 10, "≤ 10 ms")


def direct(endpoint: Endpoint) -> Callable[[], None]:
    """A call of the container that the endpoint itself uses, at its port, on a connection kept open by each thread."""
    [pid] = endpoint.containers
    [port] = {item.laddr.port for item in psutil.Process(pid).net_connections("tcp") if item.status == psutil.CONN_LISTEN}
    mine = threading.local()

    def call() -> None:
        if not hasattr(mine, "connection"):
            mine.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        mine.connection.request("POST", "/invocations", BODY, {"Content-Type": "application/json"})
        answer = mine.connection.getresponse()
        assert (answer.status, answer.read()) == (200, BODY)

    return call


def timed(call: Callable[[], Any], requests: int) -> list[float]:
    """Milliseconds of each of `requests` calls, four at a time."""
    taken: list[float] = []

    def one(_: int) -> None:
        begun = time.monotonic()
        call()
        taken.append((time.monotonic() - begun) * 1e3)

    together(one, range(requests), CONCURRENCY)
    return taken


def _held(endpoint: Endpoint, requests: int) -> float:
    """Mean milliseconds that a request is in process when none has to wait for a client: Little's law."""
    endpoint.scale(0)
    endpoint.until_serving(0)
    together(lambda number: invoke(endpoint.harness, endpoint.name, f"held-{number}"), range(requests))
    curve, done = Curve(endpoint.harness), 0
    endpoint.scale(1)
    while done < requests:
        time.sleep(0.02)
        done = requests - endpoint.backlog
        if done:
            curve.sample(done)
    low = curve.points[0].done
    return curve.cost(low + (requests - low) * 0.1, low + (requests - low) * 0.9)[1] * CONCURRENCY


class _Rounds:
    """Clients that each wait for their notification before they invoke again. Times in real milliseconds."""

    def __init__(self, harness: Harness) -> None:
        self.stored: list[float] = []
        self.announced: list[float] = []
        self._stand = harness
        self._arrived: dict[str, threading.Event] = {}

    def run(self, requests: int) -> None:
        consumer = Consumer(self._stand, 1, self._note)
        together(self._one, range(requests), CONCURRENCY)
        consumer.stop()

    def _one(self, number: int) -> None:
        name = f"round-{id(self)}-{number}"
        arrived = self._arrived[name] = threading.Event()
        begun = time.monotonic()
        invoke(self._stand, "overhead", name)
        if not arrived.wait(60):
            raise TimeoutError(f"No notification of {name} within 60 s.")
        self.announced.append((time.monotonic() - begun) * 1e3)

    def _note(self, message: dict[str, Any]) -> None:
        begun, ended = (datetime.fromisoformat(message[name]) for name in ("receivedTime", "eventTime"))
        self.stored.append((ended - begun).total_seconds() / TIME_SCALE * 1e3)
        self._arrived[message["inferenceId"]].set()


def percentiles(milliseconds: list[float]) -> str:
    ordered = sorted(milliseconds)
    return f"{statistics.median(ordered):.1f} ms median, {ordered[int(len(ordered) * 0.95)]:.1f} ms at the 95th percentile"

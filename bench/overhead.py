"""What hosting adds to a call of the container, four at a time."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from async_endpoint.emulator.container.container import ContainerSpec, Workload
from async_endpoint.emulator.container.runtime import PythonRuntime, launch
from bench.curve import Curve
from bench.harness import NOOP, TIME_SCALE, Endpoint, Harness, archive
from bench.load import BODY, Consumer, invoke, together
from bench.program import until
from bench.report import Report

CONCURRENCY = 4


def measure(report: Report, requests: int) -> None:
    """Medians of the same number of calls: to a container, through the queue, and in real time."""
    with Harness() as harness, direct() as direct_call:
        endpoint = harness.endpoint("overhead", concurrency=CONCURRENCY)
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


@contextmanager
def direct() -> Iterator[Callable[[], None]]:
    """A call of a container like the endpoint's, of its own: those of the local AWS accept no connection from outside."""
    specification = ContainerSpec(archive(NOOP), {"SAGEMAKER_MODEL_SERVER_WORKERS": str(CONCURRENCY)})
    with tempfile.TemporaryDirectory() as folder:
        ended = threading.Event()
        container = launch(
            Path(folder) / "container", Workload((specification,)), lambda _: None, lambda _: ended.set(), PythonRuntime()
        )
        try:
            until(container.ping, "the container answers /ping")

            def call() -> None:
                answer = container.invoke(BODY, {"Content-Type": "application/json"}, 60)
                assert (answer.status, answer.body) == (200, BODY)

            yield call
        finally:
            container.kill()
            ended.wait(60)


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

"""This checkout's local AWS beside that of another checkout, such as one before a change, in alternating rounds of one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

from bench.harness import Harness
from bench.load import Consumer, invoke, together
from bench.program import until
from bench.report import Report

STARTS = 6
ROUNDS = 12
MAX_START = 1.10
MAX_REQUEST = 1.15


def measure(report: Report, other: Path, requests: int) -> None:
    """CPU and memory of a start, and CPU of an asynchronous request, as ratios to those of the checkout `other`.

    `requests` of each are invoked, computed and collected in a round. `other` needs its own virtual environment (`make setup`).
    """
    here, there = _start_up(str(Path(__file__).parents[1])), _start_up(str(other))
    cpu, memory = _alternating(STARTS, lambda: here()[0], lambda: there()[0]), (here()[1], there()[1])
    _ratio(report, "CPU until the local AWS answers", cpu, "s", MAX_START)
    _ratio(report, "memory once it answers", memory, "MB", MAX_START)
    with _harness(Path(__file__).parents[1]) as this, _harness(other) as that:
        rounds = [_Rounds(harness, requests) for harness in (this, that)]
        for item in rounds:
            item.run()  # the first requests load what the later ones use
        _ratio(report, "CPU of a request", _alternating(ROUNDS, rounds[0].run, rounds[1].run), "ms", MAX_REQUEST)
        _ratio(report, "memory after them", (this.megabytes, that.megabytes), "MB", MAX_START)


def _harness(checkout: Path) -> Harness:
    return Harness(python=str(checkout / ".venv/bin/python"))


def _start_up(checkout: str) -> Callable[[], tuple[float, float]]:
    """Seconds of CPU and resident megabytes of a local AWS of `checkout`, once it has answered a call of each main service."""

    def start() -> tuple[float, float]:
        with _harness(Path(checkout)) as harness:
            return harness.cpu, harness.megabytes

    return start


def _alternating(rounds: int, this: Callable[[], float], that: Callable[[], float]) -> tuple[float, float]:
    """The medians of both, measured in turn, so that what else the machine does meets both."""
    values: tuple[list[float], list[float]] = ([], [])
    for turn in range(rounds):
        for number in (0, 1) if turn % 2 else (1, 0):
            values[number].append((this, that)[number]())
    return statistics.median(values[0]), statistics.median(values[1])


class _Rounds:
    """Rounds of requests to one endpoint: invoked together, computed, and their notifications received."""

    def __init__(self, harness: Harness, requests: int) -> None:
        self._harness = harness
        self._requests = requests
        self._number = 0
        self._consumer = Consumer(harness)
        harness.endpoint("revisions")

    def run(self) -> float:
        """Milliseconds of the server's CPU a request."""
        before = self._harness.cpu
        together(lambda _: invoke(self._harness, "revisions", self._next()), range(self._requests))
        wanted = self._number

        def collected() -> bool:
            self._consumer.take(wait=1)
            return len(self._consumer.seen) >= wanted

        until(collected, f"the notifications of {wanted} requests", pause=0)
        return (self._harness.cpu - before) / self._requests * 1e3

    def _next(self) -> str:
        self._number += 1
        return f"request-{self._number}"


def _ratio(report: Report, name: str, values: tuple[float, float], unit: str, most: float) -> None:
    ratio = values[0] / values[1]
    shown = f"{ratio:.2f} ({values[0]:.2f} {unit} / {values[1]:.2f} {unit})"
    report.bar("revisions", f"{name}, this checkout ÷ the other", shown, ratio <= most, f"≤ {most:g}")

"""Which probes may run at a time, and when a shared endpoint has had its last user."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from parity.errors import Cancelled
from parity.probe import Need, Probe

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Limits:
    """At most so many endpoints of probes' own, scaling endpoints (each has one user at a time), and probes in all."""

    endpoints: int
    sleepers: int
    workers: int


class Schedule:
    """Admits the probes of a run within its limits. The caller starts them in the order in which they should run."""

    def __init__(self, probes: Sequence[Probe], limits: Limits) -> None:
        self._endpoints = threading.Semaphore(limits.endpoints)
        self._workers = threading.Semaphore(limits.workers)
        self._lanes: queue.Queue[int] = queue.Queue()
        for lane in range(limits.sleepers):
            self._lanes.put(lane)
        self._left = Counter(need for probe in probes for need in probe.needs)
        self._lock = threading.Lock()

    @contextmanager
    def admitted(self, probe: Probe, cancelled: threading.Event) -> Iterator[int]:
        """For the block, `probe` may use what it needs; yields the number of its scaling endpoint. Raises Cancelled."""
        with ExitStack() as held:
            lane = 0
            if Need.SLEEPER in probe.needs:
                lane = self._take_lane(cancelled)
                held.callback(self._lanes.put, lane)
            for limit in [self._endpoints] * (Need.OWN_ENDPOINT in probe.needs) + [self._workers]:
                while not limit.acquire(timeout=POLL_SECONDS):
                    _check(cancelled)
                held.callback(limit.release)
            _check(cancelled)
            yield lane

    def ended(self, probe: Probe) -> list[str]:
        """The needs that no probe has any more, once this one has ended."""
        with self._lock:
            self._left.subtract(probe.needs)
            return [need for need in probe.needs if self._left[need] == 0]

    def _take_lane(self, cancelled: threading.Event) -> int:
        while True:
            _check(cancelled)
            try:
                return self._lanes.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue


def _check(cancelled: threading.Event) -> None:
    if cancelled.is_set():
        raise Cancelled

"""What is done at a later AWS time, in order of that time."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

from async_endpoint.emulator.clock import NOTICE_SECONDS, ScaledClock

log = logging.getLogger(__name__)


class DelayedCalls:
    """One thread, started by the first act; what is still to come ends with the process."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self._acts: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()  # of two acts at one time, the first comes first
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Do `act` at AWS time `when`."""
        with self._changed:
            heapq.heappush(self._acts, (when, next(self._numbers), act))
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="delayed-calls", daemon=True)
                self._thread.start()

    def clear(self) -> None:
        """Do nothing of what is still to come."""
        with self._changed:
            self._acts.clear()

    def _run(self) -> None:
        while True:
            act = self._next()
            try:
                act()
            except Exception:  # one act that fails must not end those to come
                log.exception("What was put off failed.")

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while not self._acts or self._acts[0][0] > self._clock.now():
                left = self._clock.real(self._acts[0][0] - self._clock.now()) if self._acts else None
                self._changed.wait(None if left is None else min(left, NOTICE_SECONDS))  # time may jump meanwhile
            return heapq.heappop(self._acts)[2]

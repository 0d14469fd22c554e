"""Faults of notifications between a topic and a subscription: lost, duplicated, delayed, out of order."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable
from functools import partial
from random import Random

from async_endpoint.emulator.clock import NOTICE_SECONDS, ScaledClock
from async_endpoint.emulator.faults.faults import Faults, apply_jitter
from async_endpoint.emulator.faults.kinds import (
    NotificationDelay,
    NotificationDuplicate,
    NotificationLoss,
    NotificationShuffle,
)

log = logging.getLogger(__name__)

Send = Callable[[], None]


class Deliveries:
    """Applies faults to deliveries that pass their filter. A delayed one arrives even if its fault is cleared meanwhile."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._delayed = DelayedCalls(faults.clock)
        self._buffers: dict[str, _ShuffleBuffer] = {}

    @property
    def affected(self) -> bool:
        """Whether any delivery fault is set."""
        return bool(self._faults.deliveries)

    def clear(self) -> None:
        """Drop all pending deliveries."""
        self._buffers.clear()
        self._delayed.clear()

    def deliver(self, topic_arn: str, send: Send) -> None:
        """Call `send` as the faults say: now, later, several times, or not at all."""
        now, times, wait, buffer = self._faults.clock.now(), 1, 0.0, None
        for active in self._faults.deliveries:
            fault = active.fault
            roll = active.sample(now) if fault.topic in (None, topic_arn, topic_arn.rpartition(":")[2]) else None
            if roll is None:
                continue
            if isinstance(fault, NotificationLoss):
                return
            if isinstance(fault, NotificationDuplicate):
                times += fault.copies
            elif isinstance(fault, NotificationDelay):
                wait += max(apply_jitter(fault.seconds, fault.jitter, roll), 0.0)
            elif isinstance(fault, NotificationShuffle):
                buffer = self._buffers.setdefault(active.id, _ShuffleBuffer(fault, self._delayed, self._faults))
        deliver = send if buffer is None else partial(buffer.put, send)
        for _ in range(times):
            if wait > 0:
                self._delayed.at(now + wait, deliver)
            else:
                deliver()


class _ShuffleBuffer:
    """Collects deliveries and releases them in an order that depends on the seed only."""

    def __init__(self, fault: NotificationShuffle, delayed: DelayedCalls, faults: Faults) -> None:
        self._fault = fault
        self._delayed = delayed
        self._clock = faults.clock
        self._random = Random(f"order {fault.seed}")
        self._held: list[Send] = []
        self._lock = threading.Lock()

    def put(self, send: Send) -> None:
        with self._lock:
            held = self._held
            held.append(send)
            released = self._release() if len(held) >= self._fault.window else []
        if len(held) == 1 and not released:
            self._delayed.at(self._clock.now() + self._fault.seconds, lambda: self._release_at_timeout(held))
        for one in released:
            one()

    def _release_at_timeout(self, batch: list[Send]) -> None:
        with self._lock:
            released = self._release() if self._held is batch else []
        for one in released:
            one()

    def _release(self) -> list[Send]:
        released, self._held = self._held, []
        self._random.shuffle(released)
        return released


class DelayedCalls:
    """Calls at a later AWS time, in order of that time, in a thread that the first one starts; lost when the process ends."""

    def __init__(self, clock: ScaledClock) -> None:
        self._clock = clock
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()  # calls for the same time keep their order
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call `call` at AWS time `when`."""
        with self._changed:
            heapq.heappush(self._calls, (when, next(self._numbers), call))
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="delayed-calls", daemon=True)
                self._thread.start()

    def clear(self) -> None:
        """Drop all calls that are pending."""
        with self._changed:
            self._calls.clear()

    def _run(self) -> None:
        while True:
            call = self._next()
            try:
                call()
            except Exception:  # a failed call must not end the thread
                log.exception("A delayed call failed.")

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while not self._calls or self._calls[0][0] > self._clock.now():
                left = self._clock.real(self._calls[0][0] - self._clock.now()) if self._calls else None
                self._changed.wait(None if left is None else min(left, NOTICE_SECONDS))  # time may jump meanwhile
            return heapq.heappop(self._calls)[2]

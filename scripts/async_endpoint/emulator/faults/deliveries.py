"""Notifications on their way from a topic to a subscription: lost, doubled, late, out of order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from random import Random

from async_endpoint.emulator.faults.active_fault import spread
from async_endpoint.emulator.faults.delayed_calls import DelayedCalls
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.faults.kinds import (
    NotificationDelay,
    NotificationDuplicate,
    NotificationLoss,
    NotificationShuffle,
)

Send = Callable[[], None]


class Deliveries:
    """Every delivery that a subscription's filter lets pass. What is held arrives, if the fault is cleared meanwhile too."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._delayed = DelayedCalls(faults.clock)
        self._buffers: dict[str, _ShuffleBuffer] = {}

    @property
    def disturbed(self) -> bool:
        """Whether any fault of deliveries is set."""
        return bool(self._faults.deliveries)

    def clear(self) -> None:
        """Lose what is held: it never arrives."""
        self._buffers.clear()
        self._delayed.clear()

    def deliver(self, topic_arn: str, send: Send) -> None:
        """Call `send` now, later, more than once, or not at all."""
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
                wait += max(spread(fault.seconds, fault.jitter, roll), 0.0)
            elif isinstance(fault, NotificationShuffle):
                buffer = self._buffers.setdefault(active.id, _ShuffleBuffer(fault, self._delayed, self._faults))
        arrive = send if buffer is None else partial(buffer.put, send)
        for _ in range(times):
            if wait > 0:
                self._delayed.at(now + wait, arrive)
            else:
                arrive()


class _ShuffleBuffer:
    """Deliveries thrown together, and drawn in an order that depends on the seed alone."""

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
            full = self._draw() if len(held) >= self._fault.window else []
        if len(held) == 1 and not full:
            self._delayed.at(self._clock.now() + self._fault.seconds, lambda: self._out_of_time(held))
        for one in full:
            one()

    def _out_of_time(self, batch: list[Send]) -> None:
        with self._lock:
            drawn = self._draw() if self._held is batch else []
        for one in drawn:
            one()

    def _draw(self) -> list[Send]:
        drawn, self._held = self._held, []
        self._random.shuffle(drawn)
        return drawn

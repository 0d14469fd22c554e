"""Notifications on their way from a topic to a subscription: lost, doubled, late, out of order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from random import Random

from async_endpoint.emulator.faults.active import spread
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.faults.kinds import (
    NotificationDelay,
    NotificationDuplicate,
    NotificationLoss,
    NotificationShuffle,
)
from async_endpoint.emulator.faults.later import Later

Send = Callable[[], None]


class Deliveries:
    """Every delivery that a subscription's filter lets pass. What is held arrives, if the fault is cleared meanwhile too."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._later = Later(faults.clock)
        self._hats: dict[str, _Hat] = {}

    @property
    def disturbed(self) -> bool:
        """Whether any fault of deliveries is set."""
        return bool(self._faults.deliveries)

    def clear(self) -> None:
        """Lose what is held: it never arrives."""
        self._hats.clear()
        self._later.clear()

    def deliver(self, topic_arn: str, send: Send) -> None:
        """Call `send` now, later, more than once, or not at all."""
        now, times, wait, hat = self._faults.clock.now(), 1, 0.0, None
        for active in self._faults.deliveries:
            fault = active.fault
            lot = active.strikes(now) if fault.topic in (None, topic_arn, topic_arn.rpartition(":")[2]) else None
            if lot is None:
                continue
            if isinstance(fault, NotificationLoss):
                return
            if isinstance(fault, NotificationDuplicate):
                times += fault.copies
            elif isinstance(fault, NotificationDelay):
                wait += max(spread(fault.seconds, fault.jitter, lot), 0.0)
            elif isinstance(fault, NotificationShuffle):
                hat = self._hats.setdefault(active.id, _Hat(fault, self._later, self._faults))
        arrive = send if hat is None else partial(hat.put, send)
        for _ in range(times):
            if wait > 0:
                self._later.at(now + wait, arrive)
            else:
                arrive()


class _Hat:
    """Deliveries thrown together, and drawn in an order that depends on the seed alone."""

    def __init__(self, fault: NotificationShuffle, later: Later, faults: Faults) -> None:
        self._fault = fault
        self._later = later
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
            self._later.at(self._clock.now() + self._fault.seconds, lambda: self._out_of_time(held))
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

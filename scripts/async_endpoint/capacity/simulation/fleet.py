"""The instances of a simulated endpoint, reconciled towards a desired count as emulator/hosting/fleet.py does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

MINIMUM_BILLED_SECONDS: Final = 60.0  # A291
FIRST_REPLACEMENT_SECONDS: Final = 30.0  # as emulator/hosting/fleet.py: tests/capacity compares them
LONGEST_REPLACEMENT_SECONDS: Final = 600.0
_NOT_SERVING: Final = -1


class Instance:
    """An instance: `position` is its place among those that serve, -1 while it starts or drains."""

    __slots__ = ("draining", "in_flight", "launched", "number", "position", "ready_at")

    def __init__(self, number: int, launched: float, ready_at: float) -> None:
        self.number = number
        self.launched = launched
        self.ready_at = ready_at
        self.position = _NOT_SERVING
        self.draining = False
        self.in_flight = 0  # current unless it serves: then Fleet.flight has the number


class Fleet:
    """Instances by launch. `flight` has the requests in process on each that serves, in this order."""

    def __init__(self, initial: int, start: float, start_seconds: Iterator[float]) -> None:
        self.desired = initial
        self.serving = [Instance(number - initial, start, start) for number in range(initial)]
        self.flight = [0] * initial
        self.starting: list[Instance] = []
        self.draining: list[Instance] = []
        self.scaling = False  # until `desired` is reached once; replacing a dead instance is not scaling
        self.launches = 0
        self.billed = 0.0
        self.next_ready = math.inf  # when the next instance is in service
        self.next_event = math.inf  # the same, or when a dead instance is to be replaced
        self._replace_at = -math.inf
        self._start_seconds = start_seconds
        self._failures = 0
        for position, instance in enumerate(self.serving):
            instance.position = position

    def scale(self, desired: int, now: float) -> None:
        self.desired, self.scaling = desired, True
        self.reconcile(now)

    def become_ready(self, now: float) -> None:
        """Put the instances that have started by `now` into service."""
        ready = [instance for instance in self.starting if instance.ready_at <= now]
        self.starting = [instance for instance in self.starting if instance.ready_at > now]
        self._lay_out(sorted([*self._synced(), *ready], key=lambda instance: instance.number))
        self._failures = 0
        self.reconcile(now)

    def reconcile(self, now: float) -> None:
        """Start missing instances, drain surplus ones, stop those that have no requests."""
        missing = self.desired - len(self.serving) - len(self.starting)
        if missing > 0 and now >= self._replace_at:
            for number in range(self.launches, self.launches + missing):
                self.starting.append(Instance(number, now, now + next(self._start_seconds)))
            self.launches += missing
        elif missing < 0:
            self._drain(-missing, now)
        self.next_ready = min((instance.ready_at for instance in self.starting), default=math.inf)
        missing = len(self.serving) + len(self.starting) < self.desired
        self.next_event = min(self.next_ready, self._replace_at) if missing else self.next_ready
        self.settle()

    def settle(self) -> None:
        """End scaling once exactly the desired instances are left, all in service."""
        if not self.starting and not self.draining and len(self.serving) == self.desired:
            self.scaling = False

    def drained(self, instance: Instance, now: float) -> None:
        """Count a request that a draining instance has finished, and stop the instance after its last one."""
        instance.in_flight -= 1
        if not instance.in_flight:
            self.draining.remove(instance)
            self._bill(instance, now)
            self.settle()

    def kill(self, now: float) -> Instance | None:
        """The oldest instance in service, or else the oldest one that starts, dies; None if there is neither."""
        if self.serving:
            victim, *others = self._synced()
            victim.position = _NOT_SERVING
            self._lay_out(others)
        elif self.starting:
            victim = self.starting.pop(0)
        else:
            return None
        self._bill(victim, now)
        self._replace_at = now + min(FIRST_REPLACEMENT_SECONDS * 2**self._failures, LONGEST_REPLACEMENT_SECONDS)
        self._failures = 0 if self.serving else self._failures + 1
        self.reconcile(now)
        return victim

    def billed_until(self, now: float) -> float:
        """Billed instance seconds, those of the instances that still run included."""
        return self.billed + sum(
            max(now - instance.launched, MINIMUM_BILLED_SECONDS) for instance in (*self.serving, *self.starting, *self.draining)
        )

    def _drain(self, count: int, now: float) -> None:
        order = sorted([*self._synced(), *self.starting], key=lambda instance: (instance.position >= 0, instance.in_flight))
        for instance in order[:count]:
            instance.position, instance.draining = _NOT_SERVING, True
            if instance.in_flight:
                self.draining.append(instance)
            else:
                self._bill(instance, now)
        self.starting = [instance for instance in self.starting if not instance.draining]
        self._lay_out([instance for instance in self.serving if not instance.draining])

    def _synced(self) -> list[Instance]:
        for instance, requests in zip(self.serving, self.flight, strict=True):
            instance.in_flight = requests
        return self.serving

    def _lay_out(self, serving: list[Instance]) -> None:
        self.serving = serving
        self.flight = [instance.in_flight for instance in serving]
        for position, instance in enumerate(serving):
            instance.position = position

    def _bill(self, instance: Instance, now: float) -> None:
        self.billed += max(now - instance.launched, MINIMUM_BILLED_SECONDS)

"""Pending: the requests of a run without an outcome, their deadlines and retries. Thread-safe."""

from __future__ import annotations

import heapq
import math
import threading

from async_endpoint.client.invocation import Invocation
from async_endpoint.core.notifications import Notification


class Pending:
    """Invocations by inference id. `changed` guards all of it, and is notified when the first one is accepted."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.settled = 0
        self._all: dict[str, Invocation] = {}
        self._accepted: set[str] = set()
        self._deadlines: list[tuple[float, str]] = []
        self._retries: dict[str, tuple[float, Notification | None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, name: str) -> bool:
        return name in self._all

    @property
    def accepted(self) -> int:
        """How many of them the endpoint has accepted."""
        return len(self._accepted)

    def get(self, name: str) -> Invocation | None:
        return self._all.get(name)

    def add(self, invocation: Invocation) -> None:
        with self.changed:
            self._all[invocation.inference_id] = invocation

    def accept(self, invocation: Invocation) -> bool:
        """Start the deadline of an accepted invocation; returns whether it is the only accepted one."""
        submitted = invocation.submitted
        assert submitted is not None
        with self.changed:
            if invocation.inference_id not in self._all:  # a notification came first, and it has ended
                return False
            deadline = submitted.submitted_at.timestamp() + submitted.deadline_seconds
            heapq.heappush(self._deadlines, (deadline, invocation.inference_id))
            self._accepted.add(invocation.inference_id)
            if len(self._accepted) > 1:
                return False
            self.changed.notify_all()
            return True

    def remove(self, invocation: Invocation) -> bool:
        """Remove an invocation; returns whether it was pending."""
        with self.changed:
            was = self._all.pop(invocation.inference_id, None) is not None
            self.settled += was
            self._accepted.discard(invocation.inference_id)
            self._retries.pop(invocation.inference_id, None)
            return was

    def all(self) -> list[Invocation]:
        with self.changed:
            return list(self._all.values())

    def waiting(self) -> list[Invocation]:
        """Accepted invocations, oldest first."""
        with self.changed:
            return [invocation for invocation in self._all.values() if invocation.submitted is not None]

    def overdue(self, now: float) -> list[Invocation]:
        """Invocations whose deadline has passed; each is returned once."""
        found = []
        with self.changed:
            while self._deadlines and (self._deadlines[0][0] <= now or self._deadlines[0][1] not in self._all):
                _, name = heapq.heappop(self._deadlines)
                if name in self._all:
                    found.append(self._all[name])
        return found

    def retry_at(self, invocation: Invocation, moment: float, hint: Notification | None) -> None:
        """Schedule another read of its outcome."""
        with self.changed:
            if invocation.inference_id in self._all:
                self._retries[invocation.inference_id] = (moment, hint)

    def due_retries(self, now: float) -> list[tuple[Invocation, Notification | None]]:
        """Invocations whose retry is due; each is returned once."""
        with self.changed:
            due = [(name, hint) for name, (moment, hint) in self._retries.items() if moment <= now]
            for name, _ in due:
                del self._retries[name]
            return [(self._all[name], hint) for name, hint in due if name in self._all]

    def next_due(self) -> float:
        """When the next deadline or retry is due; infinity if there is none."""
        with self.changed:
            moments = [moment for moment, _ in self._retries.values()]
            return min([*moments, *(deadline for deadline, _ in self._deadlines[:1])], default=math.inf)

"""The requests of a run that have no outcome yet, with what each is waiting for. Safe among threads."""

from __future__ import annotations

import heapq
import math
import threading

from async_endpoint.client.invocation import Invocation
from async_endpoint.core.notifications import Notification


class Pending:
    """Invocations by inference id. `changed` is the lock of it all, and tells of the first that the endpoint has accepted."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.settled = 0
        self._all: dict[str, Invocation] = {}
        self._accepted: set[str] = set()
        self._deadlines: list[tuple[float, str]] = []
        self._again: dict[str, tuple[float, Notification | None]] = {}

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
        """The endpoint has accepted it, so it has a deadline; whether it is the only one."""
        submitted = invocation.submitted
        assert submitted is not None
        with self.changed:
            if invocation.inference_id not in self._all:  # it was announced meanwhile, and has ended
                return False
            deadline = submitted.submitted_at.timestamp() + submitted.deadline_seconds
            heapq.heappush(self._deadlines, (deadline, invocation.inference_id))
            self._accepted.add(invocation.inference_id)
            if len(self._accepted) > 1:
                return False
            self.changed.notify_all()
            return True

    def remove(self, invocation: Invocation) -> bool:
        """It has its outcome; whether it was pending until now."""
        with self.changed:
            was = self._all.pop(invocation.inference_id, None) is not None
            self.settled += was
            self._accepted.discard(invocation.inference_id)
            self._again.pop(invocation.inference_id, None)
            return was

    def all(self) -> list[Invocation]:
        with self.changed:
            return list(self._all.values())

    def waiting(self) -> list[Invocation]:
        """What the endpoint has accepted, oldest first."""
        with self.changed:
            return [invocation for invocation in self._all.values() if invocation.submitted is not None]

    def overdue(self, now: float) -> list[Invocation]:
        """Those whose deadline has passed; each is told once."""
        found = []
        with self.changed:
            while self._deadlines and (self._deadlines[0][0] <= now or self._deadlines[0][1] not in self._all):
                _, name = heapq.heappop(self._deadlines)
                if name in self._all:
                    found.append(self._all[name])
        return found

    def put_off(self, invocation: Invocation, moment: float, hint: Notification | None) -> None:
        """Look at it again at that moment."""
        with self.changed:
            if invocation.inference_id in self._all:
                self._again[invocation.inference_id] = (moment, hint)

    def due_again(self, now: float) -> list[tuple[Invocation, Notification | None]]:
        """Those that are to be looked at again by now; each is told once."""
        with self.changed:
            due = [(name, hint) for name, (moment, hint) in self._again.items() if moment <= now]
            for name, _ in due:
                del self._again[name]
            return [(self._all[name], hint) for name, hint in due if name in self._all]

    def next_due(self) -> float:
        """When a deadline passes or something is to be looked at again, whatever is first; infinity for never."""
        with self.changed:
            moments = [moment for moment, _ in self._again.values()]
            return min([*moments, *(deadline for deadline, _ in self._deadlines[:1])], default=math.inf)

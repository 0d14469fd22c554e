"""The faults that are set in one local AWS."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.faults.active_fault import ActiveFault
from async_endpoint.emulator.faults.kinds import (
    CallFault,
    DeliveryFault,
    FailedStart,
    Fault,
    S3Denial,
    SlowStart,
    StartFault,
    UpdateRollback,
)

F = TypeVar("F", bound=Fault)
ROLLED_BACK = (
    "The new fleet did not pass its health checks; the update is rolled back. (A fault of the kind update-rollback is set.)"
)


@dataclass(frozen=True)
class Start:
    """What is wrong with one start of an instance: AWS seconds that launching takes longer, and whether it never answers."""

    extra_seconds: float = 0.0
    fails: bool = False


NO_FAULT = Start()


class Faults:
    """Set, listed, cleared; and asked, case by case. Asking costs a look at an empty tuple while nothing is set.

    Faults of one sort are asked in the order they were set.
    """

    def __init__(self, clock: ScaledClock) -> None:
        self.clock = clock
        self.calls: tuple[ActiveFault[CallFault], ...] = ()
        self.deliveries: tuple[ActiveFault[DeliveryFault], ...] = ()
        self._starts: tuple[ActiveFault[StartFault], ...] = ()
        self._updates: tuple[ActiveFault[UpdateRollback], ...] = ()
        self._denials: tuple[ActiveFault[S3Denial], ...] = ()
        self._active: list[ActiveFault[Fault]] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> dict[str, Any]:
        """Set a fault, and describe it."""
        with self._lock:
            active = ActiveFault(f"fault-{next(self._numbers)}", fault, self.clock.now())
            self._keep([*self._active, active])
            return active.describe(self.clock.now())

    def all(self) -> list[dict[str, Any]]:
        """Every fault that may still happen."""
        with self._lock:
            self._keep(self._active)
            return [active.describe(self.clock.now()) for active in self._active]

    def clear(self, name: str | None = None) -> list[dict[str, Any]]:
        """Take away one fault by its id, all of a kind, or all, and describe them. Raises InvalidInput if `name` is none."""
        with self._lock:
            self._keep(self._active)
            gone = [active for active in self._active if name in (None, active.id, active.fault.name)]
            if name is not None and not gone:
                known = ", ".join(f"{active.id} ({active.fault.name})" for active in self._active) or "none"
                raise InvalidInput(f"No fault {name!r} is set; those set: {known}.")
            self._keep([active for active in self._active if active not in gone])
            return [active.describe(self.clock.now()) for active in gone]

    # --- what hosting asks -------------------------------------------------------------------------------------------

    def start(self, endpoint: str) -> Start:
        """What is wrong with the start of an instance of `endpoint`."""
        if not self._starts:
            return NO_FAULT
        extra, fails, now = 0.0, False, self.clock.now()
        for active in self._starts:
            fault = active.fault
            if fault.endpoint in (None, endpoint) and active.sample(now) is not None:
                extra += fault.seconds if isinstance(fault, SlowStart) else 0.0
                fails = fails or isinstance(fault, FailedStart)
        return Start(extra, fails)

    def update_failure(self, endpoint: str) -> str:
        """Why the update of `endpoint`, whose new fleet has started, is rolled back; empty if it is not."""
        if not self._updates:
            return ""
        now = self.clock.now()
        struck = [item for item in self._updates if item.fault.endpoint in (None, endpoint) and item.sample(now) is not None]
        return ROLLED_BACK if struck else ""

    def denies(self, action: str, uri: S3Uri) -> bool:
        """Whether the execution role is denied `action` (GetObject, PutObject) of the object at `uri`."""
        if not self._denials:
            return False
        now = self.clock.now()
        struck = [item for item in self._denials if _concerns(item.fault, action, uri) and item.sample(now) is not None]
        return bool(struck)

    # --- keeping -----------------------------------------------------------------------------------------------------

    def _keep(self, active: Iterable[ActiveFault[Fault]]) -> None:
        now = self.clock.now()
        self._active = [item for item in active if not item.over(now)]
        self.calls = self._of(CallFault)
        self.deliveries = self._of(DeliveryFault)
        self._starts = self._of(StartFault)
        self._updates = self._of(UpdateRollback)
        self._denials = self._of(S3Denial)

    def _of(self, sort: type[F]) -> tuple[ActiveFault[F], ...]:
        return tuple(item for item in self._active if isinstance(item.fault, sort))  # type: ignore[misc]


def _concerns(fault: S3Denial, action: str, uri: S3Uri) -> bool:
    if fault.action not in (None, action):
        return False
    prefix = S3Uri.parse(fault.prefix) if fault.prefix else None
    return prefix is None or (uri.bucket == prefix.bucket and uri.key.startswith(prefix.key))

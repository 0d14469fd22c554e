"""The faults that are set in one emulator, and the sampling that decides whether each happens."""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, TypeVar

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.faults.kinds import (
    CallFault,
    DeliveryFault,
    FailedStart,
    Fault,
    RolePropagation,
    S3Denial,
    SlowStart,
    StartFault,
    UpdateRollback,
)

F_co = TypeVar("F_co", bound=Fault, covariant=True)
F = TypeVar("F", bound=Fault)
ROLLED_BACK = (
    "The new fleet did not pass its health checks; the update is rolled back. (A fault of the kind update-rollback is set.)"
)


class ActiveFault(Generic[F_co]):
    """A fault that is set, with its own random generator: the same seed and order of cases give the same outcome."""

    def __init__(self, name: str, fault: F_co, now: float) -> None:
        self.id = name
        self.fault = fault
        self.asked = 0
        self.happened = 0
        self._ends_at = math.inf if fault.duration is None else now + fault.duration
        self._random = Random(fault.seed)
        self._lock = threading.Lock()

    def sample(self, now: float) -> float | None:
        """Sample one case: None if the fault does not happen, else a random number from 0 to 1, for jitter."""
        with self._lock:
            if self.over(now):
                return None
            self.asked += 1
            # Two numbers for every case, so that the outcome of one does not change the next.
            chance, roll = self._random.random(), self._random.random()
            if chance >= self.fault.rate:
                return None
            self.happened += 1
            return roll

    def over(self, now: float) -> bool:
        """Whether the fault has expired."""
        return now >= self._ends_at or (self.fault.count is not None and self.happened >= self.fault.count)

    def describe(self, now: float) -> dict[str, Any]:
        """The object of GET /_local/faults: options with defaults, the number of cases, and in how many it happened."""
        options = {name: value for name, value in dataclasses.asdict(self.fault).items() if value is not None}
        left = {} if math.isinf(self._ends_at) else {"seconds_left": max(self._ends_at - now, 0.0)}
        return {"id": self.id, "kind": self.fault.name, **options, "asked": self.asked, "happened": self.happened, **left}


def apply_jitter(seconds: float, jitter: float, roll: float) -> float:
    """`seconds` plus or minus up to `jitter`, for a `roll` from 0 to 1."""
    return seconds + jitter * (2.0 * roll - 1.0)


@dataclass(frozen=True)
class Start:
    """Faults of one start of an instance: additional AWS seconds to launch, and whether the container never answers /ping."""

    extra_seconds: float = 0.0
    fails: bool = False


NO_FAULT = Start()


class Faults:
    """The faults that are set in one emulator, sampled case by case in the order they were set.

    While none is set, a case costs the check of an empty tuple.
    """

    def __init__(self, clock: ScaledClock) -> None:
        self.clock = clock
        self.calls: tuple[ActiveFault[CallFault], ...] = ()
        self.deliveries: tuple[ActiveFault[DeliveryFault], ...] = ()
        self._starts: tuple[ActiveFault[StartFault], ...] = ()
        self._updates: tuple[ActiveFault[UpdateRollback], ...] = ()
        self._propagations: tuple[ActiveFault[RolePropagation], ...] = ()
        self._denials: tuple[ActiveFault[S3Denial], ...] = ()
        self._active: list[ActiveFault[Fault]] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> dict[str, Any]:
        """Set a fault and return its description."""
        with self._lock:
            active = ActiveFault(f"fault-{next(self._numbers)}", fault, self.clock.now())
            self._set_active([*self._active, active])
            return active.describe(self.clock.now())

    def all(self) -> list[dict[str, Any]]:
        """Descriptions of all faults that have not expired."""
        with self._lock:
            self._set_active(self._active)
            return [active.describe(self.clock.now()) for active in self._active]

    def clear(self, name: str | None = None) -> list[dict[str, Any]]:
        """Clear a fault by id, all of a kind, or all; returns their descriptions. Raises InvalidInput for an unknown name."""
        with self._lock:
            self._set_active(self._active)
            gone = [active for active in self._active if name in (None, active.id, active.fault.name)]
            if name is not None and not gone:
                known = ", ".join(f"{active.id} ({active.fault.name})" for active in self._active) or "none"
                raise InvalidInput(f"No fault {name!r} is set; those set: {known}.")
            self._set_active([active for active in self._active if active not in gone])
            return [active.describe(self.clock.now()) for active in gone]

    # --- faults of hosting --------------------------------------------------------------------------------------------

    def start(self, endpoint: str) -> Start:
        """The faults of the start of an instance of `endpoint`."""
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
        """Why an update of `endpoint` rolls back once its new fleet has started; empty if it does not."""
        return ROLLED_BACK if self._happens_to(endpoint, self._updates) else ""

    def role_unknown(self, endpoint: str) -> bool:
        """Whether a creation or update of `endpoint` fails because its execution role has not propagated."""
        return self._happens_to(endpoint, self._propagations)

    def denies(self, action: str, uri: S3Uri) -> bool:
        """Whether the execution role is denied `action` (GetObject, PutObject) of the object at `uri`."""
        if not self._denials:
            return False
        now = self.clock.now()
        injected = [item for item in self._denials if _matches(item.fault, action, uri) and item.sample(now) is not None]
        return bool(injected)

    def _happens_to(self, endpoint: str, active: Iterable[ActiveFault[UpdateRollback | RolePropagation]]) -> bool:
        now = self.clock.now()
        injected = [item for item in active if item.fault.endpoint in (None, endpoint) and item.sample(now) is not None]
        return bool(injected)

    def _set_active(self, active: Iterable[ActiveFault[Fault]]) -> None:
        now = self.clock.now()
        self._active = [item for item in active if not item.over(now)]
        self.calls = self._of_type(CallFault)
        self.deliveries = self._of_type(DeliveryFault)
        self._starts = self._of_type(StartFault)
        self._updates = self._of_type(UpdateRollback)
        self._propagations = self._of_type(RolePropagation)
        self._denials = self._of_type(S3Denial)

    def _of_type(self, fault_type: type[F]) -> tuple[ActiveFault[F], ...]:
        return tuple(item for item in self._active if isinstance(item.fault, fault_type))  # type: ignore[misc]


def _matches(fault: S3Denial, action: str, uri: S3Uri) -> bool:
    if fault.action not in (None, action):
        return False
    prefix = S3Uri.parse(fault.prefix) if fault.prefix else None
    return prefix is None or (uri.bucket == prefix.bucket and uri.key.startswith(prefix.key))

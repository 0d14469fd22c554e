"""An endpoint on the local AWS, watched from outside until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from async_endpoint.core.errors import WorkFailed
from async_endpoint.emulator import daemon
from async_endpoint.workspace import Workspace

LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Seen:
    """One look: how many instances are wanted, exist and serve, and how many requests wait or are in process."""

    desired: int
    existing: int
    serving: int
    backlog: int

    @property
    def asleep(self) -> bool:
        return self.desired == self.existing == 0

    @property
    def state(self) -> str:
        """Where a request is that has no result yet."""
        if not self.backlog:
            return "result written, being collected"
        if self.serving:
            return "in process on an instance"
        return "instance waking" if self.existing else "queued at zero instances"


def look(workspace: Workspace, name: str) -> Seen:
    """Raises WorkFailed when the local AWS has no endpoint of that name."""
    found: dict[str, Any] | None = next((item for item in daemon.status(workspace)["endpoints"] if item["name"] == name), None)
    if found is None:
        raise WorkFailed(f"The local AWS has no endpoint {name}; it should have been applied.")
    return Seen(found["desired_instances"], len(found["instances"]), found["serving_instances"], found["backlog"])


def until(workspace: Workspace, name: str, so: Callable[[Seen], bool], what: str, seconds: float) -> Seen:
    """Look until `so`; raises WorkFailed, naming `what` was waited for, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not so(seen := look(workspace, name)):
        if time.monotonic() > deadline:
            raise WorkFailed(f"Endpoint {name} was not {what} within {seconds:.0f} seconds; it was seen as {seen}.")
        time.sleep(LOOK_SECONDS)
    return seen


def states(workspace: Workspace, name: str, done: Callable[[], bool]) -> Iterator[tuple[str, float]]:
    """Each state of a request as it ends, with the seconds spent in it, until `done`."""
    state, since = look(workspace, name).state, time.monotonic()
    while not done():
        now = look(workspace, name).state
        if now != state and not done():
            yield state, time.monotonic() - since
            state, since = now, time.monotonic()
        time.sleep(LOOK_SECONDS)
    yield state, time.monotonic() - since

"""Wait until AWS reports what is wanted, and say what is waited for."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from async_endpoint import signals

REPORT_INTERVAL_SECONDS: Final = 10.0

Seen = TypeVar("Seen")
Flow = TypeVar("Flow", bound=Callable[..., Any])

_on_output: ContextVar[Callable[[str], None] | None] = ContextVar("on_output", default=None)


class Reporting(Protocol):
    """An object that passes lines of progress on."""

    on_output: Callable[[str], None]


@contextmanager
def waits_reported(on_output: Callable[[str], None]) -> Iterator[None]:
    """Within the block, every wait of more than 10 seconds says what it is for, at most once in 10 seconds."""
    token = _on_output.set(on_output)
    try:
        yield
    finally:
        _on_output.reset(token)


def reports_waits(flow: Flow) -> Flow:
    """Decorate a function so that its waits are reported to `on_output` of its first argument."""

    @functools.wraps(flow)
    def reporting(first: Reporting, *arguments: Any, **options: Any) -> Any:
        with waits_reported(first.on_output):
            return flow(first, *arguments, **options)

    return reporting  # type: ignore[return-value]


@dataclass(frozen=True)
class Poller:
    """Poll every `pause` seconds until `deadline` seconds have passed, in this machine's time."""

    deadline: float
    pause: float = 2
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def wait(self, fetch: Callable[[], Seen], accepts: Callable[[Seen], bool], waiting_for: str) -> Seen:
        """Call `fetch` until `accepts` is true of what it returns, or the deadline has passed; return what it returned last.

        `waiting_for` completes the line "waiting for …". Raises Interrupted on a signal.
        """
        began = self.clock()
        reported = began
        while not accepts(seen := fetch()) and (now := self.clock()) < began + self.deadline:
            signals.check()
            listener = _on_output.get()
            if listener is not None and now - reported >= REPORT_INTERVAL_SECONDS:
                listener(f"waiting for {waiting_for} ({now - began:.0f} s)")
                reported = now
            self.sleep(self.pause)
        return seen

"""Watcher: waits for many predictions at once with one task and a few threads, however many clients wait.

Polls each watched prediction at intervals that grow with the time it has been watched, so an end is seen late by a tenth of
that; and all together at a bounded rate, so with the number of clients the intervals grow, and not the load.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread

from async_endpoint.core.errors import NotReady

MIN_INTERVAL_SECONDS: Final = 0.2
MAX_INTERVAL_SECONDS: Final = 5.0
INTERVAL_SHARE: Final = 0.1  # of the time that a prediction has been watched
MAX_CHECKS_PER_SECOND: Final = 50.0  # of this process
THREADS: Final = 4  # of its own: slow checks must not take those of requests

Outcome = TypeVar("Outcome")
log = logging.getLogger(__name__)


def interval(watched_seconds: float, watched: int) -> float:
    """Seconds until a prediction is checked again, by how long it and how many are watched."""
    own = min(max(INTERVAL_SHARE * watched_seconds, MIN_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)
    return max(own, watched / MAX_CHECKS_PER_SECOND)


@dataclass
class _Watched(Generic[Outcome]):
    check: Callable[[], Outcome | None]
    since: float
    due: float
    ended: asyncio.Future[Outcome]
    clients: int = 0
    checking: bool = False


@dataclass
class _Loop(Generic[Outcome]):
    """What is watched in one event loop, and the task that checks it."""

    watched: dict[Hashable, _Watched[Outcome]] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(THREADS))


class Watch(Generic[Outcome]):
    """One client's interest in a prediction."""

    def __init__(self, watched: _Watched[Outcome]) -> None:
        self._watched = watched

    async def ended(self, seconds: float) -> Outcome | None:
        """The outcome, None if there is none after `seconds`. Raises what the check raised, unless a retry may cure it."""
        done, _ = await asyncio.wait([self._watched.ended], timeout=seconds)
        return self._watched.ended.result() if done else None


class Watcher(Generic[Outcome]):
    """Checks what is watched, in the event loop that watches it; without watchers it does nothing."""

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop[Outcome]] = WeakKeyDictionary()

    @asynccontextmanager
    async def watch(self, place: Hashable, check: Callable[[], Outcome | None]) -> AsyncIterator[Watch[Outcome]]:
        """Watch what `place` identifies; all its clients share the `check` of the first. A check may block."""
        loop = asyncio.get_running_loop()
        here = self._loops.setdefault(loop, _Loop())
        watched = here.watched.get(place)
        if watched is None or watched.ended.done():
            now = loop.time()
            due = now + interval(0.0, len(here.watched) + 1)  # its client has just looked
            watched = here.watched[place] = _Watched(check, now, due, loop.create_future())
            here.changed.set()
        watched.clients += 1
        if here.task is None or here.task.done():
            here.task = loop.create_task(self._poll(here))
        try:
            yield Watch(watched)
        finally:
            watched.clients -= 1
            if not watched.clients and here.watched.get(place) is watched:
                del here.watched[place]
                here.changed.set()

    @property
    def count(self) -> int:
        """The number of predictions that are watched."""
        return sum(len(here.watched) for here in self._loops.values())

    async def _poll(self, here: _Loop[Outcome]) -> None:
        """Check what is due until nothing is watched."""
        loop, checks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        try:
            while here.watched or checks:
                here.changed.clear()
                now = loop.time()
                waiting = [item for item in here.watched.values() if not (item.checking or item.ended.done())]
                for item in sorted((item for item in waiting if item.due <= now), key=lambda item: item.due):
                    if len(checks) >= THREADS:
                        break
                    item.checking = True
                    check = loop.create_task(self._check(here, item))
                    checks.add(check)
                    check.add_done_callback(checks.discard)
                    check.add_done_callback(lambda _: here.changed.set())
                if len(checks) >= THREADS:
                    pause = None
                else:
                    pause = min((item.due for item in waiting if not item.checking), default=now + MAX_INTERVAL_SECONDS) - now
                await _event(here.changed, pause)
        finally:
            for check in checks:
                check.cancel()

    async def _check(self, here: _Loop[Outcome], item: _Watched[Outcome]) -> None:
        loop = asyncio.get_running_loop()
        try:
            outcome = await anyio.to_thread.run_sync(item.check, abandon_on_cancel=True, limiter=here.threads)
        except NotReady as error:  # S3 does not answer: the next check may succeed
            log.warning("%s", error)
            outcome = None
        except Exception as error:
            if not item.ended.done():
                item.ended.set_exception(error)
                item.ended.exception()  # its clients may have left
            return
        finally:
            item.checking = False
        if outcome is not None and not item.ended.done():
            item.ended.set_result(outcome)
        now = loop.time()
        item.due = now + interval(now - item.since, len(here.watched))


async def _event(event: asyncio.Event, seconds: float | None) -> None:
    """Wait until `event` is set, `seconds` at most."""
    try:
        async with asyncio.timeout(None if seconds is None else max(seconds, 0.0)):
            await event.wait()
    except TimeoutError:
        pass

"""The watcher: many clients share few checks, a slow or failing one delays no other, and without clients there are none."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from async_endpoint.core.errors import NotReady, UsageError
from async_endpoint.http_api import watcher as module
from async_endpoint.http_api.watcher import Watcher, interval


async def until(condition: object, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def ended(watcher: Watcher[str], place: str, check: object, seconds: float = 5.0) -> str | None:
    async with watcher.watch(place, check) as watch:  # type: ignore[arg-type]
        return await watch.ended(seconds)


def test_all_clients_of_a_prediction_share_its_checks() -> None:
    calls, done = Counter[str](), threading.Event()

    def check() -> str | None:
        calls["one"] += 1
        return "succeeded" if done.is_set() else None

    async def run() -> None:
        watcher: Watcher[str] = Watcher()
        clients = [asyncio.create_task(ended(watcher, "one", check)) for _ in range(500)]
        await until(lambda: calls["one"] >= 2)
        assert watcher.count == 1
        done.set()
        assert await asyncio.gather(*clients) == ["succeeded"] * 500
        assert calls["one"] < 20 and watcher.count == 0

    asyncio.run(run())


def test_a_client_that_leaves_ends_the_checks() -> None:
    calls = Counter[str]()

    def check() -> None:
        calls["one"] += 1

    async def run() -> None:
        watcher: Watcher[str] = Watcher()
        client = asyncio.create_task(ended(watcher, "one", check, 60))
        await until(lambda: calls["one"])
        client.cancel()
        await asyncio.wait([client])
        assert watcher.count == 0
        await until(lambda: all(here.task is None or here.task.done() for here in watcher._loops.values()))

    asyncio.run(run())


def test_a_wait_is_over_in_time_while_a_check_blocks() -> None:
    release = threading.Event()

    def blocked() -> None:
        release.wait(10)

    async def run() -> None:
        watcher: Watcher[str] = Watcher()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert await ended(watcher, "slow", blocked, 0.2) is None
        assert loop.time() - begun < 2
        assert await ended(watcher, "fast", lambda: "succeeded") == "succeeded"
        release.set()

    asyncio.run(run())


def test_a_failure_that_a_retry_may_cure_is_retried_and_another_reaches_the_clients() -> None:
    errors: list[Exception] = [NotReady("S3 does not answer.")]

    def check() -> str:
        if errors:
            raise errors.pop()
        return "succeeded"

    def denied() -> str:
        raise UsageError("s3:GetObject is denied.")

    async def run() -> None:
        watcher: Watcher[str] = Watcher()
        assert await ended(watcher, "one", check) == "succeeded"
        with pytest.raises(UsageError):
            await ended(watcher, "two", denied)
        assert await ended(watcher, "two", lambda: "succeeded") == "succeeded"

    asyncio.run(run())


def test_a_watcher_outlives_an_event_loop() -> None:
    """As in a function on Lambda, or in tests, whose loops end."""
    watcher: Watcher[str] = Watcher()
    for _ in range(3):
        assert asyncio.run(ended(watcher, "one", lambda: "succeeded")) == "succeeded"


def test_the_rate_of_checks_is_bounded_however_many_predictions_are_watched() -> None:
    for watched in (1, 10, 1_000, 100_000):
        for seconds in (0.0, 1.0, 10.0, 1_000.0):
            assert watched / interval(seconds, watched) <= max(module.MAX_CHECKS_PER_SECOND, 1 / module.MIN_INTERVAL_SECONDS)
    assert interval(0, 1) <= 0.2 and interval(10, 1) == 1.0 and interval(10_000, 1) == 5.0


def test_neither_threads_nor_checks_grow_with_the_clients() -> None:
    before, calls = threading.active_count(), Counter[str]()

    def check() -> None:
        calls["all"] += 1

    async def run() -> None:
        watcher: Watcher[str] = Watcher()
        clients = [asyncio.create_task(ended(watcher, str(number), check, 0.5)) for number in range(300)]
        await until(lambda: watcher.count == 300)
        assert await asyncio.gather(*clients) == [None] * 300
        assert threading.active_count() <= before + module.THREADS
        assert calls["all"] <= module.MAX_CHECKS_PER_SECOND * 2  # no burst at the beginning either

    asyncio.run(run())

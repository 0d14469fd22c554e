"""Iterating over many requests with a bounded number in flight: in order of submission, or as they complete."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress

from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import Payload, Request

Submit = Callable[[Payload | Request], Invocation]


def in_order(submit: Submit, requests: Iterable[Payload | Request], limit: int) -> Generator[Invocation, None, None]:
    """Submit `requests` and yield their invocations, each when done, in order; at most `limit` are in flight or not yielded.

    Ending the iteration early cancels what has not been sent.
    """
    in_flight: deque[Invocation] = deque()
    try:
        for request in requests:
            if len(in_flight) >= limit:
                yield _ended(in_flight)
            in_flight.append(submit(request))
            while in_flight and in_flight[0].done():
                yield in_flight.popleft()
        while in_flight:
            yield _ended(in_flight)
    finally:
        for invocation in in_flight:
            invocation.cancel()


def as_completed(submit: Submit, requests: Iterable[Payload | Request], limit: int) -> Generator[Invocation, None, None]:
    """Submit `requests` and yield each invocation when it is done; at most `limit` are in flight or not yielded.

    Ending the iteration early cancels what has not been sent.
    """
    in_flight: set[Invocation] = set()
    done: deque[Invocation] = deque()
    changed = threading.Condition()

    def add(invocation: Invocation) -> None:
        with changed:
            done.append(invocation)
            changed.notify()

    def next_done() -> Invocation:
        with changed:
            changed.wait_for(lambda: done)
            invocation = done.popleft()
        in_flight.discard(invocation)
        return invocation

    try:
        for request in requests:
            if len(in_flight) >= limit:
                yield next_done()
            invocation = submit(request)
            in_flight.add(invocation)
            invocation.add_done_callback(add)
            while done:
                yield next_done()
        while in_flight:
            yield next_done()
    finally:
        for invocation in in_flight:
            invocation.cancel()


def _ended(in_flight: deque[Invocation]) -> Invocation:
    """The oldest invocation, once it is done."""
    with suppress(CancelledError):  # the client was closed
        in_flight[0].exception()
    return in_flight.popleft()

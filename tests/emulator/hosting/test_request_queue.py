"""The request queue against a linear-search model: same requests, same order, at constant cost."""

from __future__ import annotations

import itertools

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from async_endpoint.emulator.hosting.request_queue import AsyncInvocation, RequestQueue

_ids = itertools.count()


def request(now: float, seconds: float) -> AsyncInvocation:
    return AsyncInvocation(f"request-{next(_ids)}", None, None, now, now + seconds, 1, "text/plain")


class QueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue = RequestQueue()
        self.waiting: list[AsyncInvocation] = []
        self.now = 0.0

    @rule(seconds=st.sampled_from([1.0, 5.0, 50.0]))
    def put(self, seconds: float) -> None:
        invocation = request(self.now, seconds)
        self.queue.put(invocation)
        self.waiting.append(invocation)

    @precondition(lambda self: self.waiting)
    @rule(back=st.booleans())
    def take(self, back: bool) -> None:
        invocation = self.queue.take()
        assert invocation is self.waiting.pop(0)
        if back:
            self.queue.requeue(invocation)
            self.waiting.insert(0, invocation)

    @rule(seconds=st.floats(0, 20))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        gone = {id(invocation) for invocation in self.queue.expired(self.now)}
        assert gone == {id(invocation) for invocation in self.waiting if invocation.expires_at <= self.now}
        self.waiting = [invocation for invocation in self.waiting if id(invocation) not in gone]

    @rule()
    def drain(self) -> None:
        assert self.queue.drain() == self.waiting
        self.waiting = []

    @invariant()
    def agrees(self) -> None:
        assert len(self.queue) == len(self.waiting)
        assert self.queue.oldest() == (self.waiting[0].received_at if self.waiting else None)
        soonest = min((invocation.expires_at for invocation in self.waiting), default=None)
        promised = self.queue.next_expiry()
        assert promised == soonest or (promised is not None and soonest is not None and promised <= soonest)


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_served_requests_are_released() -> None:
    queue = RequestQueue()
    for _ in range(10_000):
        queue.put(request(0.0, 21_600.0))
        queue.take()
    assert len(queue._expiries) < 100

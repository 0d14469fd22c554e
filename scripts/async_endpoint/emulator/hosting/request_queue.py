"""The queue of an endpoint's asynchronous requests, with their time to live."""

from __future__ import annotations

import heapq
import itertools
import uuid
from collections import deque
from dataclasses import dataclass, field

from async_endpoint.core.s3_uri import S3Uri

BINARY = "application/octet-stream"  # the content type of a body without one


@dataclass
class AsyncInvocation:
    """One accepted request. Times are AWS seconds, but `timeout_seconds` is real time: the model's own.

    `content_type` is empty until the input is downloaded if only the S3 object has one.
    """

    inference_id: str
    output: S3Uri | None
    failure: S3Uri | None
    received_at: float
    expires_at: float
    timeout_seconds: int
    content_type: str
    accept: str | None = None
    custom_attributes: str | None = None
    input_location: str | None = None
    body: bytes | None = None
    attempts: int = field(default=0)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))  # callers may reuse an inference id


class RequestQueue:
    """First in, first out; a request requeued after an instance died goes to the front. Guarded by its endpoint's lock.

    The cost of a call does not grow with the backlog: expired requests stay in place and are skipped later.
    """

    def __init__(self) -> None:
        self._order: deque[AsyncInvocation] = deque()
        self._expiries: list[tuple[float, int, AsyncInvocation]] = []  # a heap; the number breaks ties
        self._waiting: set[int] = set()  # id() of the requests that are still waiting
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, invocation: AsyncInvocation) -> None:
        self._order.append(invocation)
        self._await(invocation)

    def requeue(self, invocation: AsyncInvocation) -> None:
        self._order.appendleft(invocation)
        self._await(invocation)

    def take(self) -> AsyncInvocation:
        """The next request; IndexError when none waits."""
        self._skip()
        invocation = self._order.popleft()
        self._waiting.remove(id(invocation))
        if len(self._expiries) > 2 * len(self._waiting) + 64:  # drop entries of served requests long before they expire
            self._expiries = [entry for entry in self._expiries if id(entry[2]) in self._waiting]
            heapq.heapify(self._expiries)
        return invocation

    def expired(self, now: float) -> list[AsyncInvocation]:
        """Remove and return the requests whose time to live has passed."""
        gone = []
        while self._expiries and self._expiries[0][0] <= now:
            invocation = heapq.heappop(self._expiries)[2]
            if id(invocation) in self._waiting:
                self._waiting.remove(id(invocation))
                gone.append(invocation)
        return gone

    def next_expiry(self) -> float | None:
        """When the next request expires. May be too early, if that request has been taken, but never too late."""
        return self._expiries[0][0] if self._expiries and self._waiting else None

    def oldest(self) -> float | None:
        """When the request at the front was received."""
        self._skip()
        return self._order[0].received_at if self._order else None

    def all(self) -> list[AsyncInvocation]:
        """All waiting requests, in order."""
        return [invocation for invocation in self._order if id(invocation) in self._waiting]

    def drain(self) -> list[AsyncInvocation]:
        """Remove and return all waiting requests."""
        return [self.take() for _ in range(len(self))]

    def _await(self, invocation: AsyncInvocation) -> None:
        self._waiting.add(id(invocation))
        heapq.heappush(self._expiries, (invocation.expires_at, next(self._numbers), invocation))

    def _skip(self) -> None:
        while self._order and id(self._order[0]) not in self._waiting:
            self._order.popleft()

"""The requests of one endpoint that wait for an instance."""

from __future__ import annotations

import heapq
import itertools
import uuid
from collections import deque
from dataclasses import dataclass, field

from async_endpoint.core.s3_uri import S3Uri

BINARY = "application/octet-stream"  # of a body that nobody tells the type of


@dataclass
class AsyncInvocation:
    """One accepted request. Times are AWS seconds; `timeout_seconds` is the model's own time and is never scaled.

    `content_type` is empty until the input is read where only the object in S3 tells it.
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
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))  # ours; callers may give one inference id twice


class RequestQueue:
    """First in, first out; a request given back by a dead instance goes to the front. Guarded by its endpoint's lock.

    No call costs more with more requests waiting: those that expire are left where they stand and skipped later.
    """

    def __init__(self) -> None:
        self._order: deque[AsyncInvocation] = deque()
        self._expiries: list[tuple[float, int, AsyncInvocation]] = []  # a heap; the number breaks ties
        self._waiting: set[int] = set()  # the ids of those that really wait
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, invocation: AsyncInvocation) -> None:
        self._order.append(invocation)
        self._await(invocation)

    def give_back(self, invocation: AsyncInvocation) -> None:
        self._order.appendleft(invocation)
        self._await(invocation)

    def take(self) -> AsyncInvocation:
        """The next request; IndexError when none waits."""
        self._skip()
        invocation = self._order.popleft()
        self._waiting.remove(id(invocation))
        if len(self._expiries) > 2 * len(self._waiting) + 64:  # let go of what is served, long before it would have expired
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
        """When the next request expires; early by one that has been taken meanwhile, never late."""
        return self._expiries[0][0] if self._expiries and self._waiting else None

    def oldest(self) -> float | None:
        """When the request at the front was received."""
        self._skip()
        return self._order[0].received_at if self._order else None

    def all(self) -> list[AsyncInvocation]:
        """Everything that waits, in order."""
        return [invocation for invocation in self._order if id(invocation) in self._waiting]

    def drain(self) -> list[AsyncInvocation]:
        """Remove and return everything."""
        return [self.take() for _ in range(len(self))]

    def _await(self, invocation: AsyncInvocation) -> None:
        self._waiting.add(id(invocation))
        heapq.heappush(self._expiries, (invocation.expires_at, next(self._numbers), invocation))

    def _skip(self) -> None:
        while self._order and id(self._order[0]) not in self._waiting:
            self._order.popleft()

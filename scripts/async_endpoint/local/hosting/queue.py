"""The requests of one endpoint that wait for an instance."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from async_endpoint.contract.s3_uri import S3Uri


@dataclass
class Invocation:
    """One accepted request. Times are AWS seconds; `timeout_seconds` is the model's own time and is never scaled."""

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


class RequestQueue:
    """First in, first out; a request given back by a dead instance goes to the front. Guarded by its endpoint's lock."""

    def __init__(self) -> None:
        self._waiting: deque[Invocation] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, invocation: Invocation) -> None:
        self._waiting.append(invocation)

    def give_back(self, invocation: Invocation) -> None:
        self._waiting.appendleft(invocation)

    def take(self) -> Invocation:
        return self._waiting.popleft()

    def expired(self, now: float) -> list[Invocation]:
        """Remove and return the requests whose time to live has passed."""
        gone = [invocation for invocation in self._waiting if invocation.expires_at <= now]
        if gone:
            self._waiting = deque(invocation for invocation in self._waiting if invocation.expires_at > now)
        return gone

    def next_expiry(self) -> float | None:
        return min((invocation.expires_at for invocation in self._waiting), default=None)

    def oldest(self) -> float | None:
        return min((invocation.received_at for invocation in self._waiting), default=None)

    def drain(self) -> list[Invocation]:
        """Remove and return everything."""
        left, self._waiting = list(self._waiting), deque()
        return left

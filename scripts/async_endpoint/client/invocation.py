"""One request as its caller holds it: a future whose outcome is a result or an error of the tree."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Generator
from typing import Any

from async_endpoint.client.results import Completed, State, Submitted
from async_endpoint.contract.errors import (
    Abandoned,
    AsyncEndpointError,
    InvocationExpired,
    InvocationFailed,
    ResultNotReady,
    ResultUnreadable,
)
from async_endpoint.contract.notifications import Notification

log = logging.getLogger(__name__)


class Invocation:
    """A request on its way. It reaches one terminal state, once; what comes later changes nothing. Safe among threads.

    `tag` is whatever the caller gave, `output_location` where the result will be: known when the endpoint has accepted the
    request. `notification` is what announced the outcome, where something did; `sent` how often the request may have been
    accepted, which is more than once where an answer was lost on its way. `written_at` (of the result, as S3 says, where it
    was read there) and `seen_at` are in seconds since the epoch.
    """

    __slots__ = (
        "_callbacks",
        "_changed",
        "_outcome",
        "inference_id",
        "key",
        "notification",
        "refused_since",
        "seen_at",
        "sent",
        "submitted",
        "tag",
        "written_at",
    )

    def __init__(self, inference_id: str, key: str, tag: Any = None, submitted: Submitted | None = None) -> None:
        self.inference_id = inference_id
        self.key = key
        self.tag = tag
        self.submitted = submitted
        self.notification: Notification | None = None
        self.sent = 0
        self.refused_since: float | None = None
        self.written_at: float | None = None
        self.seen_at: float | None = None
        self._outcome: Completed | AsyncEndpointError | None = None
        self._callbacks: list[Callable[[Invocation], object]] | None = None
        self._changed = threading.Condition()

    # --- as a future -------------------------------------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> Completed:
        """The result, waited for up to `timeout` seconds; without one, up to the request's own deadline.

        Raises InvocationFailed (InvocationExpired), ResultUnreadable, ResultNotReady at either limit, NotReady when AWS does
        not answer, and what kept the request from being accepted: InvalidInput, UsageError, EndpointNotReady.
        """
        outcome = self._wait(lambda: self._outcome, timeout)
        if isinstance(outcome, Completed):
            return outcome
        raise outcome

    def exception(self, timeout: float | None = None) -> AsyncEndpointError | None:
        """What `result` would raise for the outcome, or None; raises ResultNotReady when there is none within `timeout`."""
        outcome = self._wait(lambda: self._outcome, timeout)
        return None if isinstance(outcome, Completed) else outcome

    def accepted(self, timeout: float | None = None) -> Submitted:
        """The endpoint's acceptance, waited for; raises what kept it away, or ResultNotReady after `timeout` seconds."""
        answer = self._wait(lambda: self.submitted or self._outcome, timeout)
        if isinstance(answer, Submitted):
            return answer
        assert isinstance(answer, AsyncEndpointError)  # no result without acceptance
        raise answer

    def done(self) -> bool:
        return self._outcome is not None

    def status(self) -> State:
        """Where the request is, as far as is known here; asks nobody."""
        if self._outcome is None:
            return State.SUBMITTING if self.submitted is None else State.WAITING
        return _state_of(self._outcome, self.submitted is not None)

    def add_done_callback(self, callback: Callable[[Invocation], object]) -> None:
        """Call `callback` with this invocation once it is done, at once if it is; what it raises is logged.

        It is called in the collector's thread: keep it short.
        """
        with self._changed:
            if self._outcome is None:
                self._callbacks = [*(self._callbacks or ()), callback]
                return
        self._call(callback)

    def __await__(self) -> Generator[Any, None, Completed]:
        """For asyncio: `await invocation`, or many in `asyncio.gather`."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        def done(_: Invocation) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(wake)

        self.add_done_callback(done)
        yield from woken
        return self.result(0)

    @property
    def output_location(self) -> str | None:
        return self.submitted.output_location if self.submitted else None

    def __repr__(self) -> str:
        return f"<Invocation {self.inference_id} {self.status()}>"

    # --- for sender and collector --------------------------------------------------------------------------------------

    def accept(self, submitted: Submitted) -> None:
        """The endpoint has accepted the request."""
        with self._changed:
            self.submitted = submitted
            self._changed.notify_all()

    def settle(self, outcome: Completed | AsyncEndpointError) -> bool:
        """Give the invocation its outcome, unless it has one; whether this was it."""
        with self._changed:
            if self._outcome is not None:
                return False
            self._outcome = outcome
            callbacks, self._callbacks = self._callbacks, None
            self._changed.notify_all()
        for callback in callbacks or ():
            self._call(callback)
        return True

    def _wait(self, look: Callable[[], Any], timeout: float | None) -> Any:
        with self._changed:
            if not self._changed.wait_for(lambda: look() is not None, timeout):
                raise ResultNotReady(f"{self.inference_id} is still {self.status()} after {timeout:g} s; wait longer.")
            return look()

    def _call(self, callback: Callable[[Invocation], object]) -> None:
        try:
            callback(self)
        except Exception:
            log.exception("A callback of %s failed.", self.inference_id)


def _state_of(outcome: Completed | AsyncEndpointError, accepted: bool) -> State:
    for kind, state in (
        (Completed, State.COMPLETED),
        (InvocationExpired, State.EXPIRED),
        (InvocationFailed, State.FAILED),
        (ResultUnreadable, State.LOST_PERMISSION),
        (Abandoned, State.ABANDONED),
        (ResultNotReady, State.TIMED_OUT),
    ):
        if isinstance(outcome, kind):
            return state
    return State.UNREACHABLE if accepted else State.NOT_SENT

"""One request as its caller holds it: a future whose outcome is a result or an error of the tree."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Generator
from typing import Any

from async_endpoint.client import process
from async_endpoint.client.results import Completed, State, Submitted
from async_endpoint.core.errors import (
    Abandoned,
    AsyncEndpointError,
    InvalidInput,
    InvocationExpired,
    InvocationFailed,
    ResultNotReady,
    ResultUnreadable,
)
from async_endpoint.core.notifications import Notification

log = logging.getLogger(__name__)


class Invocation:
    """A request on its way. It reaches one terminal state, once; what comes later changes nothing. Safe among threads.

    In a forked child an invocation without an outcome raises UsageError: the thread that would bring one is the parent's.

    `tag` is whatever the caller gave, `output_location` where the result will be: known when the endpoint has accepted the
    request. `notification` is what announced the outcome, where something did; `sent` how often the request may have been
    accepted, which is more than once where an answer was lost on its way. `written_at` (of the result, as S3 says, where it
    was read there) and `seen_at` are in seconds since the epoch.
    """

    __slots__ = (
        "_callbacks",
        "_changed",
        "_followers",
        "_outcome",
        "_process",
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
        self._followers: tuple[Invocation, ...] = ()
        self._process = process.current()
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
        if self._outcome is None:
            self._check_process()
            return False
        return True

    def status(self) -> State:
        """Where the request is, as far as is known here; asks nobody."""
        if self._outcome is None:
            self._check_process()
            return State.SUBMITTING if self.submitted is None else State.WAITING
        return _state_of(self._outcome, self.submitted is not None)

    def add_done_callback(self, callback: Callable[[Invocation], object]) -> None:
        """Call `callback` with this invocation once it is done, at once if it is; what it raises is logged.

        It is called in the collector's thread: keep it short.
        """
        if not callable(callback):
            raise InvalidInput(f"A callback is of type {type(callback).__name__}; give a function of one invocation.")
        if self._outcome is None:
            self._check_process()
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
        state = (State.SUBMITTING if self.submitted is None else State.WAITING) if self._outcome is None else self.status()
        return f"<Invocation {self.inference_id} {state}>"

    # --- for sender and collector --------------------------------------------------------------------------------------

    def accept(self, submitted: Submitted) -> None:
        """The endpoint has accepted the request."""
        with self._changed:
            self.submitted = submitted
            followers = self._followers
            self._changed.notify_all()
        for follower in followers:
            follower.accept(submitted)

    def settle(self, outcome: Completed | AsyncEndpointError) -> bool:
        """Give the invocation its outcome, unless it has one; whether this was it."""
        with self._changed:
            if self._outcome is not None:
                return False
            self._outcome = outcome
            callbacks, self._callbacks = self._callbacks, None
            followers, self._followers = self._followers, ()
            self._changed.notify_all()
        for follower in followers:
            follower._end_as(self)
        for callback in callbacks or ():
            self._call(callback)
        return True

    def follow(self, first: Invocation) -> None:
        """This is the same request as `first`: take its acceptance and its outcome, once there is one."""
        with first._changed:
            submitted, ended = first.submitted, first._outcome is not None
            if not ended:
                first._followers = (*first._followers, self)
        if ended:
            self._end_as(first)
        elif submitted is not None:
            self.accept(submitted)

    def _end_as(self, first: Invocation) -> None:
        for name in ("submitted", "notification", "sent", "written_at", "seen_at"):
            setattr(self, name, getattr(first, name))
        assert first._outcome is not None
        self.settle(first._outcome)

    def _check_process(self) -> None:
        process.check(self._process, f"Invocation {self.inference_id}")

    def _wait(self, look: Callable[[], Any], timeout: float | None) -> Any:
        if timeout is not None and not (isinstance(timeout, (int, float)) and not math.isnan(timeout)):
            raise InvalidInput(f"A timeout is {timeout!r}; give seconds, or None to wait until the request's deadline.")
        if look() is None:
            self._check_process()
        with self._changed:
            if not self._changed.wait_for(lambda: look() is not None, timeout):
                raise ResultNotReady(f"{self.inference_id} is still {self.status()} after {timeout:g} s; wait longer.")
            return look()

    def _call(self, callback: Callable[[Invocation], object]) -> None:
        try:
            callback(self)
        except BaseException as error:
            # in a thread of ours SystemExit would end that thread, and everyone who waits for it would wait for ever
            if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
                raise
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

"""Invocation: a request as a concurrent.futures.Future, whose result is a Completed or an error of the tree."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from async_endpoint.client.forks import check_process, current_process
from async_endpoint.client.models import Completed, State, Submitted
from async_endpoint.core.errors import (
    Abandoned,
    AsyncEndpointError,
    BucketMissing,
    CredentialsExpired,
    EndpointDeleted,
    InvalidInput,
    InvocationExpired,
    InvocationFailed,
    ResultDeleted,
    ResultNotReady,
    ResultUnreadable,
    WrongRegion,
)
from async_endpoint.core.notifications import Notification

Outcome = Completed | AsyncEndpointError

log = logging.getLogger(__name__)

_STATES: tuple[tuple[type[Outcome], State], ...] = (
    (Completed, State.COMPLETED),
    (InvocationExpired, State.EXPIRED),
    (InvocationFailed, State.FAILED),
    (ResultUnreadable, State.LOST_PERMISSION),
    (CredentialsExpired, State.CREDENTIALS_EXPIRED),
    (WrongRegion, State.WRONG_REGION),
    (BucketMissing, State.BUCKET_MISSING),
    (EndpointDeleted, State.ENDPOINT_DELETED),
    (Abandoned, State.ABANDONED),
    (ResultDeleted, State.RESULT_DELETED),
    (ResultNotReady, State.TIMED_OUT),
)


class Invocation(Future[Completed]):
    """A request and its outcome. Thread-safe; works with `concurrent.futures.wait` and `as_completed`, and with `await`.

    The outcome is set once. Like any future it can be cancelled until it runs, which is when sending begins. In a forked
    child, methods of an invocation without an outcome raise UsageError: the collecting thread exists only in the parent.

    `tag` is the caller's; `output_location` the S3 URI of the result, known once the endpoint has accepted the request;
    `notification` the message that reported the outcome, if one did; `sent` how often the request may have been accepted
    (more than once if a response was lost), `unavailable` how often of these the service said that it is not available.
    `written_at` (the result's LastModified, if it was read from S3), `seen_at` and
    `resumed_at` (when collecting began, of a request that was submitted earlier) are seconds since the epoch.
    """

    # Future itself uses __dict__; slots keep the fields of thousands of invocations out of it
    __slots__ = (
        "_followers",
        "_outcome",
        "_process",
        "_withdrawn",
        "denied_since",
        "inference_id",
        "key",
        "notification",
        "resumed_at",
        "seen_at",
        "sent",
        "submitted",
        "tag",
        "unavailable",
        "written_at",
    )

    # The lock of the base class guards the fields of this one, so that both change together
    _condition: threading.Condition

    def __init__(self, inference_id: str, key: str, tag: Any = None, submitted: Submitted | None = None) -> None:
        super().__init__()
        self.inference_id = inference_id
        self.key = key
        self.tag = tag
        self.submitted = submitted
        self.notification: Notification | None = None
        self.sent = self.unavailable = 0
        self.denied_since: float | None = None
        self.resumed_at: float | None = None
        self.written_at: float | None = None
        self.seen_at: float | None = None
        self._outcome: Outcome | None = None  # readable without the lock, which a forked child may have inherited locked
        self._withdrawn = False
        self._followers: tuple[Invocation, ...] = ()
        self._process = current_process()

    # --- as a future -------------------------------------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> Completed:
        """The result, waiting up to `timeout` seconds; None waits until the request's own deadline.

        Raises InvocationFailed (InvocationExpired), ResultUnreadable, ResultNotReady (a TimeoutError) at either limit,
        NotReady if AWS does not respond, what kept the request from being accepted (InvalidInput, UsageError,
        EndpointNotReady), and concurrent.futures.CancelledError if it was cancelled.
        """
        outcome = self._wait(lambda: self._outcome, timeout)
        if isinstance(outcome, Completed):
            return outcome
        raise outcome

    def exception(self, timeout: float | None = None) -> AsyncEndpointError | None:
        """What `result` would raise as outcome, or None; itself raises ResultNotReady after `timeout`, and CancelledError."""
        outcome = self._wait(lambda: self._outcome, timeout)
        return None if isinstance(outcome, Completed) else outcome

    def accepted(self, timeout: float | None = None) -> Submitted:
        """The endpoint's acceptance, waiting up to `timeout` seconds; raises what prevented it, as `result` does."""
        answer = self._wait(lambda: self.submitted or self._outcome, timeout)
        if isinstance(answer, Submitted):
            return answer
        assert isinstance(answer, AsyncEndpointError)  # no result without acceptance
        raise answer

    def cancel(self) -> bool:
        """Cancel the request if it is not being sent yet: then it never is. Returns whether it is cancelled.

        False also for a request that another invocation of the same key shares.
        """
        return self._withdraw(shared=False)

    def done(self) -> bool:
        if self._outcome is not None:
            return True
        self._check_process()
        return super().done()

    def running(self) -> bool:
        """Whether the request is being sent, or was sent and has no outcome yet."""
        if self._outcome is not None:
            return False
        self._check_process()
        return super().running()

    def cancelled(self) -> bool:
        if self._outcome is not None:
            return False
        self._check_process()
        return super().cancelled()

    def status(self) -> State:
        """The state of the request as known to this client; makes no call."""
        if self._outcome is None:
            self._check_process()
        return self._known_state()

    def add_done_callback(self, callback: Callable[[Invocation], object]) -> None:
        """Call `callback` with this invocation when it is done, at once if it is; what it raises is logged.

        It runs in a thread of the client: keep it short.
        """
        if not callable(callback):
            raise InvalidInput(f"A callback is of type {type(callback).__name__}; pass a function of one invocation.")
        if self._outcome is None:
            self._check_process()
        super().add_done_callback(partial(_run_callback, callback))

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
        return f"<Invocation {self.inference_id} {self._known_state()}>"

    # --- for the client ----------------------------------------------------------------------------------------------

    def begin(self) -> bool:
        """Mark the request as running, so that it can no longer be cancelled; False if it was, or has ended."""
        with self._condition:
            if self._withdrawn or self._outcome is not None:
                return False
            if not super().running():
                super().set_running_or_notify_cancel()
            followers = self._followers
        for follower in followers:
            follower.begin()
        return True

    def accept(self, submitted: Submitted) -> None:
        """Record the endpoint's acceptance."""
        with self._condition:
            self.submitted = submitted
            followers = self._followers
            self._condition.notify_all()
        for follower in followers:
            follower.accept(submitted)

    def settle(self, outcome: Outcome) -> bool:
        """Set the outcome, unless there is one or the request was cancelled; returns whether it was set."""
        with self._condition:
            if self._withdrawn or self._outcome is not None:
                return False
            self._outcome = outcome
        if isinstance(outcome, Completed):
            super().set_result(outcome)
        else:
            super().set_exception(outcome)
        return True

    def withdraw(self) -> bool:
        """Cancel the request and all that share it, if it is not being sent yet; returns whether it is cancelled."""
        return self._withdraw(shared=True)

    @property
    def withdrawn(self) -> bool:
        return self._withdrawn

    def follow(self, first: Invocation) -> bool:
        """Share acceptance and outcome of `first`, the same request; False if `first` was cancelled."""
        with first._condition:
            if first._withdrawn:
                return False
            first._followers = (*first._followers, self)
            submitted, begun = first.submitted, first._outcome is not None or Future.running(first)
        if begun:
            self.begin()
        if submitted is not None:
            self.accept(submitted)
        Future.add_done_callback(first, self._end_as)
        return True

    def on_end(self, callback: Callable[[Invocation], object]) -> None:
        """`add_done_callback` for callbacks of the client, which raise nothing."""
        super().add_done_callback(callback)  # type: ignore[arg-type]

    def _end_as(self, first: Any) -> None:
        outcome = first._outcome
        if outcome is None:
            self.withdraw()
            return
        for name in ("submitted", "notification", "sent", "written_at", "seen_at"):
            setattr(self, name, getattr(first, name))
        self.settle(outcome)

    def _withdraw(self, *, shared: bool) -> bool:
        if self._outcome is not None:
            return False
        self._check_process()
        with self._condition:
            first = not self._withdrawn
            if first and (self._outcome is not None or super().running() or (self._followers and not shared)):
                return False
            self._withdrawn = True  # from here on neither `begin`, `settle` nor `follow` succeeds
        super().cancel()
        if first:
            super().set_running_or_notify_cancel()  # concurrent.futures.wait counts it as done from here on
        return True

    def _check_process(self) -> None:
        check_process(self._process, f"Invocation {self.inference_id}")

    def _known_state(self) -> State:
        outcome = self._outcome
        if outcome is None:
            if self._withdrawn:
                return State.CANCELLED
            return State.SUBMITTING if self.submitted is None else State.WAITING
        if self.submitted is None and not isinstance(outcome, Abandoned):
            return State.NOT_SENT
        return next((state for kind, state in _STATES if isinstance(outcome, kind)), State.UNREACHABLE)

    def _wait(self, get: Callable[[], Any], timeout: float | None) -> Any:
        """What `get` returns once that is not None; raises ResultNotReady after `timeout` seconds, CancelledError."""
        if timeout is not None and not (isinstance(timeout, (int, float)) and not math.isnan(timeout)):
            raise InvalidInput(f"A timeout is {timeout!r}; pass seconds, or None to wait until the request's deadline.")
        if (found := get()) is not None:
            return found
        self._check_process()
        with self._condition:
            if not self._condition.wait_for(lambda: get() is not None or self._withdrawn, timeout):
                raise ResultNotReady(f"{self.inference_id} is still {self._known_state()} after {timeout:g} s; wait longer.")
            if (found := get()) is None:
                raise CancelledError
            return found


def _run_callback(callback: Callable[[Invocation], object], invocation: Any) -> None:
    try:
        callback(invocation)
    except BaseException as error:
        # SystemExit would end the client's thread, and everything that waits for it would hang
        if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
            raise
        log.exception("A callback of %s failed.", invocation.inference_id)

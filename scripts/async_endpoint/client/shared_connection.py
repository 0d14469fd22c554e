"""SharedConnection: a client of an asynchronous endpoint, created when it is first needed, by one attempt for all callers.

Creating one may take long, or fail for long, as where a caller lacks a permission or AWS cannot be reached: no call waits for
an attempt beyond its own time, and none is made for each call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.client.forks import RenewedInChild
from async_endpoint.core.errors import NotReady, ResultNotReady

HOLD_OFF_SECONDS: Final = 5.0  # after an attempt that failed


class SharedConnection(RenewedInChild):
    """What `connect` returns, the same for all threads of a process; a forked child has one of its own."""

    def __init__(self, connect: Callable[[], AsyncEndpoint], elapsed: Callable[[], float] = time.monotonic) -> None:
        self._connect, self._elapsed = connect, elapsed
        self._renew()
        super().__init__()

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._attempt: Future[AsyncEndpoint] | None = None
        self._failed_at = 0.0

    def endpoint(self, seconds: float) -> AsyncEndpoint:
        """The client; raises ResultNotReady if it is not connected within `seconds`, and what `connect` raised.

        A failure is raised for HOLD_OFF_SECONDS without another attempt.
        """
        attempt = self._current()
        try:
            failure = attempt.exception(seconds)
        except TimeoutError as error:
            raise ResultNotReady(f"The asynchronous endpoint was not connected within {seconds:g} s.") from error
        if failure is not None:
            raise failure.with_traceback(None)  # or the traceback of each caller, with its body, would stay with it
        return attempt.result()

    def close(self) -> None:
        """Close the client if there is one, and forget it. One that is being connected is closed then."""
        with self._lock:
            attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.add_done_callback(_close)

    def _current(self) -> Future[AsyncEndpoint]:
        attempt = self._attempt
        if attempt is not None and not self._is_due(attempt):
            return attempt
        with self._lock:
            if self._attempt is None or self._is_due(self._attempt):
                self._attempt = self._begin()
            return self._attempt

    def _is_due(self, attempt: Future[AsyncEndpoint]) -> bool:
        """Whether the attempt failed long enough ago for another one."""
        failed = attempt.done() and attempt.exception() is not None
        return failed and self._elapsed() >= self._failed_at + HOLD_OFF_SECONDS

    def _begin(self) -> Future[AsyncEndpoint]:
        """Connect in a thread, so that no caller's time is the attempt's."""
        attempt: Future[AsyncEndpoint] = Future()
        try:
            threading.Thread(target=self._run, args=(attempt,), name="async-endpoint-connect", daemon=True).start()
        except RuntimeError as error:  # no thread is left
            self._fail(attempt, NotReady(f"The asynchronous endpoint cannot be connected: {error}."))
        return attempt

    def _run(self, attempt: Future[AsyncEndpoint]) -> None:
        try:
            attempt.set_result(self._connect())
        except BaseException as error:  # SystemExit too: callers wait for an outcome
            self._fail(attempt, error if isinstance(error, Exception) else NotReady(f"Connecting ended with {error!r}."))

    def _fail(self, attempt: Future[AsyncEndpoint], error: Exception) -> None:
        self._failed_at = self._elapsed()
        attempt.set_exception(error)


def _close(attempt: Future[AsyncEndpoint]) -> None:
    if attempt.exception() is None:
        attempt.result().close()

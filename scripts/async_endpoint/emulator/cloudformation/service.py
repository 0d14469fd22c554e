"""CloudFormation as a part of the emulator: its stacks, the threads that work on them, and its API, loaded when it is used."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from async_endpoint.emulator.auth.identities import CALLER_KEY, caller_of
from async_endpoint.emulator.cloudformation.errors import OperationCancelled
from async_endpoint.emulator.cloudformation.stacks import Stack, StackStore
from async_endpoint.emulator.wsgi import Application, Environ

SERVICE = "cloudformation"
_STOP_SECONDS = 5.0
log = logging.getLogger(__name__)


class CloudFormation:
    """The stacks of all regions."""

    def __init__(self) -> None:
        self.store = StackStore()
        self._application: Application | None = None
        self._operations: dict[str, tuple[threading.Thread, threading.Event]] = {}
        self._lock = threading.Lock()

    def connect(self, application: Application) -> None:
        """Make calls for resources to `application`, which receives requests of callers that are known already."""
        self._application = application

    def respond(self, environ: Environ) -> Any:
        """The response to an API request."""
        from async_endpoint.emulator.cloudformation.api import CloudFormationApi  # noqa: PLC0415 - few callers need it

        caller = caller_of(environ)
        if self._application is None or caller is None:
            raise RuntimeError(f"CloudFormation is not connected, or a request has no {CALLER_KEY}.")
        return CloudFormationApi(self, self._application, caller).respond(environ)

    def start(self, stack: Stack, work: Callable[[threading.Event], None]) -> None:
        """Run an operation of a stack in a thread; `work` receives the event that cancels it."""
        cancelled = threading.Event()

        def run() -> None:
            try:
                work(cancelled)
            except OperationCancelled:
                log.info("The operation on stack %s was cancelled.", stack.name)
            except Exception as error:  # the stack must not stay in progress
                log.exception("The operation on stack %s failed.", stack.name)
                stack.record(_FAILED.get(stack.status, stack.status), f"Internal failure: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    if self._operations.get(stack.id) == (thread, cancelled):
                        del self._operations[stack.id]

        thread = threading.Thread(target=run, name=f"stack-{stack.name}", daemon=True)
        with self._lock:
            self._operations[stack.id] = thread, cancelled
        thread.start()

    def cancel_one(self, stack: Stack) -> Callable[[], None]:
        """Cancel the operation of a stack, if there is one; the returned function waits for its end."""
        with self._lock:
            thread, cancelled = self._operations.get(stack.id, (None, None))
        if cancelled is not None:
            cancelled.set()
        return lambda: thread.join() if thread is not None else None

    def cancel(self) -> None:
        """Cancel every operation and wait for the calls in progress."""
        with self._lock:
            operations = list(self._operations.values())
        for _, cancelled in operations:
            cancelled.set()
        for thread, _ in operations:
            thread.join(_STOP_SECONDS)

    def saved(self) -> dict[str, Stack]:
        """All stacks, for a snapshot."""
        return self.store.saved()

    def restore(self, saved: dict[str, Stack]) -> None:
        """Restore a snapshot; an operation that was in progress counts as failed."""
        self.store.restore(saved)


_FAILED = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}

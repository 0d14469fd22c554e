"""A WSGI layer that can be closed: requests then wait outside, so that nothing of theirs falls between before and after."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from async_endpoint.emulator.wsgi import Application, Environ, StartResponse, is_admin


class RequestGate:
    """`application`, with the requests counted that it is answering. Administration passes always: it closes the gate."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._changed = threading.Condition()
        self._closed = False
        self._inside = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if is_admin(environ):
            return self._application(environ, start_response)
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            return self._application(environ, start_response)
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Let no request in while this lasts."""
        with self._changed:
            self._closed = True
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()

    def wait_empty(self, seconds: float) -> bool:
        """Wait until no request is inside, at most so many seconds; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._inside, seconds)

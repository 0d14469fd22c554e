"""WSGI middleware that can hold requests back, so that a reset sees none half done."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from async_endpoint.emulator.wsgi import Application, Environ, StartResponse, is_admin


class RequestGate:
    """Counts the requests in `application` and holds new ones while closed; administrative requests always pass."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._changed = threading.Condition()
        self._closed = False
        self._in_progress = 0

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if is_admin(environ):
            return self._application(environ, start_response)
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._in_progress += 1
        try:
            return self._application(environ, start_response)
        finally:
            with self._changed:
                self._in_progress -= 1
                self._changed.notify_all()

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Hold new requests back inside the context."""
        with self._changed:
            self._closed = True
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()

    def wait_empty(self, seconds: float) -> bool:
        """Wait up to `seconds` until no request is in progress; returns whether none is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_progress, seconds)

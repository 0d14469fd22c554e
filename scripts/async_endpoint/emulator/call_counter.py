"""Counts calls per service and action: the outermost WSGI layer, so refused calls and injected faults count too."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from async_endpoint.emulator.api_calls import call_of
from async_endpoint.emulator.wsgi import Application, Environ, StartResponse


class CallCounter:
    """Counts signed calls to `application`. Unsigned requests, such as administration, are not counted."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        call = call_of(environ)
        if call is not None:
            with self._lock:
                self._counts[call.service, call.action] += 1
        return self._application(environ, start_response)

    def clear(self) -> None:
        """Reset all counts."""
        with self._lock:
            self._counts.clear()

    def by_service(self) -> dict[str, dict[str, int]]:
        """{service: {action: calls}}, as boto3 names services; the action is empty where the service has none of that shape."""
        with self._lock:
            counts = sorted(self._counts.items())
        counted: dict[str, dict[str, int]] = {}
        for (service, action), number in counts:
            counted.setdefault(service, {})[action] = number
        return counted

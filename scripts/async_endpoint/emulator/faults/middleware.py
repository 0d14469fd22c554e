"""Faults of API calls: WSGI middleware in front of the services."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable

from werkzeug.wrappers import Response

from async_endpoint.emulator import error_responses
from async_endpoint.emulator.api_calls import ApiCall, call_of
from async_endpoint.emulator.faults.faults import Faults, apply_jitter
from async_endpoint.emulator.faults.kinds import CallFault, DisconnectFault, ErrorFault, LatencyFault, ThrottleFault
from async_endpoint.emulator.wsgi import Application, Environ, StartResponse


class FaultMiddleware:
    """Injects the faults that are set into signed calls, in their order, up to the first that answers the call."""

    def __init__(self, application: Application, faults: Faults) -> None:
        self._application = application
        self._faults = faults

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._inject(environ) if self._faults.calls else None
        return (answer or self._application)(environ, start_response)

    def _inject(self, environ: Environ) -> Response | None:
        call = call_of(environ)
        if call is None:  # unsigned: the emulator's own paths, or a browser
            return None
        for active in self._faults.calls:
            fault = active.fault
            roll = active.sample(self._faults.clock.now()) if _matches(fault, call) else None
            if roll is None:
                continue
            if isinstance(fault, LatencyFault):
                time.sleep(max(apply_jitter(fault.seconds, fault.jitter, roll), 0.0))
            elif isinstance(fault, DisconnectFault):
                if fault.when == "after":
                    self._execute(environ)
                _disconnect(environ)
            elif isinstance(fault, ThrottleFault):
                return error_responses.throttled(call, environ)
            elif isinstance(fault, ErrorFault):
                return error_responses.service_error(call, environ, fault.status)
        return None

    def _execute(self, environ: Environ) -> None:
        """Execute the call and discard the response."""
        answer = self._application(environ, lambda *_: lambda _: None)
        try:
            for _ in answer:
                pass
        finally:
            getattr(answer, "close", lambda: None)()


def _matches(fault: CallFault, call: ApiCall) -> bool:
    return (
        fault.service in (None, call.service)
        and fault.action in (None, call.action)
        and (fault.endpoint is None or fault.endpoint == call.endpoint)
    )


def _disconnect(environ: Environ) -> None:
    """Close the connection; werkzeug treats the exception as a disconnected client."""
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError

"""What goes wrong between a client and the services: a WSGI layer in front of them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable

from werkzeug.wrappers import Response

from async_endpoint.emulator.faults import answers
from async_endpoint.emulator.faults.active import spread
from async_endpoint.emulator.faults.calls import Call, call_of
from async_endpoint.emulator.faults.faults import Faults
from async_endpoint.emulator.faults.kinds import CallFault, Disconnect, Error, Latency, Throttle
from async_endpoint.emulator.wsgi import Application, Environ, StartResponse


class FaultLayer:
    """Signed calls meet the faults that are set, in the order they were set; the first that answers is the last one asked."""

    def __init__(self, application: Application, faults: Faults) -> None:
        self._application = application
        self._faults = faults

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._struck(environ) if self._faults.calls else None
        return (answer or self._application)(environ, start_response)

    def _struck(self, environ: Environ) -> Response | None:
        call = call_of(environ)
        if call is None:  # nobody's call: the local AWS's own paths, or a browser
            return None
        for active in self._faults.calls:
            fault = active.fault
            lot = active.strikes(self._faults.clock.now()) if _concerns(fault, call) else None
            if lot is None:
                continue
            if isinstance(fault, Latency):
                time.sleep(max(spread(fault.seconds, fault.jitter, lot), 0.0))
            elif isinstance(fault, Disconnect):
                if fault.when == "after":
                    self._carry_out(environ)
                _cut(environ)
            elif isinstance(fault, Throttle):
                return answers.throttled(call, environ)
            elif isinstance(fault, Error):
                return answers.broken(call, environ, fault.status)
        return None

    def _carry_out(self, environ: Environ) -> None:
        """Do what is asked, and keep the answer."""
        answer = self._application(environ, lambda *_: lambda _: None)
        try:
            for _ in answer:
                pass
        finally:
            getattr(answer, "close", lambda: None)()


def _concerns(fault: CallFault, call: Call) -> bool:
    return (
        fault.service in (None, call.service)
        and fault.action in (None, call.action)
        and (fault.endpoint is None or fault.endpoint == call.endpoint)
    )


def _cut(environ: Environ) -> None:
    """Close the connection; werkzeug takes the exception for a client that went away."""
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError

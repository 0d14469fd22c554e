"""Runs the application with uvicorn until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.http_api.settings import ApiSettings
from async_endpoint.signals import TERMINATING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

GRACE_SECONDS: Final = 5  # for requests under way when a signal comes; what is cut off can be repeated
IDLE_SECONDS: Final = 30  # of a connection between two requests
HEADER_SECONDS: Final = 20.0  # from the first byte of a request, or the connection, to the end of its headers
BACKLOG: Final = 2_048


def serve(settings: ApiSettings, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `started` receives the URL. Raises InvalidInput if the address cannot be used.

    Raises UsageError for unusable AWS settings too.
    """
    with closing(listen(settings.host, settings.port)) as listener:
        services = Services.of(settings)
        for region in {endpoint.region for endpoint in settings.endpoints.values()}:
            for service in ("s3", "sagemaker-runtime"):  # the first request does not wait for them; settings are checked
                services.sessions(region).client(service)
        server = create_server(create_application(settings, services))
        host, port = listener.getsockname()[:2]
        started(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        server.run([listener])


def create_server(application: ASGIApp) -> uvicorn.Server:
    """The server of an application; `run` takes the listening sockets."""
    config = uvicorn.Config(
        application,
        http=_Protocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return _Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises InvalidInput if the address cannot be used."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no host name"
        raise InvalidInput(f"The host {host!r} has no address ({reason}); use an address of this machine.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidInput(f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port.") from error
    return listener


class _Server(uvicorn.Server):
    """Ends well by a signal; uvicorn's own raises it again, and then the command would count as interrupted."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handlers = {number: signal.getsignal(number) for number in TERMINATING}
        replaced = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
        for number in replaced:
            signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in replaced.items():
                signal.signal(number, handler)


class _Protocol(H11Protocol):
    """Closes a connection whose client sends no complete headers in time; uvicorn would keep it for ever."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect_headers()
        else:
            self._stop_expecting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def _expect_headers(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.close)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

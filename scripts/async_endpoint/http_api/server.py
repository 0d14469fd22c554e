"""Runs the application with uvicorn until a signal ends it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import uvicorn

from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.http_api.settings import ApiSettings
from async_endpoint.signals import TERMINATING

GRACE_SECONDS: Final = 5  # for requests under way when a signal comes; what is cut off can be repeated
IDLE_SECONDS: Final = 30
BACKLOG: Final = 2_048


def serve(settings: ApiSettings, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `started` receives the URL. Raises InvalidInput if the address cannot be used."""
    application = create_application(settings, Services.of(settings))
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with closing(_listening(settings.host, settings.port)) as listener:
        host, port = listener.getsockname()[:2]
        started(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        _Server(config).run([listener])


class _Server(uvicorn.Server):
    """Ends well by a signal; uvicorn's own raises it again, and then the command would count as interrupted."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        handlers = {number: signal.getsignal(number) for number in TERMINATING}
        replaced = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}
        for number in replaced:
            signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in replaced.items():
                signal.signal(number, handler)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise InvalidInput(f"The host {host!r} has no address ({error.strerror}); use an address of this machine.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InvalidInput(f"{host}:{port} cannot be listened on ({error.strerror}); choose another --port.") from error
    return listener

"""The port: connections that stay open from one request to the next, a thread each."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import threading
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from async_endpoint.local.wsgi import Application, Environ

WAITING_CONNECTIONS = 1_024
log = logging.getLogger(__name__)


class Server:
    """Serves `application`. Binds 127.0.0.1 only; port 0 takes a free one; OSError when it is taken."""

    def __init__(self, port: int, application: Application) -> None:
        # Bound here: werkzeug prints and exits when a port is taken.
        with socket.create_server(("127.0.0.1", port), backlog=WAITING_CONNECTIONS) as listener:
            self._server = _Listener("127.0.0.1", port, application, _Connection, fd=listener.fileno())
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections and no more requests; what has been asked is still answered."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()


class _Listener(ThreadedWSGIServer):
    """Knows the connections that are open."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._open: set[socket.socket] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
            if self._stopped:
                _end_reading(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """End every connection once it has answered what it was asked."""
        with self._lock:
            self._stopped = True
            for connection in self._open:
                _end_reading(connection)


def _end_reading(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RD)


class _Connection(MotoRequestHandler):  # type: ignore[misc]
    """One request after another.

    werkzeug closes a connection after each answer, which is more work than most answers are: it does not know whether the
    request has been read to its end. Here it is read before anything else, as all who answer do it anyway.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.closed(self.connection)

    def handle_expect_100(self) -> bool:
        expected = bool(super().handle_expect_100())
        self.wfile.flush()
        return expected

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        body = self._body(environ)
        if body is None:
            return
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            self._answer(environ)
        except ConnectionError as error:
            self.connection_dropped(error)
        except Exception:
            log.exception("%s %s failed.", self.command, self.path)
            self.send_error(500)

    def _body(self, environ: Environ) -> bytes | None:
        """All that was sent after the headers; None when that cannot be told, which is answered, or the client went away."""
        if environ.get("wsgi.input_terminated"):  # in chunks; what may follow the last one is not looked at
            self.close_connection = True
            try:
                return bytes(environ["wsgi.input"].read())
            except OSError as error:
                self.send_error(400, str(error))
                return None
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal():
            self.send_error(400, "Content-Length is not a number")
            return None
        body = bytes(self.rfile.read(int(length)))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _answer(self, environ: Environ) -> None:
        status, headers = "", list[tuple[str, str]]()

        def start_response(given: str, named: list[tuple[str, str]], _: Any = None) -> Any:
            nonlocal status, headers
            status, headers = given, named

        answer = self.server.app(environ, start_response)
        try:
            self._send(status, headers, b"".join(answer))
        finally:
            getattr(answer, "close", lambda: None)()

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        bare = self.command == "HEAD" or code in ("204", "304")
        told = next((value for name, value in headers if name.lower() == "content-length"), None)
        self.close_connection = self.close_connection or not (bare or told in (None, str(len(body))))
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if told is None and not bare:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not bare:
            self.wfile.write(body)
        self.wfile.flush()

    def connection_dropped(self, error: BaseException, environ: Environ | None = None) -> None:
        """No look for another request on a connection that broke."""
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """No line on the terminal for each request."""

    log_request = log_error = log_message

"""The HTTP server: keep-alive connections, a thread each, hardened against slow, oversized and ambiguous requests.

Every step of reading a request is bounded. The head has a deadline and a size limit; the request is authorized by its head
alone. The body (request_body.py) must keep arriving and not exceed its API's limit. After a refusal the connection is closed,
because the unread body cannot be distinguished from a next request.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email import errors
from itertools import chain
from typing import IO, Any, Final

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Response

from async_endpoint.emulator import error_responses
from async_endpoint.emulator.request_body import BadRequest, SenderGone, check_size, declared_length, max_body_bytes, receive
from async_endpoint.emulator.socket_reader import Budget, SocketReader, TooManyBytes
from async_endpoint.emulator.wsgi import Application, Environ

WAITING_CONNECTIONS = 1_024
HEAD_BYTES: Final = 131_072  # more than the headers of any SDK's request; http.server allows 100 of them
LINE_BYTES: Final = 65_536
LINGER_SECONDS: Final = 2.0
# Defects of email.parser after which it treats the headers as ended.
_MALFORMED: Final = (
    errors.FirstHeaderLineIsContinuationDefect,
    errors.MisplacedEnvelopeHeaderDefect,
    errors.MissingHeaderBodySeparatorDefect,
)
# A path, or an absolute URL as sent to proxies (RFC 9112, 3.2). Other forms are ambiguous between parsers.
_TARGET: Final = re.compile(r"(?:http://([^/?#]+))?(/[!\"$-~]*)?")
log = logging.getLogger(__name__)

Refusal = Callable[[Environ], Response | None]


@dataclass(frozen=True)
class Timeouts:
    """Time-outs of a connection in seconds: `idle` between requests, `head` for a head, `stall` without a byte of a body.

    A whole body has `body` seconds, plus one for each `bytes_per_second` bytes received. `send` is the maximum time for which a
    client accepts no byte of a response.
    """

    idle: float = 120.0
    head: float = 30.0
    stall: float = 30.0
    body: float = 60.0
    bytes_per_second: float = 4_096.0
    send: float = 60.0


class Server:
    """Serves `application` on 127.0.0.1 only; port 0 chooses a free one. Raises OSError when the port is in use."""

    def __init__(
        self, port: int, application: Application, refusal: Refusal = lambda _: None, timeouts: Timeouts | None = None
    ) -> None:
        """`refusal` returns the response to a request that is rejected by its head; None accepts it."""
        # Bound here, because werkzeug prints and exits when the port is in use.
        with socket.create_server(("127.0.0.1", port), backlog=WAITING_CONNECTIONS) as listener:
            self._server = _Listener("127.0.0.1", port, application, _Connection, fd=listener.fileno())
        self._server.refusal = refusal
        self._server.timeouts = timeouts or Timeouts()
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
        """Accept no more connections and requests; requests in progress are answered."""
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()


class _Listener(ThreadedWSGIServer):
    """Tracks the open connections."""

    refusal: Refusal
    timeouts: Timeouts

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._open: set[socket.socket] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
            if self._stopped:
                _shut_down_reading(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def close_connections(self) -> None:
        """Close every connection after the response to its current request."""
        with self._lock:
            self._stopped = True
            for connection in self._open:
                _shut_down_reading(connection)


def _shut_down_reading(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client closed it first
        connection.shutdown(socket.SHUT_RD)


def _declared_size(headers: list[tuple[str, str]]) -> int:
    return next((int(value) for name, value in headers if name.lower() == "content-length"), 0)


class _Connection(MotoRequestHandler):  # type: ignore[misc]
    """A keep-alive connection.

    werkzeug closes the connection after each response, because it does not know whether the request was read to its end. Here
    the whole request is read first, which every application does anyway.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # a response is sent in one piece
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(message)s\n"
    server: _Listener
    path: str  # set by BaseHTTPRequestHandler, which does not declare it

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._reader = SocketReader(self.connection, Budget(self.server.timeouts.idle))
        self.rfile: io.BufferedReader = io.BufferedReader(self._reader)
        self.server.opened(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.closed(self.connection)

    def handle_one_request(self) -> None:
        """Read and answer one request; a connection without one is closed silently."""
        timeouts = self.server.timeouts
        self._reader.start_budget(Budget(timeouts.idle))
        try:
            begun = self.rfile.peek(1)
        except TimeoutError:
            begun = b""
        if not begun:
            self.close_connection = True
            return
        self.command, self.requestline, self.request_version = "", "", self.protocol_version
        self._reader.start_budget(Budget(timeouts.head, timeouts.head, max_bytes=HEAD_BYTES))
        try:
            if self._read_head():
                self.run_wsgi()
        except TimeoutError:
            self._reject(408, f"The request did not arrive within {timeouts.head:g} s.")
        except TooManyBytes:
            self._reject(431, f"The head of the request has more than {HEAD_BYTES} bytes.")

    def _read_head(self) -> bool:
        """Read the request line and the headers; False when they were refused and answered."""
        self.raw_requestline = self.rfile.readline(LINE_BYTES + 1)
        if len(self.raw_requestline) > LINE_BYTES:
            self._reject(414, f"The request line has more than {LINE_BYTES} bytes.")
            return False
        if not self.parse_request():
            self._linger()
            return False
        return True

    def handle_expect_100(self) -> bool:
        """Delay 100 Continue, so that a refused client does not send its body."""
        return True

    def run_wsgi(self) -> None:
        """Answer the request whose head has been read."""
        try:
            environ = self._environ()
        except BadRequest as error:
            self._reject(error.status, str(error))
            return
        refusal = self.server.refusal(environ)
        if refusal is not None:
            self._refuse(refusal)
            return
        body = self._body(environ)
        if body is None:
            return
        with body:
            environ["wsgi.input"] = body
            self._head_sent = False
            try:
                self._answer(environ)
            except ConnectionError as error:
                self.connection_dropped(error)
            except Exception:
                log.exception("%s %s failed.", self.command, self.path)
                if self._head_sent:  # the client notices that the response is not complete
                    self.close_connection = True
                else:
                    self.send_error(500)

    def _environ(self) -> Environ:
        """The WSGI environment of the head; raises BadRequest for a head that parsers may interpret differently."""
        if any(isinstance(defect, _MALFORMED) for defect in self.headers.defects):
            raise BadRequest(400, "The headers of the request contain an invalid line.")
        hosts = self.headers.get_all("Host", [])
        if len(hosts) > 1:
            raise BadRequest(400, "The request has more than one Host; send one.")
        target = _TARGET.fullmatch(self.path)
        if target is None:
            raise BadRequest(400, "The request target is not a path of printable ASCII that begins with a slash.")
        if target[1] is not None and [target[1]] != hosts:
            raise BadRequest(400, "The request target names another host than its Host header.")
        self.path = target[2] or "/"
        environ: Environ = self.make_environ()
        return environ

    def _body(self, environ: Environ) -> IO[bytes] | None:
        """The body, positioned at its beginning; None when it was refused and answered, or the client disconnected."""
        timeouts = self.server.timeouts
        try:
            length = declared_length(self.headers, self.request_version)
            most_bytes = max_body_bytes(environ)
            check_size(length or 0, most_bytes)
            self._ask_for_body(length)
            self._reader.start_budget(Budget(timeouts.stall, timeouts.body, timeouts.bytes_per_second))
            body = receive(self.rfile, length, most_bytes)
        except BadRequest as error:
            self._refuse(error_responses.request_refused(environ, error.status, str(error)))
        except TimeoutError:
            late = f"less than {timeouts.bytes_per_second:g} bytes/s of the body arrived, or none for {timeouts.stall:g} s"
            self._refuse(error_responses.request_refused(environ, 408, f"The request timed out: {late}; send it again."))
        except (SenderGone, ConnectionError):
            self.close_connection = True
        else:
            environ["CONTENT_LENGTH"] = str(body.seek(0, io.SEEK_END))
            body.seek(0)
            return body
        return None

    def _ask_for_body(self, length: int | None) -> None:
        if length != 0 and self.request_version >= "HTTP/1.1" and self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()

    def _refuse(self, refusal: Response) -> None:
        """Answer before the request was read to its end, and close the connection."""
        self.close_connection = True
        refusal.headers["Content-Length"] = str(len(refusal.get_data()))
        self._send(refusal.status, list(refusal.headers), (refusal.get_data(),), len(refusal.get_data()))
        self._linger()

    def _reject(self, status: int, message: str) -> None:
        """Answer a request with an invalid or incomplete head, and close the connection."""
        self.send_error(status, message)
        self._linger()

    def _linger(self) -> None:
        """Linger before closing: a connection closed with unread bytes is reset, and the response lost (RFC 9112, 9.6)."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            deadline, unread = time.monotonic() + LINGER_SECONDS, bytearray(65_536)
            while (left := deadline - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv_into(unread):
                    return

    def _answer(self, environ: Environ) -> None:
        status, headers = "", list[tuple[str, str]]()

        def start_response(given: str, named: list[tuple[str, str]], _: Any = None) -> Any:
            nonlocal status, headers
            status, headers = given, named

        answer = self.server.app(environ, start_response)
        try:
            blocks = iter(answer)
            first, second = next(blocks, b""), next(blocks, None)
            if second is None:
                self._send(status, headers, (first,), len(first))
            elif declared := _declared_size(headers):
                self._send(status, headers, chain((first, second), blocks), declared)
            else:
                body = b"".join((first, second, *blocks))
                self._send(status, headers, (body,), len(body))
        finally:
            getattr(answer, "close", lambda: None)()

    def _send(self, status: str, headers: list[tuple[str, str]], body: Iterable[bytes], size: int) -> None:
        """Send a response with a body of `size` bytes; ConnectionError when the client disconnected or does not read it."""
        self.connection.settimeout(self.server.timeouts.send)
        try:
            no_body = self._send_head(status, headers, size)
            sent = size if no_body else sum(self.wfile.write(block) for block in body)
            self.wfile.flush()
            self.close_connection = self.close_connection or sent != size
        except TimeoutError as error:
            raise ConnectionAbortedError from error

    def _send_head(self, status: str, headers: list[tuple[str, str]], size: int) -> bool:
        """Send status and headers; returns whether the response has no body."""
        code, _, reason = status.partition(" ")
        no_body = self.command == "HEAD" or code in ("204", "304")
        declared = next((value for name, value in headers if name.lower() == "content-length"), None)
        self.close_connection = self.close_connection or not (no_body or declared in (None, str(size)))
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if declared is None and not no_body:
            self.send_header("Content-Length", str(size))
        if self.close_connection:
            self.send_header("Connection", "close")
        self._head_sent = True
        self.end_headers()
        return no_body

    def connection_dropped(self, error: BaseException, environ: Environ | None = None) -> None:
        """Read no other request from a broken connection."""
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log no requests on the terminal."""

    log_request = log_error = log_message

"""The port: connections that stay open from one request to the next, a thread each, and requests whose senders are not trusted.

A request is read in steps that all end. Its head has a deadline and a size limit. By its head alone it is let in or refused.
Its body (request_body.py) must keep arriving and be no larger than its API accepts. After a refusal the connection is closed:
what follows on it cannot be distinguished from a body that was not read.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import errors
from typing import IO, Any, Final

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Response

from async_endpoint.emulator import error_responses
from async_endpoint.emulator.body_limits import most_body_bytes
from async_endpoint.emulator.request_body import BadRequest, SenderGone, check_size, declared_length, receive
from async_endpoint.emulator.socket_reader import Budget, SocketReader, TooManyBytes
from async_endpoint.emulator.wsgi import Application, Environ

WAITING_CONNECTIONS = 1_024
HEAD_BYTES: Final = 131_072  # more than the headers of any SDK's request; http.server allows 100 of them
LINE_BYTES: Final = 65_536
LINGER_SECONDS: Final = 2.0
# Of what email.parser finds wrong: after such a line it takes the headers for ended.
_MALFORMED: Final = (
    errors.FirstHeaderLineIsContinuationDefect,
    errors.MisplacedEnvelopeHeaderDefect,
    errors.MissingHeaderBodySeparatorDefect,
)
# A path, or a URL as proxies are sent it (RFC 9112, 3.2). Other texts are read one way by one reader, another way by the next.
_TARGET: Final = re.compile(r"(?:http://([^/?#]+))?(/[!\"$-~]*)?")
log = logging.getLogger(__name__)

Refusal = Callable[[Environ], Response | None]


@dataclass(frozen=True)
class Timeouts:
    """How long a connection may take, in seconds: `idle` between requests, `head` for a head, `stall` without a byte of a body.

    A body as a whole has `body`, and one second more for each `bytes_per_second` bytes of it that have arrived. `send` is the
    longest time in which a client takes nothing of an answer.
    """

    idle: float = 120.0
    head: float = 30.0
    stall: float = 30.0
    body: float = 60.0
    bytes_per_second: float = 4_096.0
    send: float = 60.0


class Server:
    """Serves `application`. Binds 127.0.0.1 only; port 0 takes a free one; OSError when it is taken."""

    def __init__(
        self, port: int, application: Application, refusal: Refusal = lambda _: None, timeouts: Timeouts | None = None
    ) -> None:
        """`refusal` answers a request that is not let in, by its head; None lets it in."""
        # Bound here: werkzeug prints and exits when a port is taken.
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
        """Take no more connections and no more requests; what has been asked is still answered."""
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()


class _Listener(ThreadedWSGIServer):
    """Knows the connections that are open."""

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
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(message)s\n"
    server: _Listener
    path: str  # of BaseHTTPRequestHandler, which does not declare it

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
        """Read and answer one request; a connection on which none begins is closed without a word."""
        timeouts = self.server.timeouts
        self._reader.allow(Budget(timeouts.idle))
        try:
            begun = self.rfile.peek(1)
        except TimeoutError:
            begun = b""
        if not begun:
            self.close_connection = True
            return
        self.command, self.requestline, self.request_version = "", "", self.protocol_version
        self._reader.allow(Budget(timeouts.head, timeouts.head, most_bytes=HEAD_BYTES))
        try:
            if self._read_head():
                self.run_wsgi()
        except TimeoutError:
            self._give_up(408, f"The request did not arrive within {timeouts.head:g} s.")
        except TooManyBytes:
            self._give_up(431, f"The head of the request has more than {HEAD_BYTES} bytes.")

    def _read_head(self) -> bool:
        """Read the request line and the headers; False when they are refused, which has been answered."""
        self.raw_requestline = self.rfile.readline(LINE_BYTES + 1)
        if len(self.raw_requestline) > LINE_BYTES:
            self._give_up(414, f"The request line has more than {LINE_BYTES} bytes.")
            return False
        if not self.parse_request():
            self._linger()
            return False
        return True

    def handle_expect_100(self) -> bool:
        """Say nothing yet: a refused client need not send its body."""
        return True

    def run_wsgi(self) -> None:
        """Answer the request whose head has been read."""
        try:
            environ = self._environ()
        except BadRequest as error:
            self._give_up(error.status, str(error))
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
            try:
                self._answer(environ)
            except ConnectionError as error:
                self.connection_dropped(error)
            except Exception:
                log.exception("%s %s failed.", self.command, self.path)
                self.send_error(500)

    def _environ(self) -> Environ:
        """The head as WSGI has it; raises BadRequest where one reader could understand it otherwise than another."""
        if any(isinstance(defect, _MALFORMED) for defect in self.headers.defects):
            raise BadRequest(400, "The headers of the request contain a line that is none.")
        hosts = self.headers.get_all("Host", [])
        if len(hosts) > 1:
            raise BadRequest(400, "The request has more than one Host; send one.")
        target = _TARGET.fullmatch(self.path)
        if target is None:
            raise BadRequest(400, "The address of the request is no path of printable ASCII that begins with a slash.")
        if target[1] is not None and [target[1]] != hosts:
            raise BadRequest(400, "The address of the request names another host than its Host header.")
        self.path = target[2] or "/"
        environ: Environ = self.make_environ()
        return environ

    def _body(self, environ: Environ) -> IO[bytes] | None:
        """The body, to be read from its beginning; None when it is refused, which is answered, or its sender went away."""
        timeouts = self.server.timeouts
        try:
            length = declared_length(self.headers, self.request_version)
            most_bytes = most_body_bytes(environ)
            check_size(length or 0, most_bytes)
            self._ask_for_body(length)
            self._reader.allow(Budget(timeouts.stall, timeouts.body, timeouts.bytes_per_second))
            body = receive(self.rfile, length, most_bytes)
        except BadRequest as error:
            self._refuse(error_responses.request_refused(environ, error.status, str(error)))
        except TimeoutError:
            late = f"less than {timeouts.bytes_per_second:g} bytes/s of the body arrived, or none for {timeouts.stall:g} s"
            self._refuse(error_responses.request_refused(environ, 408, f"The request was given up: {late}; send it again."))
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
        """Answer without having read the request to its end, and close the connection."""
        self.close_connection = True
        refusal.headers["Content-Length"] = str(len(refusal.get_data()))
        self._send(refusal.status, list(refusal.headers), refusal.get_data())
        self._linger()

    def _give_up(self, status: int, message: str) -> None:
        """Answer a request of which not even the head makes sense."""
        self.send_error(status, message)
        self._linger()

    def _linger(self) -> None:
        """Let the answer arrive: closing a connection with unread bytes resets it, and the answer is lost (RFC 9112, 9.6)."""
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
            parts = list(answer)
            self._send(status, headers, parts[0] if len(parts) == 1 else b"".join(parts))
        finally:
            getattr(answer, "close", lambda: None)()

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send an answer; ConnectionError when the client went away or takes nothing of it."""
        self.connection.settimeout(self.server.timeouts.send)
        try:
            self._write(status, headers, body)
        except TimeoutError as error:
            raise ConnectionAbortedError from error

    def _write(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
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

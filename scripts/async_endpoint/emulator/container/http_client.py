"""HTTP client of one container, with a pool of keep-alive connections.

A request is sent once and never retried: an idle connection is reused only for less time than any model server's keep-alive
time-out, and after checking that the other side has not closed it.
"""

from __future__ import annotations

import email.errors
import http.client
import io
import re
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from async_endpoint.core import limits
from async_endpoint.emulator.container import payload
from async_endpoint.emulator.container.container import ContainerDied, ContainerResponse, ContainerTimedOut, InvalidResponse
from async_endpoint.emulator.container.payload import Body, Payload, PayloadWriter

IDLE_SECONDS = 1.0  # gunicorn closes after 2 seconds, and others later
READ_BYTES = 1 << 20
# Of a response, in bytes (deep-learning-containers, issue 4668, which quotes the message). What counts is A225.
MAX_HEADER_BYTES: Final = 4_096
# Lines of a header that are no header fields. http.client drops them and all that follow, the length too.
_BROKEN_LINES: Final = (
    email.errors.FirstHeaderLineIsContinuationDefect,
    email.errors.MalformedHeaderDefect,
    email.errors.MisplacedEnvelopeHeaderDefect,
    email.errors.MissingHeaderBodySeparatorDefect,
)
_FOLD = re.compile(r"\r?\n[ \t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


class ContainerClient:
    """Calls routes of a container. `connect` opens a connection within a number of seconds."""

    def __init__(self, connect: Callable[[float], socket.socket]) -> None:
        self._connect = connect
        self._idle: deque[tuple[float, http.client.HTTPConnection]] = deque()  # with the time of their last use
        self._lock = threading.Lock()

    def ping(self, timeout: float) -> bool:
        """Whether `/ping` answers 200 within `timeout` seconds."""
        try:
            return self.request("GET", "/ping", b"", {}, timeout).status == 200
        except (ContainerDied, ContainerTimedOut, InvalidResponse):
            return False

    def request(self, method: str, path: str, body: Body, headers: Mapping[str, str], timeout: float) -> ContainerResponse:
        """One request; a large response is kept in a file.

        Raises ContainerTimedOut after `timeout` seconds, ContainerDied on a broken connection, or InvalidResponse.
        """
        deadline = time.monotonic() + timeout
        connection = http.client.HTTPConnection("localhost", blocksize=READ_BYTES)
        connection.response_class = _Response
        connection.auto_open = 0  # connected below
        try:
            connection = self._pooled_connection(timeout) or connection
            if connection.sock is None:
                connection.sock = self._connect(timeout)
            self._send(connection, method, path, payload.of(body), headers)
            sock = connection.sock  # a closing response takes the socket over
            answer = connection.getresponse()
            content_type = _field(answer, "Content-Type")
            custom_attributes = _field(answer, "X-Amzn-SageMaker-Custom-Attributes")
            received = self._body(sock, answer, deadline)
            if len(received) > limits.OUTPUT_OBJECT_BYTES:  # the rest is unread
                connection.close()
        except TimeoutError as error:
            connection.close()
            raise ContainerTimedOut(str(error)) from error
        except InvalidResponse:
            connection.close()
            raise
        except (http.client.RemoteDisconnected, http.client.IncompleteRead, OSError) as error:
            connection.close()
            raise ContainerDied(str(error) or type(error).__name__) from error
        except http.client.HTTPException as error:
            connection.close()
            raise _unparseable(f"{type(error).__name__}: {str(error)[:200]}") from error
        self._return_to_pool(connection)
        return ContainerResponse(
            answer.status,
            "application/octet-stream" if content_type is None else content_type,
            custom_attributes,
            received,
            has_length="Content-Length" in answer.headers and not answer.chunked,
        )

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for _, connection in idle:
            connection.close()

    @staticmethod
    def _send(
        connection: http.client.HTTPConnection, method: str, path: str, body: Payload, headers: Mapping[str, str]
    ) -> None:
        if len(body) <= payload.IN_MEMORY_BYTES:  # one piece with the headers
            connection.request(method, path, body.read(), dict(headers))
            return
        with body.open() as file:
            connection.request(method, path, file, {**headers, "Content-Length": str(len(body))})

    @staticmethod
    def _body(sock: socket.socket, answer: http.client.HTTPResponse, deadline: float) -> Payload:
        """Read the body, at most little more than any API delivers: a model may answer without end."""
        reader = answer.fp
        if isinstance(reader, _HeadReader):
            if reader.last_line not in (b"\r\n", b"\n"):
                raise http.client.IncompleteRead(b"")  # a truncated header, which http.client accepts
            if reader.head_bytes > MAX_HEADER_BYTES:
                raise InvalidResponse(
                    "Response received from the {container} container has headers with length greater than "
                    f"{MAX_HEADER_BYTES} bytes. Reduce the length of your container's response headers "
                    "and update your endpoint."
                )
        _check_fields(answer)
        if answer.status < 200:  # http.client skips 100; after 101 there is no HTTP any more
            raise _unparseable(f"its status is {answer.status}")
        writer = PayloadWriter()
        while answer.length != 0 and (part := answer.read1(READ_BYTES)):
            writer.write(part)
            if writer.size > limits.OUTPUT_OBJECT_BYTES:
                answer.close()
                return writer.finish()
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
        answer.close()
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        return writer.finish()

    def _pooled_connection(self, timeout: float) -> http.client.HTTPConnection | None:
        now = time.monotonic()
        while True:
            with self._lock:
                used, connection = self._idle.pop() if self._idle else (now, None)
            if connection is None:
                return None
            if now - used < IDLE_SECONDS and not _is_readable(connection):
                connection.sock.settimeout(timeout)
                return connection
            connection.close()

    def _return_to_pool(self, connection: http.client.HTTPConnection) -> None:
        """Keep the connection for the next request unless the server closes it; also closes connections idle for too long."""
        now, old = time.monotonic(), []
        with self._lock:
            if connection.sock is not None:
                self._idle.append((now, connection))
            while self._idle and now - self._idle[0][0] > IDLE_SECONDS:
                old.append(self._idle.popleft()[1])
        for forgotten in old:
            forgotten.close()


class TcpContainerClient(ContainerClient):
    """A ContainerClient that connects to a TCP port."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__(lambda timeout: _tcp(host, port, timeout))


def _tcp(host: str, port: int, timeout: float) -> socket.socket:
    connection = socket.create_connection((host, port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _is_readable(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection is readable: closed by the other side, or with unsolicited data."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _unparseable(detail: str) -> InvalidResponse:
    """The text is the local AWS's own: AWS's is unknown (A226)."""
    return InvalidResponse(f"The response from container {{container}} is not valid HTTP ({detail}).")


def _check_fields(answer: http.client.HTTPResponse) -> None:
    """Raise InvalidResponse for lines that are no header fields, and for a length that is none or is ambiguous."""
    if any(isinstance(defect, _BROKEN_LINES) for defect in answer.headers.defects):
        raise _unparseable("its header has a line that is no header field")
    lengths = {text.strip() for text in answer.headers.get_all("Content-Length", [])}
    if len(lengths) > 1 or not all(text.isascii() and text.isdecimal() for text in lengths):
        raise _unparseable(f"its Content-Length is {' and '.join(sorted(lengths))[:40]!r}")


def _field(answer: http.client.HTTPResponse, name: str) -> str | None:
    """A header of the response on one line (RFC 9112, 5.2); raises InvalidResponse for control characters in it."""
    value = answer.headers.get(name)
    if value is None:
        return None
    line = _FOLD.sub(" ", str(value))
    if _CONTROL.search(line):
        raise _unparseable(f"its {name} has control characters")
    return line


class _HeadReader(io.BufferedReader):
    """Counts the bytes of the status line and the header, and keeps the last line: the end of a header is an empty one."""

    head_bytes = 0
    last_line = b""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.head_bytes += len(line)
        self.last_line = line
        return line


class _Response(http.client.HTTPResponse):
    """A response with a counted header. A malformed chunk is an error of its own, not the end of the connection."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = _HeadReader(sock.makefile("rb", buffering=0))

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(READ_BYTES)
        if not line:
            raise http.client.IncompleteRead(b"")
        size = line.split(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):  # int() also accepts signs and underscores
            raise _unparseable(f"a chunk begins with {line[:40]!r}")
        return int(size, 16)

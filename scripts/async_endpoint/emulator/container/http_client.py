"""HTTP client of one container, with a pool of keep-alive connections.

A request is sent once and never retried: an idle connection is reused only for less time than any model server's keep-alive
time-out, and after checking that the other side has not closed it.
"""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from async_endpoint.core import limits
from async_endpoint.emulator.container.container import ContainerDied, ContainerResponse, ContainerTimedOut

IDLE_SECONDS = 1.0  # gunicorn closes after 2 seconds, and others later
READ_BYTES = 1 << 20


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
        except (ContainerDied, ContainerTimedOut):
            return False

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> ContainerResponse:
        """One request; raises ContainerTimedOut after `timeout` seconds, ContainerDied on a broken connection."""
        deadline = time.monotonic() + timeout
        connection = http.client.HTTPConnection("localhost")
        connection.auto_open = 0  # connected below
        try:
            connection = self._pooled_connection(timeout) or connection
            if connection.sock is None:
                connection.sock = self._connect(timeout)
            connection.request(method, path, body, dict(headers))
            sock = connection.sock  # a closing response takes the socket over
            answer = connection.getresponse()
            received = self._body(sock, answer, deadline)
            if len(received) > limits.OUTPUT_OBJECT_BYTES:  # the rest is unread
                connection.close()
        except TimeoutError as error:
            connection.close()
            raise ContainerTimedOut(str(error)) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ContainerDied(str(error) or type(error).__name__) from error
        self._return_to_pool(connection)
        return ContainerResponse(
            answer.status,
            answer.headers.get("Content-Type", "application/octet-stream"),
            answer.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
            received,
        )

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for _, connection in idle:
            connection.close()

    @staticmethod
    def _body(sock: socket.socket, answer: http.client.HTTPResponse, deadline: float) -> bytes:
        """Read the body, at most little more than any API delivers: a model may answer without end."""
        parts, size = list[bytes](), 0
        closing = answer.version < 11 or "close" in answer.headers.get("Connection", "").lower()
        if answer.length is None and not answer.chunked and not closing:
            raise http.client.IncompleteRead(b"")  # truncated header, which http.client accepts
        while answer.length != 0 and (part := answer.read1(READ_BYTES)):
            parts.append(part)
            size += len(part)
            if size > limits.OUTPUT_OBJECT_BYTES:
                answer.close()
                return b"".join(parts)
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
        answer.close()
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
        return b"".join(parts)

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

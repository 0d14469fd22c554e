"""HTTP to one container, over connections that are kept open between requests.

A request is sent once and never repeated: a connection that lay idle is used again only while it is younger than any model
server lets one idle, and after a look at whether the other side has closed it.
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
    """The two routes of the container contract, and any other. `connect` makes a connection within a number of seconds."""

    def __init__(self, connect: Callable[[float], socket.socket]) -> None:
        self._connect = connect
        self._idle: deque[tuple[float, http.client.HTTPConnection]] = deque()  # by the time it was last used
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
        connection.auto_open = 0  # it is connected below, or not at all
        try:
            connection = self._idle_connection(timeout) or connection
            if connection.sock is None:
                connection.sock = self._connect(timeout)
            connection.request(method, path, body, dict(headers))
            sock = connection.sock  # the answer takes it over when the connection ends with it
            answer = connection.getresponse()
            received = self._body(sock, answer, deadline)
            if len(received) > limits.OUTPUT_OBJECT_BYTES:  # the rest of it is still to come
                connection.close()
        except TimeoutError as error:
            connection.close()
            raise ContainerTimedOut(str(error)) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ContainerDied(str(error) or type(error).__name__) from error
        self._keep(connection)
        return ContainerResponse(
            answer.status,
            answer.headers.get("Content-Type", "application/octet-stream"),
            answer.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
            received,
        )

    def close(self) -> None:
        """Let go of the connections that are idle."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for _, connection in idle:
            connection.close()

    @staticmethod
    def _body(sock: socket.socket, answer: http.client.HTTPResponse, deadline: float) -> bytes:
        """The body, of one that is larger than any API delivers a little more than that: a model may answer without end."""
        parts, size = list[bytes](), 0
        closing = answer.version < 11 or "close" in answer.headers.get("Connection", "").lower()
        if answer.length is None and not answer.chunked and not closing:
            raise http.client.IncompleteRead(b"")  # the head broke off, which http.client takes for its end
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

    def _idle_connection(self, timeout: float) -> http.client.HTTPConnection | None:
        now = time.monotonic()
        while True:
            with self._lock:
                used, connection = self._idle.pop() if self._idle else (now, None)
            if connection is None:
                return None
            if now - used < IDLE_SECONDS and not _has_news(connection):
                connection.sock.settimeout(timeout)
                return connection
            connection.close()

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        """For the next request, unless the server closes it; those that a burst has left over are closed by the way."""
        now, old = time.monotonic(), []
        with self._lock:
            if connection.sock is not None:
                self._idle.append((now, connection))
            while self._idle and now - self._idle[0][0] > IDLE_SECONDS:
                old.append(self._idle.popleft()[1])
        for forgotten in old:
            forgotten.close()


class TcpContainerClient(ContainerClient):
    """The same at a port of this machine."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__(lambda timeout: _tcp(host, port, timeout))


def _tcp(host: str, port: int, timeout: float) -> socket.socket:
    connection = socket.create_connection((host, port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _has_news(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection can be read from: the other side closed it, or said what nobody asked for."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))

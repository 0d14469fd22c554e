"""The HTTP server: keep-alive, bodies read to their end, connections closed at shutdown."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.emulator.http_server import Server


class Echo:
    """Echoes the request; /wait answers once released, /raise raises."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()
        self.paths: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.paths.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/raise":
            raise RuntimeError("raised on purpose")
        if environ["PATH_INFO"] == "/cut":
            raise ConnectionAbortedError
        if environ["PATH_INFO"] == "/wait":
            self.asked.set()
            assert self.go_on.wait(30)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [] if environ["PATH_INFO"] == "/unread" else [environ["wsgi.input"].read()]


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[Server]:
    server = Server(0, echo)
    server.start()
    yield server
    echo.go_on.set()
    server.stop()


@pytest.fixture
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.connect()
    yield connection
    connection.close()


def exchange(connection: http.client.HTTPConnection, body: Any = b"", path: str = "/", **options: Any) -> tuple[int, bytes]:
    connection.request("POST", path, body, **options)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_connection_serves_requests_of_every_service(connection: http.client.HTTPConnection) -> None:
    kept = connection.sock
    assert exchange(connection, b"POST / HTTP/1.1\r\n\r\n", "/unread") == (200, b"")
    assert [exchange(connection, word) for word in (b"one", b"", b"x" * 3_000_000)] == [
        (200, b"one"),
        (200, b""),
        (200, b"x" * 3_000_000),
    ]
    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""
    assert exchange(connection, b"two") == (200, b"two")
    assert connection.sock is kept


def test_a_chunked_body_is_read_and_the_connection_stays_open(connection: http.client.HTTPConnection) -> None:
    kept, chunked = connection.sock, {"Transfer-Encoding": "chunked"}
    assert exchange(connection, iter([b"one ", b"two"]), encode_chunked=True, headers=chunked) == (200, b"one two")
    large = [b"x" * 700_000, b"y" * 700_000]
    assert exchange(connection, iter(large), encode_chunked=True, headers=chunked) == (200, b"".join(large))
    assert exchange(connection, b"more") == (200, b"more")
    assert connection.sock is kept


def test_expect_100_continue_is_answered_once(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client, client.makefile("rb") as answers:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert [answers.readline(), answers.readline()] == [b"HTTP/1.1 100 Continue\r\n", b"\r\n"]
        client.sendall(b"body")
        assert answers.readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("header", [("Content-Length", "many"), ("Content-Length", "-1"), ("Transfer-Encoding", "chunked")])
def test_a_non_numeric_content_length_is_refused(connection: http.client.HTTPConnection, header: tuple[str, str]) -> None:
    connection.putrequest("POST", "/")
    connection.putheader(*header)
    connection.endheaders(b"not in hexadecimal\r\n")
    assert connection.getresponse().status == 400


def test_an_incomplete_request_is_not_answered(server: Server, echo: Echo) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"POST /wait HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nhalf")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert not echo.asked.is_set()


def test_an_internal_error_is_a_response_and_a_cut_connection_is_none(
    server: Server, connection: http.client.HTTPConnection
) -> None:
    assert exchange(connection, path="/raise")[0] == 500
    with pytest.raises(ConnectionError):
        exchange(connection, path="/cut")


def test_stopping_closes_idle_connections_and_completes_requests(
    server: Server, echo: Echo, connection: http.client.HTTPConnection
) -> None:
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    assert exchange(idle) == (200, b"")
    connection.request("POST", "/wait", b"asked before")
    assert echo.asked.wait(30)

    server.stop()

    assert idle.sock.recv(1) == b""
    echo.go_on.set()
    assert connection.getresponse().read() == b"asked before"
    assert connection.sock is None or connection.sock.recv(1) == b""
    with contextlib.suppress(OSError, http.client.HTTPException):  # refused, unless another server has the port by now
        exchange(http.client.HTTPConnection("127.0.0.1", server.port, timeout=5), path="/afterwards")
    assert "/afterwards" not in echo.paths

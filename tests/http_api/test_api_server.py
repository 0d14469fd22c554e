"""The server over real connections: clients that send slowly, half or too much, and addresses that cannot be used."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.http_api import server
from async_endpoint.http_api.settings import BODY_BYTES
from support.api_client import PREDICTIONS, create_api
from support.common import until
from support.in_memory_aws import FakeAws

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"


@pytest.fixture
def port(aws: FakeAws) -> Iterator[int]:
    """The port of a running server, whose time limit for headers is short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "HEADER_SECONDS", 0.3)
        listener = server.listen("127.0.0.1", 0)
        running = server.create_server(create_api(aws).http.app)
        thread = threading.Thread(target=running.run, args=([listener],))
        thread.start()
        until(lambda: running.started, "the server runs")
        yield listener.getsockname()[1]
        running.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
        listener.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def read_all(client: socket.socket) -> bytes:
    """Until the server closes the connection."""
    found = b""
    while data := client.recv(65_536):
        found += data
    return found


@pytest.mark.parametrize("begun", [b"", b"G", b"GET /healthz HTTP/1.1\r\nX-A"])
def test_a_client_that_sends_no_complete_headers_is_disconnected(port: int, begun: bytes) -> None:
    with connect(port) as client:
        client.sendall(begun)
        started = time.monotonic()
        assert read_all(client) == b""
        assert time.monotonic() - started < 15


def test_one_that_sends_a_byte_at_a_time_is_too(port: int) -> None:
    """Each byte must not begin the time limit again."""
    with connect(port) as client:
        client.settimeout(0.05)
        for _ in range(400):
            try:
                client.sendall(b"x")
                if client.recv(10) == b"":
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return
        raise AssertionError("the connection is still open")


def test_a_connection_is_kept_for_the_next_request(port: int) -> None:
    """The time limit is for headers that have begun, not for the pause between two requests."""
    with connect(port) as client:
        for _ in range(2):
            client.sendall(GET % port)
            answer = b""
            while not answer.endswith(b"}"):
                answer += client.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            threading.Event().wait(0.5)  # longer than the limit: a connection that is idle is not one that is slow
        client.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert read_all(client) == b""


def test_a_body_that_is_declared_too_large_is_refused_before_it_is_sent(port: int) -> None:
    head = f"POST {PREDICTIONS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {BODY_BYTES + 1}\r\n"
    with connect(port) as client:
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(65_536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("framing", "part"), [("Content-Length: 10", b"12345"), ("Transfer-Encoding: chunked", b"5\r\n12345\r\n")]
)
def test_half_a_body_is_no_prediction(aws: FakeAws, port: int, framing: str, part: bytes) -> None:
    """A client that is cut off must not have half of its input accepted."""
    with connect(port) as client:
        client.sendall(f"POST {PREDICTIONS} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{framing}\r\n\r\n".encode() + part)
        client.shutdown(socket.SHUT_WR)
        read_all(client)
    with connect(port) as client:
        client.sendall(GET % port)
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")
    assert not aws.s3.objects and not aws.runtime.calls


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"POST /v1/endpoints HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v1/endpoints HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    ],
    ids=["not HTTP", "two lengths", "length and chunks", "huge header", "space in a name", "NUL"],
)
def test_ambiguous_requests_are_not_interpreted(port: int, request_bytes: bytes) -> None:
    with connect(port) as client:
        try:
            client.sendall(request_bytes.replace(b"Host: a", f"Host: 127.0.0.1:{port}".encode()))
            answer = read_all(client)
        except ConnectionError:  # refused before it was read
            answer = b""
    assert not answer or answer.split(b" ")[1] in (b"400",), answer[:200]


def test_an_address_that_cannot_be_used_is_named() -> None:
    with server.listen("127.0.0.1", 0) as taken, pytest.raises(InvalidInput, match="choose another --port"):
        server.listen("127.0.0.1", taken.getsockname()[1])
    for host in ("256.1.1.1", "no such host", "x" * 300, "192.0.2.1"):
        with pytest.raises(InvalidInput, match=re.escape(host)):
            server.listen(host, 0)

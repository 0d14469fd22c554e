"""The HTTP client of containers: keep-alive connections are reused without losing or repeating a request."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from async_endpoint.core import limits
from async_endpoint.emulator.container import http_client, payload
from async_endpoint.emulator.container.container import ContainerDied, ContainerTimedOut, InvalidResponse
from async_endpoint.emulator.container.http_client import TcpContainerClient
from support.common import until

GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """A server with scripted raw responses; counts connections and requests."""

    def __init__(self) -> None:
        self.answer: Callable[[socket.socket], None] = lambda taken: taken.sendall(GOOD)
        self.connections: list[socket.socket] = []
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed already; without this the thread in accept() keeps it open
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for taken in self.connections:
            taken.close()

    def hang_up(self) -> None:
        """Close every open connection."""
        for taken in self.connections:
            taken.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(taken)
            threading.Thread(target=self._serve, args=(taken,), daemon=True).start()

    def _serve(self, taken: socket.socket) -> None:
        reader = taken.makefile("rb")
        try:
            while line := reader.readline():
                length = 0
                while (header := reader.readline()) not in (b"\r\n", b""):
                    name, _, value = header.decode().partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                self.requests.append(line + reader.read(length))
                self.answer(taken)
        except OSError:
            return


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.close()


@pytest.fixture
def port(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> TcpContainerClient:
    monkeypatch.setattr(http_client, "IDLE_SECONDS", 600.0)  # a loaded machine must not decide what is tested
    return TcpContainerClient(server.port)


def ask(port: TcpContainerClient, timeout: float = 60) -> bytes:
    return port.request("POST", "/invocations", b"body", {"Content-Type": "text/x"}, timeout).body


def then_close(answer: bytes) -> Callable[[socket.socket], None]:
    def send(taken: socket.socket) -> None:
        taken.sendall(answer)
        taken.shutdown(socket.SHUT_RDWR)

    return send


def test_sequential_requests_share_a_connection(server: Scripted, port: TcpContainerClient) -> None:
    assert [ask(port) for _ in range(5)] == [b"ok"] * 5
    assert port.ping(60)
    assert (len(server.connections), len(server.requests)) == (1, 6)


def test_concurrent_requests_use_one_connection_each(server: Scripted, port: TcpContainerClient) -> None:
    together = threading.Barrier(3, timeout=60)

    def meet(taken: socket.socket) -> None:
        together.wait()
        taken.sendall(GOOD)

    server.answer = meet
    for _ in range(2):
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(lambda _: ask(port), range(3))) == [b"ok"] * 3
    assert len(server.connections) == 3


def test_a_connection_closed_by_the_server_is_not_reused(server: Scripted, port: TcpContainerClient) -> None:
    ask(port)
    server.hang_up()
    ((_, idle),) = port._idle
    until(lambda: http_client._is_readable(idle), "the end has arrived")
    assert ask(port) == b"ok"
    assert (len(server.connections), len(server.requests)) == (2, 2)


def test_a_connection_with_unsolicited_data_is_not_reused(server: Scripted, port: TcpContainerClient) -> None:
    ask(port)
    server.connections[0].sendall(b"HTTP/1.1 500 Late\r\n\r\n")
    ((_, idle),) = port._idle
    until(lambda: http_client._is_readable(idle), "it has arrived")
    assert ask(port) == b"ok"
    assert len(server.connections) == 2


def test_connections_idle_for_too_long_are_not_reused(
    server: Scripted, port: TcpContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(port)
    monkeypatch.setattr(http_client, "IDLE_SECONDS", 0.0)
    ask(port)
    assert len(server.connections) == 2


@pytest.mark.parametrize(
    "half",
    [b"", b"HTTP/1.1 200 OK\r\nDate: any\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"],
    ids=["none", "head", "body"],
)
def test_a_request_with_a_truncated_response_is_never_retried(server: Scripted, port: TcpContainerClient, half: bytes) -> None:
    ask(port)
    server.answer = then_close(half)
    with pytest.raises(ContainerDied):
        ask(port)  # on the connection that was used before
    assert len(server.requests) == 2
    server.answer = lambda taken: taken.sendall(GOOD)
    assert ask(port) == b"ok"


def test_a_slow_response_is_limited_by_one_timeout(server: Scripted, port: TcpContainerClient) -> None:
    stop = threading.Event()

    def drip(taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not stop.wait(0.05):
            taken.sendall(b".")

    server.answer = drip
    with pytest.raises(ContainerTimedOut):
        ask(port, timeout=0.4)
    stop.set()
    assert not port._idle


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", 1),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 0),
    ],
    ids=["chunked", "closing"],
)
def test_other_framings_of_a_response_are_read(server: Scripted, port: TcpContainerClient, answer: bytes, kept: int) -> None:
    server.answer = lambda taken: taken.sendall(answer)
    assert (ask(port), len(port._idle)) == (b"ok", kept)


def test_a_response_without_a_length_ends_with_its_connection(server: Scripted, port: TcpContainerClient) -> None:
    server.answer = then_close(b"HTTP/1.0 200 OK\r\n\r\nok")
    assert (ask(port), len(port._idle)) == (b"ok", 0)


@pytest.mark.parametrize(
    ("answer", "declared"),
    [
        (GOOD, True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
    ],
    ids=["length", "chunks", "neither", "closing", "1.0"],
)
def test_a_declared_length_is_distinguished(server: Scripted, port: TcpContainerClient, answer: bytes, declared: bool) -> None:
    server.answer = then_close(answer)
    response = port.request("POST", "/invocations", b"body", {}, 60)
    assert (response.body, response.has_length) == (b"ok", declared)


def with_head_of(size: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: "
    return head + b"a" * (size - len(head) - 4) + b"\r\n\r\nok"


def test_headers_above_4096_bytes_are_refused_in_sagemakers_words(server: Scripted, port: TcpContainerClient) -> None:
    server.answer = lambda taken: taken.sendall(with_head_of(4_096))
    assert ask(port) == b"ok"
    server.answer = lambda taken: taken.sendall(with_head_of(4_097))
    with pytest.raises(InvalidResponse, match="Response received from the primary container has headers with length greater"):
        ask(port)


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 many\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nok\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Own header: 1\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nNo colon\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n0123456789",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/\0x\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX-Amzn-SageMaker-Custom-Attributes: a\x1bb\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=[
        *("no status line", "no status", "another version", "too many headers", "no chunk", "a long line", "a negative chunk"),
        "another protocol",
        *("a space in a name", "no colon", "no length", "a negative length", "an underscore in the length", "two lengths"),
        *("a control character in the type", "a control character in the attributes"),
    ],
)
def test_a_malformed_response_is_not_the_death_of_the_container(
    server: Scripted, port: TcpContainerClient, answer: bytes
) -> None:
    server.answer = lambda taken: taken.sendall(answer)
    with pytest.raises(InvalidResponse, match="is not valid HTTP"):
        ask(port)
    server.answer = lambda taken: taken.sendall(GOOD)
    assert ask(port) == b"ok"


@pytest.mark.parametrize("kind", [b"text/x;\r\n charset=utf-8", b"multipart/form-data", b"message/rfc822"])
def test_a_content_type_of_any_form_is_one_line(server: Scripted, port: TcpContainerClient, kind: bytes) -> None:
    server.answer = lambda taken: taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: 2\r\n\r\nok" % kind)
    assert port.request("POST", "/invocations", b"", {}, 60).content_type == " ".join(kind.decode().split())


@pytest.mark.parametrize("size", [http_client.READ_BYTES + 1, 5_000_000])
def test_large_bodies_pass_through_files_unchanged(server: Scripted, port: TcpContainerClient, size: int) -> None:
    content = random.Random(size).randbytes(size)
    server.answer = lambda taken: taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + content)
    response = port.request("POST", "/invocations", payload.Payload(content), {}, 60)
    assert server.requests[-1].partition(b"\r\n")[2] == content
    assert isinstance(response.payload, payload.FilePayload)
    assert response.body == content
    assert (response.payload.read(7, size - 4), response.payload.read(3)) == (content[-4:], content[:3])


def test_surplus_idle_connections_are_closed(
    server: Scripted, port: TcpContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3, timeout=60)

    def meet(taken: socket.socket) -> None:
        together.wait()
        taken.sendall(GOOD)

    server.answer = meet
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: ask(port), range(3)))
    assert len(port._idle) == 3
    server.answer = lambda taken: taken.sendall(GOOD)
    monkeypatch.setattr(http_client, "IDLE_SECONDS", 0.0)
    ask(port)
    assert len(port._idle) <= 1
    port.close()
    assert not port._idle


def test_a_refused_connection_is_a_dead_container(server: Scripted, port: TcpContainerClient) -> None:
    server.close()
    with pytest.raises(ContainerDied):
        ask(port)
    assert not port.ping(1)


@pytest.mark.parametrize("framing", [b"Connection: close", b"Content-Length: 99999999999", b"Transfer-Encoding: chunked"])
def test_an_endless_response_is_read_up_to_the_limit(
    server: Scripted, port: TcpContainerClient, monkeypatch: pytest.MonkeyPatch, framing: bytes
) -> None:
    monkeypatch.setattr(limits, "OUTPUT_OBJECT_BYTES", 10_000_000)
    ended = threading.Event()

    def without_end(taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        piece = b"x" * 65_536
        try:
            while True:
                taken.sendall(b"10000\r\n" + piece + b"\r\n" if framing.endswith(b"chunked") else piece)
        except OSError:
            ended.set()

    server.answer = without_end
    assert 10_000_000 < len(ask(port)) < 20_000_000
    assert ended.wait(60), "the connection was closed, for the rest of the answer is still to come"

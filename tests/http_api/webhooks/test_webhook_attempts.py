"""One attempt over real sockets: where it connects, what counts as delivered, and what a hostile receiver can do."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from async_endpoint.http_api.webhooks import addresses
from async_endpoint.http_api.webhooks.addresses import AddressPolicy
from async_endpoint.http_api.webhooks.delivery import MAX_RESPONSE_BYTES, Poster
from support.webhook_receiver import certificate, receiving

BODY = b'{"a":1}'
HEADERS = {"webhook-id": "msg_1"}
LOOPBACK = ("127.0.0.1",)


def poster_for(url: str, *answers: str, total: float = 15.0, tls: ssl.SSLContext | None = None) -> Poster:
    """A poster for a receiver that is configured; names resolve to each of `answers` in turn."""
    left = list(answers or LOOPBACK)

    def resolve(host: str, port: int) -> list[str]:
        return [left.pop(0)]

    if tls is None:
        return Poster(AddressPolicy([url], resolve), time.monotonic, total=total)
    return Poster(AddressPolicy([url], resolve), time.monotonic, total=total, tls=lambda: tls)


@contextmanager
def raw_receiver(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """A receiver of one connection that does what `talk` does with it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"
    thread.join(5)


def test_a_message_arrives_whole() -> None:
    with receiving() as receiver:
        attempt = poster_for(receiver.url).post(f"{receiver.url}hook?a=b", BODY, HEADERS)
        assert attempt.delivered
        assert attempt.status == 204
        (received,) = receiver.received
    assert (received.path, received.body, received.headers["webhook-id"]) == ("/hook?a=b", BODY, "msg_1")
    assert received.headers["content-type"] == "application/json"
    assert received.headers["host"] == urlsplit(receiver.url).netloc


@pytest.mark.parametrize(
    ("status", "delivered", "gone"),
    [(200, True, False), (202, True, False), (299, True, False), (410, False, True), (400, False, False), (500, False, False)],
)
def test_any_2xx_is_a_success_and_410_ends(status: int, delivered: bool, gone: bool) -> None:
    with receiving() as receiver:
        receiver.answer = lambda number, path: status
        attempt = poster_for(receiver.url).post(receiver.url, BODY, HEADERS)
    assert (attempt.delivered, attempt.gone, attempt.status) == (delivered, gone, status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with receiving() as target, receiving() as receiver:
        receiver.answer = lambda number, path: (status, {"Location": target.url})
        attempt = Poster(AddressPolicy([receiver.url, target.url]), time.monotonic).post(receiver.url, BODY, HEADERS)
        assert not target.received
        assert len(receiver.received) == 1
    assert not attempt.delivered
    assert "redirect" in attempt.error


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert poster_for(receiver.url).post(receiver.url, BODY, HEADERS).delivered
        assert not proxy.received


def test_a_name_is_resolved_once_for_check_and_connection() -> None:
    """DNS rebinding: the second answer would go elsewhere, and is never asked for."""
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "receiver.example")
        answers = ["127.0.0.1"]
        attempt = Poster(AddressPolicy([url], lambda host, port: [answers.pop()]), time.monotonic).post(url, BODY, HEADERS)
        assert attempt.delivered
        assert receiver.received[0].headers["host"].startswith("receiver.example:")


def test_a_name_that_resolves_to_loopback_reaches_nothing_without_configuration() -> None:
    with receiving() as receiver:
        port = urlsplit(receiver.url).port
        policy = AddressPolicy(resolve=lambda host, port: ["127.0.0.1"])
        attempt = Poster(policy, time.monotonic).post("https://rebound.example.com/", BODY, HEADERS)
        refused = Poster(policy, time.monotonic).post(f"https://rebound.example.com:{port}/", BODY, HEADERS)
        assert not receiver.received
    assert "not public" in attempt.error
    assert "port" in refused.error


def test_the_certificate_must_be_that_of_the_name(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "receiver.example")
    with receiving(server) as receiver:
        right, wrong = (receiver.url.replace("127.0.0.1", name) for name in ("receiver.example", "other.example"))
        assert poster_for(right, tls=client).post(right, BODY, HEADERS).delivered
        mismatch = poster_for(wrong, tls=client).post(wrong, BODY, HEADERS)
        stranger = poster_for(right).post(right, BODY, HEADERS)
        assert len(receiver.received) == 1
    for attempt in (mismatch, stranger):
        assert "certificate" in attempt.error


def test_the_next_address_is_tried_when_one_refuses() -> None:
    with receiving() as receiver:
        url = receiver.url.replace("127.0.0.1", "receiver.example")
        policy = AddressPolicy([url], lambda host, port: ["::1", "127.0.0.1"])
        assert Poster(policy, time.monotonic).post(url, BODY, HEADERS).delivered


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    with suppress(OSError):
        for _ in range(400):
            connection.sendall(b"X: y\r\n")
            time.sleep(0.02)


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(lambda connection: connection.recv(1), id="says nothing"),
        pytest.param(drip, id="drips headers"),
        pytest.param(
            lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 4 * MAX_RESPONSE_BYTES), id="flood"
        ),
        pytest.param(lambda connection: connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000), id="continues for ever"),
        pytest.param(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), id="another protocol"),
        pytest.param(lambda connection: connection.sendall(b"HTTP/1.1 abc\r\n\r\n"), id="no status"),
        pytest.param(lambda connection: connection.sendall(b"\xff\xfe\r\n\r\n"), id="bytes"),
        pytest.param(lambda connection: None, id="closes"),
    ],
)
def test_a_hostile_receiver_is_a_failed_attempt_of_bounded_duration(talk: Callable[[socket.socket], object]) -> None:
    with raw_receiver(talk) as url:
        started_at = time.monotonic()
        attempt = poster_for(url, total=0.5).post(url, BODY, HEADERS)
        assert time.monotonic() - started_at < 3
    assert not attempt.delivered
    assert attempt.error


def test_the_body_of_a_response_is_not_read() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        with suppress(OSError):
            connection.recv(1)

    with raw_receiver(talk) as url:
        assert poster_for(url, total=2.0).post(url, BODY, HEADERS).delivered


@pytest.mark.parametrize(
    ("asked", "seconds"), [("120", 120.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None), ("²", None)]
)
def test_retry_after_is_read_in_seconds(asked: str, seconds: float | None) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 503 Busy\r\nRetry-After: {asked}\r\n\r\n".encode("latin-1"))

    with raw_receiver(talk) as url:
        attempt = poster_for(url).post(url, BODY, HEADERS)
    assert (attempt.status, attempt.retry_after) == (503, seconds)


def test_a_look_up_that_takes_long_is_a_failed_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def look_up(*arguments: Any, **named: Any) -> list[Any]:
        answered.wait(20)
        return []

    monkeypatch.setattr(addresses, "LOOKUP_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    attempt = Poster(AddressPolicy(), time.monotonic).post("https://slow.example.com/", BODY, HEADERS)
    answered.set()
    assert "no response" in attempt.error


def test_a_name_without_an_address_is_a_failed_attempt() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    attempt = Poster(AddressPolicy(resolve=resolve), time.monotonic).post("https://gone.example.com/", BODY, HEADERS)
    assert attempt.status is None
    assert "cannot be reached" in attempt.error

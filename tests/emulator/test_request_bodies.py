"""Untrusted senders: endless and stalled bodies, malformed heads. Memory and time are bounded."""

from __future__ import annotations

import gzip
import http.client
import io
import resource
import shutil
import socket
import time
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator import error_responses, request_body
from async_endpoint.emulator import http_server as local_http
from async_endpoint.emulator.http_server import Server, Timeouts
from async_endpoint.emulator.request_body import CALL_BYTES, IN_MEMORY_BYTES, S3_OBJECT_BYTES, BadRequest, decompress
from support.common import refusal
from support.in_process_aws import AwsHarness

SCOPE = "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"
FAST = Timeouts(idle=0.4, head=0.4, stall=0.4, body=0.8, bytes_per_second=1e6, send=0.5)
MEGABYTE = 1_048_576
CLEAR_PEAK = Path("/proc/self/clear_refs")
Usage = namedtuple("Usage", "total used free")


class Counting:
    """Answers with the number of bytes that were sent, read in blocks."""

    def __init__(self) -> None:
        self.requests = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.requests += 1
        size = sum(len(block) for block in iter(lambda: environ["wsgi.input"].read(MEGABYTE), b""))
        environ["wsgi.input"].seek(0)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{size} of {environ['CONTENT_LENGTH']}".encode()]


@pytest.fixture
def application() -> Counting:
    return Counting()


@pytest.fixture
def server(application: Counting) -> Iterator[Server]:
    server = Server(0, application)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def impatient(application: Counting) -> Iterator[Server]:
    server = Server(0, application, timeouts=FAST)
    server.start()
    yield server
    server.stop()


def send(server: Server, *parts: bytes) -> tuple[int, dict[str, str], bytes]:
    """What is answered to bytes as they are; fails the test when the connection is not closed after it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        for part in parts:
            client.sendall(part)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        assert client.recv(1) == b"", "the connection is closed after a refusal"
        return found


def post(*headers: str, path: str = "/", method: str = "POST") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: here", *headers, "", "")).encode()


@contextmanager
def grows_less_than(megabytes: int) -> Iterator[None]:
    """Fails the test when this process's peak of resident memory grows by more while this lasts."""
    if CLEAR_PEAK.exists():
        CLEAR_PEAK.write_text("5")
    before = peak_megabytes()
    yield
    assert peak_megabytes() - before < megabytes


def peak_megabytes() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MEGABYTE
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1_024


@pytest.mark.parametrize(
    ("service", "target", "limit", "status", "code"),
    [
        ("s3", "PUT /bucket/key", S3_OBJECT_BYTES, 400, b"<Code>EntityTooLarge</Code>"),
        ("s3", "PUT /bucket/key?tagging", CALL_BYTES, 400, b"<Code>EntityTooLarge</Code>"),
        ("s3", "POST /", CALL_BYTES, 400, b"<Code>EntityTooLarge</Code>"),
        ("sqs", "POST /", CALL_BYTES, 413, b"<Code>RequestEntityTooLarge</Code>"),
    ],
)
def test_a_length_above_the_limit_is_refused_in_the_service_s_format_before_anything_is_read(
    server: Server, application: Counting, service: str, target: str, limit: int, status: int, code: bytes
) -> None:
    method, path = target.split()
    for length in (limit + 1, 10**13):
        headers = (f"Authorization: {SCOPE.format(service)}", f"Content-Length: {length}")
        answered = send(server, post(*headers, method=method, path=path))
        assert answered[0] == status
        assert code in answered[2]
        assert str(limit).encode() in answered[2]
    assert application.requests == 0


def test_a_json_service_and_an_unsigned_request_are_refused_as_such(server: Server) -> None:
    json_call = (f"Authorization: {SCOPE.format('sagemaker')}", "X-Amz-Target: SageMaker.CreateModel")
    status, headers, body = send(server, post(*json_call, "Content-Length: 99999999999"))
    assert (status, headers["x-amzn-errortype"], headers["content-type"]) == (
        413,
        "RequestEntityTooLarge",
        "application/json",
    )
    assert b'"message"' in body
    status, headers, _ = send(server, post("Content-Length: 99999999999", path="/_local/faults"))
    assert (status, headers["content-type"]) == (413, "text/plain; charset=utf-8")


@pytest.mark.parametrize("size", ["FFFFFFFFFFFFFFFF", "7FFFFFFFFFFFFFFF", "1000001"])
def test_a_chunk_larger_than_the_limit_is_refused_at_its_size(server: Server, application: Counting, size: str) -> None:
    assert send(server, post("Transfer-Encoding: chunked"), f"{size}\r\nabc".encode())[0] == 413
    assert application.requests == 0


def test_chunks_above_the_limit_are_refused_early_in_bounded_memory(server: Server) -> None:
    chunk = b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
    with grows_less_than(8):
        status, _, body = send(server, post("Transfer-Encoding: chunked"), *[chunk] * (CALL_BYTES // MEGABYTE), b"1\r\n")
    assert (status, b"at most" in body) == (413, True)


def test_a_large_body_is_spooled_to_disk_and_arrives_whole(server: Server) -> None:
    size = 96 * MEGABYTE
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    with grows_less_than(16):
        connection.request("PUT", "/bucket/key", iter([b"x" * MEGABYTE] * 96), {"Content-Length": str(size)})
        assert connection.getresponse().read() == f"{size} of {size}".encode()
    connection.close()


def test_a_body_larger_than_the_disk_is_refused_before_it_is_received(
    server: Server, application: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = request_body.RESERVED_DISK_BYTES + 3 * IN_MEMORY_BYTES
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, 0, free))
    status, _, body = send(server, post(f"Content-Length: {4 * IN_MEMORY_BYTES}", method="PUT", path="/bucket/key"))
    assert (status, b"free some space" in body) == (507, True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free, free, 0))
    chunks = [b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"] * 20
    assert send(server, post("Transfer-Encoding: chunked", method="PUT", path="/bucket/key"), *chunks)[0] == 507
    assert application.requests == 0


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: -1",),
        ("Content-Length: +5",),
        ("Content-Length: 5, 5",),
        ("Content-Length: 5", "Content-Length: 5"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: ٣".encode().decode("latin-1"),),
        ("Content-Length: 0x10",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Host: there"),
        ("Content-Length : 5",),
        ("no header at all", "Content-Length: 5"),
    ],
)
def test_an_ambiguous_length_is_refused(server: Server, application: Counting, headers: tuple[str, ...]) -> None:
    request = "\r\n".join(("POST / HTTP/1.1", "Host: here", *headers, "", "")).encode("latin-1")
    assert send(server, request, b"5\r\nhello\r\n0\r\n\r\n")[0] == 400
    assert application.requests == 0


def test_unknown_transfer_codings_are_refused(server: Server, application: Counting) -> None:
    assert send(server, post("Transfer-Encoding: gzip, chunked"))[0] == 501
    assert send(server, post("Transfer-Encoding: identity"))[0] == 501
    assert send(server, b"POST / HTTP/1.0\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")[0] == 400
    assert application.requests == 0


@pytest.mark.parametrize(
    "chunks", [b"-5\r\n", b"0x5\r\nhello\r\n", b"1_0\r\n", b"5\nhello\n", b"5\r\nhello!\r\n", b"\r\n", b"9" * 2_000]
)
def test_malformed_chunks_are_refused(server: Server, application: Counting, chunks: bytes) -> None:
    assert send(server, post("Transfer-Encoding: chunked"), chunks)[0] == 400
    assert application.requests == 0


def test_trailers_are_read_and_bounded(server: Server) -> None:
    def body(trailers: int) -> bytes:
        return b"5\r\nhello\r\n0\r\n" + b"x-amz-checksum-crc32: AAAAAA==\r\n" * trailers + b"\r\n"

    request = post("Transfer-Encoding: chunked", "Connection: close")
    assert send(server, request, body(2))[2] == b"5 of 5"
    assert send(server, request, body(100))[0] == 400


def test_data_after_a_refused_request_is_not_a_request(server: Server, application: Counting) -> None:
    hidden = post("Content-Length: 0", path="/smuggled")
    assert send(server, post("Content-Length: 99999999999"), hidden)[0] == 413
    assert send(server, post("Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\n", hidden)[0] == 400
    assert application.requests == 0


def test_a_stalled_sender_is_answered_and_disconnected(impatient: Server, application: Counting) -> None:
    started = time.monotonic()
    status, _, body = send(impatient, post("Content-Length: 1000"), b"half")
    assert (status, b"send it again" in body) == (408, True)
    s3 = f"Authorization: {SCOPE.format('s3')}"
    status, _, body = send(impatient, post(s3, "Content-Length: 9000000", method="PUT", path="/bucket/key"), b"half")
    assert (status, b"<Code>RequestTimeout</Code>" in body) == (400, True)  # as S3 answers it
    assert send(impatient, post("Transfer-Encoding: chunked"), b"100\r\nhalf")[0] == 408
    assert time.monotonic() - started < 20
    assert application.requests == 0


def drip(server: Server, head: bytes) -> bytes:
    """All that is answered while a byte is sent now and then, for as long as the connection takes it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.05) as client:
        client.sendall(head)
        received, deadline = b"", time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                block = client.recv(65_536)
                if not block:
                    return received
                received += block
            except TimeoutError:
                client.sendall(b"x")
            except ConnectionError:
                return received
    raise AssertionError(f"still open after 30 s; received {received!r}")


def test_a_sender_below_the_minimum_rate_is_disconnected(impatient: Server, application: Counting) -> None:
    assert b" 408 " in drip(impatient, post("Content-Length: 100000"))  # a slow body
    assert b" 408 " in drip(impatient, b"POST / HTTP/1.1\r\nHost: here\r\nX-Slow: ")  # a slow header
    assert b" 408 " in drip(impatient, b"POST /")
    assert application.requests == 0


def test_an_idle_connection_is_closed_without_a_response(impatient: Server) -> None:
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=30) as client:
        assert client.recv(1) == b""


def test_a_head_is_bounded(server: Server, application: Counting) -> None:
    assert send(server, b"GET /" + b"x" * local_http.LINE_BYTES + b" HTTP/1.1\r\n")[0] == 414
    assert send(server, post(*[f"X-{number}: y" for number in range(120)]))[0] == 431
    assert send(server, post("X-Long: " + "y" * 70_000))[0] == 431
    assert send(server, post(*[f"X-{number}: " + "y" * 20_000 for number in range(20)]))[0] == 431
    assert application.requests == 0


def test_a_client_that_reads_no_response_is_disconnected(impatient: Server, application: Counting) -> None:
    class Endless:
        def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
            start_response("200 OK", [])
            return [b"x" * 64 * MEGABYTE]

    impatient._server.app = Endless()
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=30) as client:
        client.sendall(post("Content-Length: 0"))
        deadline = time.monotonic() + 30
        while impatient._server._open and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not impatient._server._open


@pytest.mark.parametrize("broken", ["it ends early", "it fails"])
def test_a_response_that_breaks_off_is_not_taken_for_a_whole_one(server: Server, broken: str) -> None:
    def application(_: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "9")])
        yield b"abc"
        yield b"def"
        if broken == "it fails":
            raise OSError("the disk is broken")

    server._server.app = application
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(post("Content-Length: 0"))
        answer = http.client.HTTPResponse(client)
        answer.begin()
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()
    assert caught.value.partial == b"abcdef"


def test_continue_is_sent_to_accepted_requests_only(application: Counting) -> None:
    server = Server(0, application, lambda environ: error_responses.request_refused(environ, 403, "no"))
    server.start()
    try:
        answered = send(server, post("Content-Length: 5", "Expect: 100-continue"))
        assert (answered[0], answered[2]) == (403, b"no\n")
    finally:
        server.stop()
    assert application.requests == 0


def test_decompression_is_bounded(local_aws: AwsHarness) -> None:
    """SDKs compress PutMetricData from 10 KB on."""
    data = [{"MetricName": f"metric-{number:04}", "Value": 1.0} for number in range(1_000)]
    local_aws.cloudwatch.put_metric_data(Namespace="Compressed", MetricData=data)
    found = local_aws.cloudwatch.list_metrics(Namespace="Compressed", MetricName="metric-0999")["Metrics"]
    assert [metric["MetricName"] for metric in found] == ["metric-0999"]

    large = [{"MetricName": "x" * CALL_BYTES, "Value": 1.0}]
    code, message = refusal(local_aws.cloudwatch.put_metric_data, Namespace="Compressed", MetricData=large)
    assert ("TooLarge" in code, str(CALL_BYTES) in message) == (True, True)


def test_a_body_is_decompressed_up_to_the_limit() -> None:
    packed = gzip.compress(bytes(256 * MEGABYTE), 1)
    with grows_less_than(8), pytest.raises(BadRequest) as caught:
        decompress(io.BytesIO(packed), CALL_BYTES)
    assert caught.value.status == 413
    for broken in (b"no gzip at all", packed[:1_000], packed[:-4] + b"xxxx"):
        with pytest.raises(BadRequest) as caught:
            decompress(io.BytesIO(broken), 512 * MEGABYTE)
        assert caught.value.status == 400
    with decompress(io.BytesIO(gzip.compress(b"small")), 5) as body:
        assert body.read() == b"small"

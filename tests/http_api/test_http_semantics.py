"""HTTP as such: methods, negotiation, bodies, problems, request ids, and that calls do not wait for one another."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from async_endpoint.http_api import request_body
from async_endpoint.http_api.predictions.requests import ENVELOPE_TYPE
from async_endpoint.http_api.problems import KINDS, TYPE_PREFIX
from async_endpoint.http_api.request_context import JsonFormatter
from async_endpoint.http_api.settings import BODY_BYTES
from support.api_client import NAME, PREDICTIONS, Api, create_api
from support.in_memory_aws import FakeAws


def slug(response: Any) -> str:
    """The problem's type; its document agrees with the response."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    document = response.json()
    assert document["status"] == response.status_code and document["request_id"] == response.headers["x-request-id"]
    assert document["title"] == KINDS[document["type"].removeprefix(TYPE_PREFIX)][1] and document["detail"].endswith(".")
    return str(document["type"].removeprefix(TYPE_PREFIX))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", PREDICTIONS, "GET, HEAD, POST"),
        ("PATCH", f"{PREDICTIONS}/x", "GET, HEAD, PUT"),
        ("POST", "/v1/endpoints", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("PROPFIND", "/healthz", "GET, HEAD"),
    ],
)
def test_other_methods_are_refused_with_those_there_are(api: Api, method: str, path: str, allowed: str) -> None:
    refused = api.http.request(method, path)
    assert slug(refused) == "method-not-allowed" and refused.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/endpoints/", f"{PREDICTIONS}/", f"{PREDICTIONS}/a/b/c", "/v2/endpoints", "/v1/endpoints/none", "/%00"]
)
def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    assert slug(api.http.get(path)) == "not-found"


def test_head_is_get_without_its_body(api: Api) -> None:
    api.submit(b"1", "a")
    for path in ("/healthz", "/v1/endpoints", f"/v1/endpoints/{NAME}", PREDICTIONS, f"{PREDICTIONS}/a", f"{PREDICTIONS}/none"):
        got, head = api.http.get(path), api.http.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == got.headers["content-length"], path
        assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html, application/*;q=0.1", 200),
        ("", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("*/*, application/json; q=0.000", 406),
    ],
)
def test_a_resource_that_is_json_only_says_so(api: Api, accept: str, status: int) -> None:
    response = api.http.get(PREDICTIONS, headers={"Accept": accept})
    assert response.status_code == status
    assert status == 200 or slug(response) == "not-acceptable"


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("*/*", None),
        ("application/json, text/plain, */*", None),
        ("text/csv", "text/csv"),
        ("a/b, c/d;q=0.5", "a/b, c/d;q=0.5"),
    ],
)
def test_accept_of_a_submission_is_the_model_s_business(api: Api, given: str, passed: str | None) -> None:
    assert api.submit(accept=given).status_code == 202
    assert api.requests[0].get("Accept") == passed


@pytest.mark.parametrize(
    "content_type", ["json", "application/json;", "text/", "a b/c", "text/plain; x", "é/x", "x/" + "y" * 300]
)
def test_what_is_no_media_type_is_415(api: Api, content_type: str) -> None:
    sent = {"Content-Type": content_type.encode("latin-1")}
    assert slug(api.http.post(PREDICTIONS, content=b"1", headers=sent)) == "unsupported-media-type"
    assert not api.state("records/")


def test_so_is_one_in_an_envelope(api: Api) -> None:
    for kind in (
        "json",
        'text/plain; a=\\"\\r\\nX-A: b\\"',
        'text/plain; a=\\"\u00e9\\"',
        "\\ud800/x",
        "text/plain\\r\\nX-A: b",
    ):
        body = f'{{"input": 1, "content_type": "{kind}"}}'.encode()
        assert slug(api.submit(body, content_type=ENVELOPE_TYPE)) == "unsupported-media-type"


def test_a_compressed_body_is_415(api: Api) -> None:
    assert slug(api.submit(content_encoding="gzip")) == "unsupported-media-type"
    assert api.submit(content_encoding="identity").status_code == 202


def test_a_body_without_content_type_is_octets(api: Api) -> None:
    assert api.http.post(PREDICTIONS, content=b"\x00\xff").status_code == 202
    assert api.requests[0]["ContentType"] == "application/octet-stream"


@pytest.mark.parametrize("name", ["Content-Type", "Idempotency-Key", "Webhook-Url", "Prefer"])
def test_an_option_that_is_given_twice_is_refused(api: Api, name: str) -> None:
    twice = [(name, "text/plain"), (name, "text/csv")]
    assert slug(api.http.post(PREDICTIONS, content=b"1", headers=twice)) == "invalid-request"


# --- bodies ------------------------------------------------------------------------------------------------------------


def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not(api: Api) -> None:
    assert api.submit(b"x" * BODY_BYTES).status_code == 202
    assert slug(api.submit(b"x" * (BODY_BYTES + 1))) == "body-too-large"


def test_the_limit_counts_while_a_body_without_length_is_read(api: Api) -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 65_536

    def bounded() -> Iterator[bytes]:
        for number, chunk in enumerate(endless()):
            if number == 1_000:
                return
            yield chunk

    refused = api.http.post(PREDICTIONS, content=bounded())
    assert slug(refused) == "body-too-large" and refused.headers["connection"] == "close"
    assert not api.state("records/")


@pytest.mark.parametrize("length", ["9" * 5_000, "99999999999999999999"], ids=["long", "large"])
def test_an_absurd_content_length_is_refused(api: Api, length: str) -> None:
    refused = api.http.post(PREDICTIONS, content=b"1", headers={"Content-Length": length})
    assert slug(refused) == "body-too-large"


def test_a_body_that_takes_too_long_is_408(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body.read_body, "__defaults__", (BODY_BYTES, 0.05))
    sent: list[Any] = []

    async def receive() -> Any:
        if not sent:
            await anyio_forever()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"text/plain")]
    scope = {"type": "http", "method": "POST", "path": PREDICTIONS, "raw_path": PREDICTIONS.encode(), "query_string": b""}
    api = create_api(aws)
    run_application(api.http.app, scope | {"headers": headers, "server": ("127.0.0.1", 8000)}, receive, send)
    assert sent[0]["status"] == 408 and (b"connection", b"close") in sent[0]["headers"]


async def anyio_forever() -> None:
    import anyio  # noqa: PLC0415

    await anyio.sleep_forever()


def run_application(application: Any, scope: Any, receive: Any, send: Any) -> None:
    import anyio  # noqa: PLC0415

    anyio.run(application, {**scope, "app": application}, receive, send)


# --- the envelope ------------------------------------------------------------------------------------------------------


def test_the_input_of_an_envelope_is_the_body(api: Api) -> None:
    document = {"input": {"a": [1, "é"]}, "webhook": {"url": "https://shop.example/h", "events": ["failed"]}}
    made = api.submit(json.dumps(document).encode(), content_type=f"{ENVELOPE_TYPE}; charset=utf-8")
    assert made.status_code == 202, made.text
    assert api.requests[0]["Body"] == '{"a":[1,"é"]}'.encode() and api.requests[0]["ContentType"] == "application/json"
    assert made.json()["webhook"] == {"url": "https://shop.example/h", "events": ["failed"]}


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "1",
        "{",
        "",
        "{}",
        '{"input": 1, "input_url": "upload:x"}',
        '{"input": 1, "extra": 2}',
        '{"input": NaN}',
        '{"input": 1e999}',
        '{"input": ' + "9" * 5_000 + "}",
        '{"\\ud800": 1}',
        '{"input": 1, "webhook": {"url": "\\ud800"}}',
        '{"input": 1, "webhook": {"url": "https://x.example/\\ud800"}}',
        '{"input": 1, "webhook": {"url": "https://x.example/", "events": ["\\ud800"]}}',
        '{"input_url": "\\ud800"}',
        '{"input_url": "upload:\\ud800"}',
        '{"input_url": "s3://bucket/\\ud800"}',
        '{"input": 1, "content_type": 5}',
        '{"input_url": null}',
        '{"input_url": 7}',
        '{"input": 1, "webhook": "https://x.example"}',
        '{"input": 1, "webhook": {}}',
        '{"input": 1, "webhook": {"url": "https://x.example", "events": "failed"}}',
        '{"input": 1, "webhook": {"url": "https://x.example", "secret": "x"}}',
        "[" * 100_000,
        '{"input": ' + "[" * 100_000 + "}",
        "\xff",
        '{"input": "\\ud800"}',
    ],
)
def test_a_wrong_envelope_is_refused(api: Api, document: str) -> None:
    assert slug(api.submit(document.encode("latin-1"), content_type=ENVELOPE_TYPE)) == "invalid-request"
    assert not api.state("records/")


# --- request ids and logs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "a b", "x" * 33, "a\tb", "é", "../x"])
def test_an_unusable_request_id_is_replaced(api: Api, given: str) -> None:
    returned = api.http.get("/healthz", headers={"X-Request-Id": given.encode("latin-1")}).headers["x-request-id"]
    assert returned != given and returned.isalnum()


def test_the_log_has_the_request_and_nothing_secret(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    secrets = {"authorization": "Bearer aek_1_secret-a", "cookie": "secret-b", "x_amz_security_token": "secret-c"}
    with caplog.at_level(logging.DEBUG, "async_endpoint"):
        api.submit(b'"secret-d"', "order-7", x_request_id="r-77", **secrets)
        api.http.get(f"{PREDICTIONS}?cursor=secret-e")
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    (line,) = [item for item in lines if item["request_id"] == "r-77"]
    assert (line["method"], line["status"], line["endpoint"], line["caller"]) == ("POST", 202, NAME, "local")
    assert line["path"] == PREDICTIONS and line["ms"] >= 0
    assert "secret-" not in json.dumps(lines)


def test_a_defect_is_logged_and_not_shown(api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(api.aws.s3, "put_object", lambda **_: 1 / 0)
    failed = api.submit(b"1", x_request_id="r-78")
    assert slug(failed) == "internal-error" and "division" not in failed.text and "r-78" in failed.text
    assert "division by zero" in caplog.text


# --- concurrency -------------------------------------------------------------------------------------------------------


def test_requests_do_not_wait_for_one_another(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight submissions whose call of S3 hangs; others are answered meanwhile, and then these too."""
    release, hanging = threading.Event(), threading.Semaphore(0)
    put = api.aws.s3.put_object

    def slow(**fields: Any) -> Any:
        if fields["Body"] and b"slow" in fields["Body"]:
            hanging.release()
            assert release.wait(30)
        return put(**fields)

    monkeypatch.setattr(api.aws.s3, "put_object", slow)
    with ThreadPoolExecutor(8) as pool:
        pending = [pool.submit(api.submit, b"1", f"slow-{number}") for number in range(8)]
        assert all(hanging.acquire(timeout=30) for _ in pending)
        assert api.http.get("/healthz").status_code == 200
        assert api.submit(b"1", "quick").status_code == 202
        assert not any(future.done() for future in pending)
        release.set()
        assert {future.result().status_code for future in pending} == {202}


def test_one_id_from_many_threads_is_one_prediction(api: Api) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: api.submit(b"[1]", "order-7"), range(48)))
    assert {response.status_code for response in made} == {202}
    assert len({json.dumps(response.json()) for response in made}) == 1 and len(api.requests) == 1

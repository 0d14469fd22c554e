"""The output of a prediction: bytes, ranges, conditions, the redirect of large ones; and nothing a browser would run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_endpoint.http_api.access import content
from async_endpoint.http_api.routes.outputs import INLINE_BYTES
from support.api_client import PREDICTIONS, Api, create_api
from support.in_memory_aws import BUCKET, FakeAws, client_error
from support.presigning import presigning_session

TEXT = b"0123456789"


@pytest.fixture
def output(api: Api) -> Callable[..., Any]:
    """Requests the output of a prediction that has ended with `body`, by default TEXT."""

    def request(
        body: bytes = TEXT, content_type: str = "text/plain", *, method: str = "GET", query: str = "", **headers: str
    ) -> Any:
        api.submit(b"[1]", "order-7")
        api.output(api.requests[0], body, content_type)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.http.request(method, f"{PREDICTIONS}/order-7/output{query}", headers=named, follow_redirects=False)

    return request


def problem(response: Any, status: int, slug: str) -> Any:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), response.text
    assert response.json()["type"] == f"urn:problem-type:async-endpoint:{slug}"
    return response.json()


def test_an_output_is_the_bytes_of_the_model(output: Callable[..., Any], api: Api) -> None:
    api.aws.s3.calls.clear()
    response = output(b"\x00\xff", "image/png")
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, b"\x00\xff", "image/png")
    assert response.headers["content-length"] == "2" and response.headers["accept-ranges"] == "bytes"
    assert response.headers["content-disposition"] == 'attachment; filename="order-7.png"'
    assert [call for call, key in api.aws.s3.calls if key.startswith("output/")] == ["get"]


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "application/pdf", "application/xhtml+xml", "text/xml", "weird"]
)
@pytest.mark.parametrize("query", ["", "?disposition=inline"])
def test_no_output_can_run_in_the_origin_of_the_api(output: Callable[..., Any], kind: str, query: str) -> None:
    response = output(b"<script>alert(1)</script>", kind, query=query)
    assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize(("kind", "shown"), [("image/png", True), ("text/plain; charset=utf-8", True), ("text/html", False)])
def test_pictures_and_text_can_be_shown_inline(output: Callable[..., Any], kind: str, shown: bool) -> None:
    disposition = output(b"x", kind, query="?disposition=inline").headers["content-disposition"]
    assert disposition.startswith("inline;") is shown


def test_another_disposition_is_refused(output: Callable[..., Any]) -> None:
    problem(output(query="?disposition=x"), 400, "invalid-request")


STORED = (
    "",
    "text",
    "text/html\r\nSet-Cookie: a=b",
    "text/plain\nX: 1",
    "text/plain; x",
    'text/plain; a="\r\n"',
    "té/xt",
    "a/b" * 99,
    "text/html, text/plain",
    "text/plain;a=\x00",
)


def test_a_content_type_that_is_none_is_replaced(output: Callable[..., Any]) -> None:
    for stored in STORED:
        response = output(b"x", stored)
        assert response.headers["content-type"] == "application/octet-stream", stored
        assert "set-cookie" not in response.headers and "x" not in response.headers, stored


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8", 'a/b; c="d e"; f=g', "application/x.y+json"])
def test_any_other_content_type_is_kept(kind: str) -> None:
    assert content.safe_content_type(kind) == kind


@pytest.mark.parametrize(
    ("prediction_id", "name"),
    [("a", "a.json"), ("..a", "a.json"), ("a.exe", "a_exe.json"), ("~:@+=", "output.json"), ("x" * 128, "x" * 100 + ".json")],
)
def test_file_names_are_harmless(prediction_id: str, name: str) -> None:
    assert content.file_name(prediction_id, "application/json") == name


RANGES = (
    ("bytes=0-3", b"0123", "bytes 0-3/10"),
    ("bytes=8-", b"89", "bytes 8-9/10"),
    ("bytes=-3", b"789", "bytes 7-9/10"),
    ("bytes=-99", TEXT, "bytes 0-9/10"),
    ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ("BYTES=9-9", b"9", "bytes 9-9/10"),
)


def test_a_range_is_served(output: Callable[..., Any]) -> None:
    for range_, body, content_range in RANGES:
        response = output(range=range_)
        assert (response.status_code, response.content) == (206, body), range_
        assert response.headers["content-range"] == content_range and response.headers["content-length"] == str(len(body))


def test_a_range_without_any_byte_is_416(output: Callable[..., Any]) -> None:
    for range_ in ("bytes=10-", "bytes=99-100", "bytes=-0"):
        response = output(range=range_)
        problem(response, 416, "range-not-satisfiable")
        assert response.headers["content-range"] == "bytes */10"


def test_any_other_range_is_ignored(output: Callable[..., Any]) -> None:
    for range_ in ("bytes=0-1,4-5", "bytes=3-1", "items=0-1", "bytes=a-b", "bytes=", "bytes=--1", "bytes=0x1-2"):
        response = output(range=range_)
        assert (response.status_code, response.content) == (200, TEXT), range_


def test_a_range_of_an_empty_output_is_416(output: Callable[..., Any]) -> None:
    problem(output(b"", range="bytes=0-"), 416, "range-not-satisfiable")


def test_conditions(output: Callable[..., Any]) -> None:
    etag = output().headers["etag"]
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        unchanged = output(if_none_match=given)
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", etag)
    assert output(if_none_match='"other"').status_code == 200
    assert output(range="bytes=0-3", if_range=etag).status_code == 206
    for given in ('"other"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert output(range="bytes=0-3", if_range=given).status_code == 200


def test_head_has_the_headers_and_no_body(output: Callable[..., Any]) -> None:
    response = output(method="HEAD")
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "10")
    assert output(b"x" * (INLINE_BYTES + 1), method="HEAD").headers["content-length"] == str(INLINE_BYTES + 1)


def test_an_output_that_is_not_there_says_why(api: Api) -> None:
    problem(api.http.get(f"{PREDICTIONS}/order-7/output"), 404, "not-found")
    api.submit(b"[1]", "order-7")
    waiting = api.http.get(f"{PREDICTIONS}/order-7/output")
    problem(waiting, 404, "output-not-ready")
    assert int(waiting.headers["retry-after"]) > 0
    api.failure(api.requests[0], "ClientError: Received server error (500) from model")
    assert "Received server error (500)" in problem(api.http.get(f"{PREDICTIONS}/order-7/output"), 404, "no-output")["detail"]
    api.submit(b"[1]", "order-8")
    api.aws.time.sleep(86_400)
    assert "expired" in problem(api.http.get(f"{PREDICTIONS}/order-8/output"), 404, "no-output")["detail"]


def test_an_output_that_changes_between_two_calls_is_not_mixed(output: Callable[..., Any], api: Api) -> None:
    """A prediction that was sent twice may write its output twice."""
    head = api.aws.s3.head_object

    def changing(**where: str) -> dict[str, Any]:
        found = head(**where)
        api.aws.s3.put(f"s3://{BUCKET}/{where['Key']}", b"another output")
        return found

    api.aws.s3.head_object = changing  # type: ignore[method-assign]
    problem(output(range="bytes=0-3"), 404, "output-not-ready")


def test_an_s3_that_does_not_answer_is_503(output: Callable[..., Any], api: Api) -> None:
    output()
    api.aws.s3.failures += [client_error("SlowDown", "Reduce your request rate.", 503)] * 9
    response = api.http.get(f"{PREDICTIONS}/order-7/output")
    problem(response, 503, "unavailable")
    assert "retry-after" in response.headers


def test_a_large_output_is_a_redirect_and_its_ranges_are_not(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    api = create_api(aws, presigning_session(aws, monkeypatch))
    api.submit(b"[1]", "order-7")
    api.output(api.requests[0], b"x" * (INLINE_BYTES + 1), "text/html")
    large = api.http.get(f"{PREDICTIONS}/order-7/output", follow_redirects=False)
    assert (large.status_code, large.content, large.headers["cache-control"]) == (307, b"", "no-store")
    where = large.headers["location"]
    assert where.startswith(f"https://{BUCKET}.s3.eu-west-1.amazonaws.com/output/1.out?")
    assert "response-content-disposition=attachment" in where and "X-Amz-Algorithm=AWS4-HMAC-SHA256" in where
    part = api.http.get(f"{PREDICTIONS}/order-7/output", headers={"Range": f"bytes=1-{INLINE_BYTES}"})
    assert part.status_code == 206 and len(part.content) == INLINE_BYTES
    api.output(api.requests[0], b"x" * INLINE_BYTES)
    assert api.http.get(f"{PREDICTIONS}/order-7/output", follow_redirects=False).status_code == 200

"""Prefer: wait, and server-sent events: the end of a prediction comes by itself, and a client that leaves costs no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from async_endpoint.http_api.routes import events
from async_endpoint.http_api.routes.waiting import decoded, watcher_of
from support.api_client import PREDICTIONS, Api, create_api
from support.asgi_calls import AsgiCall
from support.in_memory_aws import BUCKET, FakeAws, client_error

EVENTS = f"{PREDICTIONS}/order-7/events"


def after_checks(api: Api, count: int, do: Callable[[], None]) -> None:
    """`do` happens when S3 has been asked for an output `count` times."""
    head, calls = api.aws.s3.head_object, 0

    def counting(**where: str) -> Any:
        nonlocal calls
        calls += 1
        if calls == count:
            do()
        return head(**where)

    api.aws.s3.head_object = counting  # type: ignore[method-assign]


def parsed(text: str) -> list[tuple[str, Any]]:
    """The name and the data of each event."""
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if "event: " in block]
    assert all(block["id"] == block["event"] for block in blocks)
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def test_a_prediction_that_ends_in_time_is_200_with_its_output(api: Api) -> None:
    after_checks(api, 2, lambda: api.output(api.requests[0], b'{"items": [1, 2]}'))
    response = api.submit(b"[1]", "order-7", prefer="respond-async, wait=20")
    assert (response.status_code, response.headers["preference-applied"]) == (200, "wait=20")
    document = response.json()
    assert document["status"] == "succeeded" and document["output"] == {"items": [1, 2]}
    assert "retry-after" not in response.headers and "location" not in response.headers
    again = api.get("order-7")
    assert again.json() == {name: value for name, value in document.items() if name != "output"}
    assert api.http.get(f"{PREDICTIONS}/order-7", headers={"Prefer": "wait=5"}).json() == document


def test_a_failure_ends_the_wait_too(api: Api) -> None:
    after_checks(api, 2, lambda: api.failure(api.requests[0], "ClientError: no such item"))
    response = api.submit(b"[1]", "order-7", prefer="wait=20")
    assert response.status_code == 200
    assert response.json()["status"] == "failed" and response.json()["output"] is None


def test_one_that_does_not_end_in_time_is_202(api: Api) -> None:
    response = api.submit(b"[1]", "order-7", prefer="wait=1")
    assert (response.status_code, response.headers["preference-applied"]) == (202, "wait=1")
    assert response.json()["status"] == "accepted" and "output" not in response.json()
    assert response.headers["location"] == f"{PREDICTIONS}/order-7"


@pytest.mark.parametrize("prefer", ["wait=0", "wait", "wait=x", "wait=-1", "wait=1.5", "respond-async", "wait=" + "9" * 30, ""])
def test_a_preference_that_is_none_is_ignored(api: Api, prefer: str) -> None:
    response = api.submit(b"[1]", "order-7", prefer=prefer)
    assert response.status_code == 202 and "preference-applied" not in response.headers


def test_a_longer_wait_is_shortened(api: Api) -> None:
    after_checks(api, 1, lambda: api.output(api.requests[0]))
    assert api.submit(prefer='wait="600"; x=1').headers["preference-applied"] == "wait=25"


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b'{"a": [1, null]}', "application/json; charset=utf-8", {"a": [1, None]}),
        (b'"x"', "application/vnd.x+json", "x"),
        ("é".encode(), "text/plain", "é"),
        (b"\xff", "text/plain", None),
        (b"NaN", "application/json", None),
        (b"[1e999]", "application/json", None),
        (b'"\\ud800"', "application/json", None),
        (b"[" * 100_000, "application/json", None),
        (b"{", "application/json", None),
        (b"\x89PNG", "image/png", None),
        (b"1", "", None),
    ],
)
def test_an_output_that_json_cannot_have_is_left_out(body: bytes, kind: str, value: Any) -> None:
    assert decoded(body, kind) == value


def test_a_large_output_is_left_out(api: Api) -> None:
    after_checks(api, 1, lambda: api.output(api.requests[0], b"1" * 1_048_577))
    response = api.submit(prefer="wait=5")
    assert response.status_code == 200 and response.json()["output"] is None and response.json()["urls"]["output"]


def test_events_are_the_state_now_and_the_end(api: Api) -> None:
    api.submit(b"[1]", "order-7")
    after_checks(api, 3, lambda: api.output(api.requests[0]))
    response = api.http.get(EVENTS)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert response.headers["cache-control"] == "no-store" and response.text.startswith("retry: ")
    (first, accepted), (second, succeeded) = parsed(response.text)
    assert (first, accepted["status"], second, succeeded["status"]) == ("accepted", "accepted", "succeeded", "succeeded")
    assert succeeded == api.get("order-7").json()
    assert parsed(api.http.get(EVENTS).text) == [("succeeded", succeeded)]


def test_a_browser_that_has_seen_the_end_does_not_come_again(api: Api) -> None:
    api.submit(b"[1]", "order-7")
    api.output(api.requests[0])
    assert api.http.get(EVENTS, headers={"Last-Event-ID": "succeeded"}).status_code == 204
    assert parsed(api.http.get(EVENTS, headers={"Last-Event-ID": "accepted"}).text)[0][0] == "succeeded"


def test_a_stream_ends_at_the_deadline(api: Api) -> None:
    api.submit(b"[1]", "order-7")
    after_checks(api, 2, lambda: api.aws.time.sleep(86_400))
    assert [name for name, _ in parsed(api.http.get(EVENTS).text)] == ["accepted", "expired"]


def test_without_streaming_a_response_is_the_state_now(aws: FakeAws) -> None:
    api = create_api(aws, streaming=False)
    api.submit(b"[1]", "order-7")
    now = api.http.get(EVENTS)
    assert now.text.startswith("retry: 3000\n\n") and [name for name, _ in parsed(now.text)] == ["accepted"]
    again = api.http.get(EVENTS, headers={"Last-Event-ID": "accepted"})
    assert again.text == "retry: 3000\n\n"


def test_head_of_a_stream_is_answered_at_once(api: Api) -> None:
    api.submit(b"[1]", "order-7")
    response = api.http.head(EVENTS)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"].startswith("text/event-stream")


def test_no_event_of_an_unknown_prediction(api: Api) -> None:
    assert api.http.get(EVENTS).status_code == 404


def test_a_silent_stream_has_heartbeats_and_survives_faults_of_s3(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.05)
    api.submit(b"[1]", "order-7")

    async def run() -> None:
        call = AsgiCall(api.http.app, EVENTS)
        await call.until_body(b"event: accepted\n")
        await call.until_body(b": waiting\n\n: waiting\n\n")
        api.aws.s3.failures += [client_error("SlowDown", "Reduce your request rate.", 503)] * 5
        api.output(api.requests[0])
        await call.until_body(b"event: succeeded\n")
        await call.task

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["events", "wait"])
def test_a_client_that_leaves_ends_its_wait(api: Api, kind: str) -> None:
    api.submit(b"{}", "order-7")
    watcher = watcher_of(api.http.app.state)  # type: ignore[attr-defined]

    async def run() -> None:
        if kind == "events":
            call = AsgiCall(api.http.app, EVENTS)
        else:
            headers = {"Idempotency-Key": "order-7", "Content-Type": "application/json", "Prefer": "wait=25"}
            call = AsgiCall(api.http.app, PREDICTIONS, "POST", headers)
        async with asyncio.timeout(5):
            while not watcher.count:
                await asyncio.sleep(0.01)
        await call.leave()
        assert watcher.count == 0

    asyncio.run(run())


def test_many_clients_share_the_calls_of_one_prediction(api: Api) -> None:
    api.submit(b"[1]", "order-7")

    async def run() -> None:
        calls = [AsgiCall(api.http.app, EVENTS) for _ in range(50)]
        for call in calls:
            await call.until_body(b"event: accepted\n")
        before = len(api.aws.s3.calls)
        await asyncio.sleep(0)
        api.aws.s3.put(f"s3://{BUCKET}/output/1.out", b"[1]")
        for call in calls:
            await call.until_body(b"event: succeeded\n")
        assert len(api.aws.s3.calls) - before < 20
        await asyncio.wait([call.task for call in calls])

    asyncio.run(run())

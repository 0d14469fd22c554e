"""The functions on AWS, called with events in the forms that AWS documents, over AWS in memory.

Events: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs" (payload format 2.0); Lambda developer
guide, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput, WorkFailed
from async_endpoint.http_api import functions
from async_endpoint.http_api.access.api_keys import KeyStore, new_key
from async_endpoint.http_api.access.origins import ALLOWED_HEADERS, EXPOSED_HEADERS
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.http_api.webhooks import deliverer as deliverer_module
from async_endpoint.http_api.webhooks.sweep import Sweep
from support.api_client import HTTP_API, NAME, PREDICTIONS, FakeServices
from support.in_memory_aws import FakeAws, client_error
from support.webhook_deliveries import Deliveries

CHECKOUT = Path(__file__).resolve().parents[2]


def environment(aws: FakeAws, **api: Any) -> str:
    """What modules/http-api writes into the functions' variable."""
    outputs = dataclasses.replace(aws.outputs, http_api=HTTP_API).as_dict()
    settings: dict[str, Any] = {"allowed_webhooks": [], "cors_origins": [], "input_uris": [], "read_only": False}
    settings |= {"longest_wait_seconds": 5, "max_wait_seconds": None}
    return base64.b64encode(gzip.compress(json.dumps(settings | api | {"endpoints": {NAME: outputs}}).encode())).decode()


@pytest.fixture
def deliveries(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Deliveries:
    """Predictions and queues of an endpoint that the functions serve, as in a process that AWS has just started."""
    made = Deliveries(aws)
    monkeypatch.setenv(functions.VARIABLE, environment(aws))
    monkeypatch.setattr(Services, "of", lambda settings: FakeServices(lambda region: made.session, aws.clock))
    monkeypatch.setattr(deliverer_module, "Poster", lambda *_: made.poster)
    for cached in (functions._gateway, functions._endpoints, functions._handlers):
        cached.cache_clear()
    return made


class Context:
    """What Lambda passes beside the event."""

    def __init__(self, seconds: float = 300.0) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def request_event(method: str, path: str, body: bytes | None = None, query: str = "", **headers: str) -> dict[str, Any]:
    """A request as API Gateway passes it on: names of headers in lower case, a body that may be binary in base64."""
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "curl/8"}
    named = {"host": "abc.execute-api.eu-west-1.amazonaws.com", "x-forwarded-proto": "https", "x-forwarded-port": "443"}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": named | {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abc",
            "http": http,
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000,
        },
        "isBase64Encoded": body is not None,
    }
    return event if body is None else event | {"body": base64.b64encode(body).decode()}


def content(response: dict[str, Any]) -> bytes:
    """The body of a response."""
    assert response["isBase64Encoded"]
    return base64.b64decode(response["body"])


def message_event(*bodies: str, queue: str = HTTP_API.delivery_queue_arn) -> dict[str, Any]:
    """Messages as the event source mapping passes them on; their ids are their places."""
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1545082649183",
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1545082649185",
    }
    return {
        "Records": [
            {
                "messageId": str(place),
                "receiptHandle": f"AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a{place}",
                "body": body,
                "attributes": attributes,
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": queue,
                "awsRegion": "eu-west-1",
            }
            for place, body in enumerate(bodies)
        ]
    }


def test_a_request_is_served_and_has_the_request_id_of_the_gateway(deliveries: Deliveries) -> None:
    response = functions.api(request_event("GET", "/healthz"), Context())
    assert response["statusCode"] == 200
    assert json.loads(content(response)) == {"status": "ok"}
    assert response["headers"]["x-request-id"] == "JKJaXmPLvHcESHA", "that of the access log, as an inference id can have it"


def test_a_callers_request_id_is_kept(deliveries: Deliveries) -> None:
    response = functions.api(request_event("GET", "/healthz", x_request_id="mine-7"), Context())
    assert response["headers"]["x-request-id"] == "mine-7"


def test_a_prediction_is_submitted_with_a_key_and_its_body_is_the_models(deliveries: Deliveries) -> None:
    key, text = new_key("web shop", 10, None, deliveries.time.now())
    KeyStore(deliveries.session, HTTP_API.credentials_uri).write(key)
    body = bytes(range(256))
    event = request_event("POST", PREDICTIONS, body, content_type="image/png", idempotency_key="photo-1")
    refused = functions.api(event, Context())
    assert refused["statusCode"] == 401, "keys are required whatever the Host"

    event["headers"]["authorization"] = f"Bearer {text}"
    accepted = functions.api(event, Context())
    assert accepted["statusCode"] == 202, accepted["body"]
    prediction = json.loads(content(accepted))
    assert (prediction["id"], prediction["input"]["bytes"]) == ("photo-1", 256)
    assert accepted["headers"]["location"].endswith(f"{PREDICTIONS}/photo-1")
    [request] = deliveries.api.requests
    assert request["Body"] == body
    assert request["ContentType"] == "image/png"
    assert request["InferenceId"].endswith(".JKJaXmPLvHcESHA"), "the gateway's request id, as in its access log"

    largest = b'"' * 4_194_304
    deliveries.api.output(request, largest, "application/json")
    path = f"{PREDICTIONS}/photo-1/output"
    output = functions.api(request_event("GET", path, authorization=f"Bearer {text}"), Context())
    assert output["statusCode"] == 200
    assert content(output) == largest
    assert len(json.dumps(output)) < 6_000_000, "the largest response of a Lambda function"


def test_events_are_a_snapshot_that_is_asked_for_again(deliveries: Deliveries) -> None:
    key, text = new_key("web shop", 10, None, deliveries.time.now())
    KeyStore(deliveries.session, HTTP_API.credentials_uri).write(key)
    authorization = {"authorization": f"Bearer {text}"}
    functions.api(
        request_event("PUT", f"{PREDICTIONS}/one", b"{}", content_type="application/json", **authorization), Context()
    )
    answer = functions.api(request_event("GET", f"{PREDICTIONS}/one/events", **authorization), Context())
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"].startswith("text/event-stream")
    assert b"retry:" in content(answer)
    assert b"accepted" in content(answer)


def test_the_gateway_allows_the_headers_that_the_application_allows() -> None:
    text = (CHECKOUT / "modules/http-api/gateway.tf").read_text()
    for name, headers in (("allow_headers", ALLOWED_HEADERS), ("expose_headers", EXPOSED_HEADERS)):
        [written] = re.findall(rf"{name} += (\[.*?\])", text, re.DOTALL)
        assert re.findall(r'"([^"]+)"', written) == sorted(headers.lower().split(", "))


def test_an_unknown_path_is_a_problem_document(deliveries: Deliveries) -> None:
    response = functions.api(request_event("GET", "/v2/endpoints"), Context())
    assert response["statusCode"] == 404
    assert response["headers"]["content-type"] == "application/problem+json"
    assert json.loads(content(response))["status"] == 404


def test_messages_are_delivered_and_those_that_fail_are_named(deliveries: Deliveries) -> None:
    for name in ("one", "two"):
        deliveries.succeed(deliveries.submit(name))
    first, second = (message.body for message in deliveries.waiting)
    record = next(key for key, value in deliveries.aws.s3.objects.items() if "/records/" in key and b'"two"' in value[0])
    kept = deliveries.aws.s3.objects.pop(record)
    deliveries.aws.s3.objects[record] = (b"not a record", "application/json")

    result = functions.deliver(message_event(first, second, "not a message"), Context())

    assert result == {"batchItemFailures": [{"itemIdentifier": "1"}]}, (
        "the record of the second cannot be read; the rest is done"
    )
    assert [post.event["data"]["id"] for post in deliveries.posts] == ["one"]

    deliveries.aws.s3.objects[record] = kept
    assert functions.deliver(message_event(second), Context()) == {"batchItemFailures": []}
    assert [post.event["data"]["id"] for post in deliveries.posts] == ["one", "two"]


def test_a_slow_message_does_not_take_the_others_with_it(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the function's time limit Lambda would send the whole batch again."""
    released = threading.Event()
    seen: list[str] = []

    def handle(body: str) -> None:
        seen.append(body)
        assert body != "slow" or released.wait(60)

    monkeypatch.setattr(functions, "_handlers", lambda: {HTTP_API.delivery_queue_arn: handle})
    try:
        context = Context(functions.DELIVERY_RESERVE_SECONDS + 0.5)
        result = functions.deliver(message_event("quick", "slow", "quick"), context)
    finally:
        released.set()
    assert result == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert sorted(seen) == ["quick", "quick", "slow"]


def test_a_message_of_an_unknown_queue_comes_back(deliveries: Deliveries) -> None:
    event = message_event("{}", queue="arn:aws:sqs:eu-west-1:123456789012:of-another-api")
    assert functions.deliver(event, Context()) == {"batchItemFailures": [{"itemIdentifier": "0"}]}


def test_a_sweep_announces_what_has_expired(deliveries: Deliveries, aws: FakeAws) -> None:
    deliveries.submit("late")
    aws.time.sleep(7 * 86_400)
    report = functions.sweep({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, Context())
    assert report[NAME]["queued"] == 1
    functions.deliver(message_event(*(message.body for message in deliveries.waiting)), Context())
    assert [post.event["type"] for post in deliveries.posts] == ["prediction.expired"]


def test_the_schedule_decides_how_often_is_swept(deliveries: Deliveries) -> None:
    deliveries.submit("soon")
    for _ in range(2):
        deliveries.aws.time.sleep(120)
        assert functions.sweep({}, Context())[NAME]["swept_to"] is not None


def test_a_sweep_that_fails_is_an_error_of_the_function(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries.submit("late")

    def refuse(*_: Any, **__: Any) -> None:
        raise client_error("AccessDenied", 403)

    monkeypatch.setattr(deliveries.aws.s3, "get_object", refuse)
    with pytest.raises(WorkFailed, match=f"Sweeps failed. {NAME}: "):
        functions.sweep({}, Context())


def test_a_sweep_ends_before_its_function_does(deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    monkeypatch.setattr(Sweep, "run", lambda self, *, force, seconds: given.append(seconds) or pytest.fail("enough"))
    with pytest.raises(pytest.fail.Exception):
        functions.sweep({}, Context(seconds=50))
    assert given == [50 - functions.RESERVE_SECONDS]


def test_requests_wait_no_longer_than_the_module_says(aws: FakeAws) -> None:
    """Each occupies a process of the function meanwhile, so it is less than the 25 seconds of `serve`."""
    assert functions.settings_of({functions.VARIABLE: environment(aws)}).longest_wait == 5


@pytest.mark.parametrize("value", ["", "bm8=", base64.b64encode(gzip.compress(b"{}", mtime=0)).decode()])
def test_settings_that_the_module_did_not_write_are_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match=functions.VARIABLE):
        functions.settings_of({functions.VARIABLE: value})


def test_an_allowed_webhook_that_is_no_url_is_refused_at_the_start(aws: FakeAws) -> None:
    with pytest.raises(InvalidInput, match="no prefix of webhooks to allow"):
        functions.settings_of({functions.VARIABLE: environment(aws, allowed_webhooks=["nonsense"])})


def test_a_batch_has_a_thread_for_each_message() -> None:
    text = (CHECKOUT / "modules/http-api/main.tf").read_text()
    assert re.findall(r"batch_size += (\d+)", text) == [str(functions.BATCH)]
    assert set(re.findall(r"functions\.\$\{each\.key\}|^    (\w+) += \{ description", text, re.MULTILINE)) - {""} == {
        "api",
        "deliver",
        "sweep",
    }
    assert all(callable(getattr(functions, name)) for name in ("api", "deliver", "sweep"))

"""The HTTP API over a local AWS that runs the model: presigned uploads, waiting, ranges, keys, and the backlog's metrics."""

from __future__ import annotations

import dataclasses
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import HttpApi
from async_endpoint.http_api.access.api_keys import KeyStore, new_key
from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.predictions.identity import prediction_key
from async_endpoint.http_api.predictions.records import Found, Held
from async_endpoint.http_api.served_endpoint import Services
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings
from support.common import until
from support.deployed_endpoint import Deployed
from support.echo_endpoint import outputs_of
from support.in_process_aws import REGION, AwsHarness

PREDICTIONS = "/v1/endpoints/echo/predictions"
UPLOADS = "/v1/endpoints/echo/uploads"
ENVELOPE = {"Content-Type": "application/vnd.async-endpoint.prediction+json"}


class Served:
    """API processes over one endpoint of the local AWS."""

    def __init__(self, local_aws: AwsHarness, deployed: Deployed, patch: pytest.MonkeyPatch) -> None:
        for name, value in local_aws.credentials.environment(REGION).items():
            patch.setenv(name, value)
        queue = deployed.queues["Success"]
        api = HttpApi(
            f"s3://{deployed.bucket}/predictions/echo/",
            f"s3://{deployed.bucket}/credentials/echo/",
            queue.url,
            queue.arn,
            queue.url,
        )
        self.settings = EndpointSettings("echo", dataclasses.replace(outputs_of(deployed), http_api=api))
        self.url = local_aws.url
        self.session = AwsSession.create(REGION, self.url)

    def client(self, **settings: Any) -> TestClient:
        chosen = {"keys_required": False, "deliveries": False, "endpoint_url": self.url} | settings
        api = ApiSettings(environment="local", endpoints={"echo": self.settings}, **chosen)
        return TestClient(create_application(api, Services.of(api)), base_url="http://127.0.0.1:8000")


@pytest.fixture
def served(local_aws: AwsHarness, shared_endpoint: Deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    yield Served(local_aws, shared_endpoint, monkeypatch)


def put(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    request = urllib.request.Request(url, body, dict(headers), method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_an_upload_is_taken_once_with_its_size_and_type_only_and_becomes_a_prediction(served: Served) -> None:
    http = served.client()
    file = b'{"numbers": [1, 2, 3]}'
    upload = http.post(UPLOADS, json={"content_type": "application/json", "bytes": len(file)}).json()
    given = {"Content-Type": "application/json", "If-None-Match": "*"}
    assert put(upload["url"], file + b" ", given) == 403
    assert put(upload["url"], file, given | {"Content-Type": "text/html"}) == 403
    assert put(upload["url"], file, {"Content-Type": "application/json"}) == 403
    assert put(upload["url"].replace(upload["id"], "a" * 26), file, given) == 403
    assert http.post(PREDICTIONS, json={"input_url": upload["input_url"]}, headers=ENVELOPE).status_code == 400
    assert put(upload["url"], file, given) == 200
    assert put(upload["url"], file.replace(b"1", b"9"), given) == 412
    made = http.post(PREDICTIONS, json={"input_url": upload["input_url"]}, headers=ENVELOPE | {"Prefer": "wait=25"})
    assert made.status_code == 200, made.text
    assert made.json()["status"] == "succeeded" and made.json()["input"]["bytes"] == len(file)


def test_an_output_and_its_ranges_come_from_s3(served: Served) -> None:
    http = served.client()
    made = http.post(PREDICTIONS, content=b"0123456789", headers={"Content-Type": "text/plain", "Prefer": "wait=25"})
    assert made.status_code == 200, made.text
    path = made.json()["urls"]["output"]
    whole = http.get(path)
    part = http.get(path, headers={"Range": "bytes=2-5", "If-Range": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    assert part.headers["content-range"] == f"bytes 2-5/{len(whole.content)}"
    assert http.get(path, headers={"Range": f"bytes={len(whole.content)}-"}).status_code == 416
    assert http.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
    head = http.head(path)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(whole.content)))
    events = http.get(made.json()["urls"]["events"])
    assert "event: succeeded" in events.text


def test_a_large_output_is_read_from_its_presigned_url(served: Served) -> None:
    http = served.client()
    body = b"x" * 3_000_000
    made = http.post(PREDICTIONS, content=body, headers={"Content-Type": "text/plain", "Prefer": "wait=25"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("async_endpoint.http_api.routes.outputs.INLINE_BYTES", 1_000_000)
        redirect = http.get(made.json()["urls"]["output"], follow_redirects=False)
    assert redirect.status_code == 307, redirect.text
    with urllib.request.urlopen(redirect.headers["location"], timeout=20) as answer:
        assert answer.read() == body
        assert answer.headers["Content-Disposition"].startswith("attachment;")


def test_keys_and_the_backlog_on_the_local_aws(served: Served) -> None:
    store = KeyStore(served.session, served.settings.http_api.credentials_uri)
    assert store.is_empty()
    key, text = new_key("test", 100.0, None, 0.0)
    store.write(key)
    assert [found.id for found in store] == [key.id] and not store.is_empty()
    http = served.client(keys_required=True, max_wait=3_600.0)
    assert http.post(PREDICTIONS, content=b"x").status_code == 401
    sent = http.post(PREDICTIONS, content=b"x", headers={"Authorization": f"Bearer {text}", "Prefer": "wait=25"})
    assert sent.status_code == 200, sent.text
    status = http.app.state.endpoints["echo"].status  # type: ignore[attr-defined]
    backlog = until(lambda: (found := status.backlog()).processing_seconds is not None and found, "a processing time")
    assert backlog.processing_seconds > 0
    store.delete(key.id)
    assert store.is_empty()


def test_one_id_in_two_processes_is_one_output_and_claims_change_hands_once(served: Served, local_aws: AwsHarness) -> None:
    """The conditional writes of claims with S3's own ETags, and the age of a claim by S3's own clock."""
    processes = [served.client(), served.client()]
    headers = {"Content-Type": "text/plain", "Idempotency-Key": "order-7"}
    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda n: processes[n % 2].post(PREDICTIONS, content=b"seven", headers=headers), range(24)))
    assert {response.status_code for response in made} <= {200, 202}, [response.text for response in made]
    assert len({response.json()["created_at"] for response in made}) == 1
    bucket = served.settings.state.bucket
    endpoint = processes[0].app.state.endpoints["echo"]  # type: ignore[attr-defined]
    waiting = processes[0].get(f"{PREDICTIONS}/order-7", headers={"Prefer": "wait=25"})
    assert waiting.status_code == 200 and waiting.json()["status"] == "succeeded"
    key = prediction_key("local", served.settings.info.name, "order-7")
    assert len([name for name in local_aws.keys(bucket, "output/") if key in name]) == 1

    wanted = dataclasses.replace(endpoint.records.read(key), key="a" * 26, id="order-8", nonce="other")
    assert isinstance(endpoint.records.claim(wanted), Held)  # its process ends here
    found = endpoint.records.claim(dataclasses.replace(wanted, nonce="mine"))
    assert isinstance(found, Found) and found.age < 20
    taken = endpoint.records.take_over(found)
    assert taken is not None and endpoint.records.take_over(found) is None
    endpoint.records.release(dataclasses.replace(taken, etag=found.etag))  # by the process that was taken over: no effect
    assert endpoint.records.read(wanted.key) is not None
    endpoint.records.release(taken)
    assert endpoint.records.read(wanted.key) is None
    assert isinstance(endpoint.records.claim(dataclasses.replace(wanted, sha256="0" * 64)), Held)

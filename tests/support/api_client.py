"""The HTTP API over AWS in memory: the application in this process, a client of it, and AWS as it sees it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs, HttpApi
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.application import create_application
from async_endpoint.http_api.served_endpoint import ServedEndpoint, Services
from async_endpoint.http_api.settings import ApiSettings, EndpointSettings
from support.in_memory_aws import BUCKET, QUEUE_URL, FakeAws

NAME = "recommender"  # of the endpoint in URLs; in SageMaker it is `shop`
HTTP_API = HttpApi(
    state_uri=f"s3://{BUCKET}/predictions/shop/",
    credentials_uri=f"s3://{BUCKET}/credentials/shop/",
    delivery_queue_url=f"{QUEUE_URL}-deliveries",
    delivery_queue_arn="arn:aws:sqs:eu-west-1:123456789012:shop-deliveries",
    delivery_dead_letter_queue_url=f"{QUEUE_URL}-deliveries-dead",
)
PREDICTIONS = f"/v1/endpoints/{NAME}/predictions"


class FakeServices(Services):
    """Waits in fake time."""

    async def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)


@dataclass
class Api:
    """One API process: `http` sends requests to it, `aws` is what it calls, `endpoint` the one that it serves."""

    http: TestClient
    aws: FakeAws
    endpoint: ServedEndpoint

    def submit(self, body: bytes = b"{}", prediction_id: str | None = None, **headers: str) -> Any:
        """POST a prediction; header names with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in {"content_type": "application/json", **headers}.items()}
        key = {"Idempotency-Key": prediction_id} if prediction_id else {}
        return self.http.post(PREDICTIONS, content=body, headers=named | key)

    def get(self, prediction_id: str) -> Any:
        return self.http.get(f"{PREDICTIONS}/{prediction_id}")

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What InvokeEndpointAsync was called with."""
        return self.aws.runtime.calls

    def output(self, request: dict[str, Any], body: bytes = b"[1]", content_type: str = "application/json") -> None:
        """Let the model answer a request that InvokeEndpointAsync was called with."""
        number = self.requests.index(request) + 1
        self.aws.s3.put(f"s3://{BUCKET}/output/{number}.out", body, content_type)

    def failure(self, request: dict[str, Any], reason: str) -> None:
        number = self.requests.index(request) + 1
        self.aws.s3.put(f"s3://{BUCKET}/failure/{number}-error.out", reason.encode(), "text/plain")

    def state(self, folder: str) -> dict[str, Any]:
        """The documents below a folder of the API's state, by name."""
        prefix = S3Uri.parse(HTTP_API.state_uri).key + folder
        objects = self.aws.s3.objects
        return {key.removeprefix(prefix): json.loads(body) for key, (body, _) in objects.items() if key.startswith(prefix)}


class Documented:
    """Fails a test whose response is not in the OpenAPI document: its status, its media type, the members of its JSON."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._paths = {
            re.compile(re.sub(r"\{[^}]*\}", "[^/]+", path)): operations for path, operations in self._document["paths"].items()
        }

    def __call__(self, response: Any) -> None:
        path, method = response.request.url.path, response.request.method.lower().replace("head", "get")
        operations = next((found for pattern, found in self._paths.items() if pattern.fullmatch(path)), None)
        if operations is None or method not in operations or response.status_code == 500:
            return
        documented = operations[method]["responses"].get(str(response.status_code))
        assert documented is not None, f"{method} {path} answers {response.status_code}, which is not documented"
        kinds = documented.get("content", {})
        kind = response.headers.get("content-type", "").partition(";")[0]
        assert not kinds or kind in kinds or "*/*" in kinds, f"{method} {path} answers {response.status_code} with {kind}"
        if kind == "application/json" and kind in kinds and response.request.method != "HEAD":
            response.read()
            self._check(response.json(), kinds[kind]["schema"])

    def _check(self, value: Any, schema: Any) -> None:
        """The members of objects; values are Schemathesis's business."""
        schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        if schema.get("type") == "array":
            for item in value:
                self._check(item, schema["items"])
        if schema.get("type") == "object" and schema.get("additionalProperties") is False:
            assert set(schema["required"]) <= set(value) <= set(schema["properties"]), (sorted(value), schema)
            for name, item in value.items():
                self._check(item, schema["properties"][name])


_checks: list[Documented] = []


def documented(application: FastAPI) -> Documented:
    """The check of responses; one for all applications, since their documents are equal."""
    if not _checks:
        _checks.append(Documented(application.openapi()))
    return _checks[0]


def create_api(aws: FakeAws, session: AwsSession | None = None, **settings: Any) -> Api:
    """An API process over `aws`; further settings are those of ApiSettings."""
    outputs = dataclasses.replace(aws.outputs, http_api=HTTP_API)
    shared = session or aws.session
    endpoints = {NAME: EndpointSettings(NAME, outputs)}
    chosen = ApiSettings(
        **{"environment": "dev", "endpoints": endpoints, "keys_required": False, "deliveries": False} | settings
    )
    services = FakeServices(lambda region: shared, aws.clock)
    application = create_application(chosen, services)
    client = TestClient(application, base_url=f"http://127.0.0.1:{chosen.port}")
    client.event_hooks = {"response": [documented(application)]}
    return Api(client, aws, application.state.endpoints[NAME])


@pytest.fixture
def api(aws: FakeAws) -> Iterator[Api]:
    """An API process over AWS in memory, without keys."""
    made = create_api(aws)
    with made.http:
        yield made


def api_outputs(outputs: AsyncEndpointOutputs) -> AsyncEndpointOutputs:
    """Outputs of an endpoint that has the API enabled."""
    return dataclasses.replace(outputs, http_api=HTTP_API)

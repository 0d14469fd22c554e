"""The runtime API: InvokeEndpointAsync."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

from werkzeug.wrappers import Response

from async_endpoint.contract import limits
from async_endpoint.contract.errors import InvalidInput
from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local.hosting.deployment import Deployment
from async_endpoint.local.hosting.endpoint import output_locations
from async_endpoint.local.hosting.queue import Invocation
from async_endpoint.local.hosting.service import Hosting
from async_endpoint.local.record import ACCOUNT_ID
from async_endpoint.local.sagemaker.wire import ApiError, pattern_broken

PREFIX = "X-Amzn-SageMaker-"


def refused(message: str) -> ApiError:
    """The runtime's ValidationError (its control plane says ValidationException)."""
    return ApiError("ValidationError", message)


class Runtime:
    """Requests in, 202 out."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    def invoke_async(self, region: str, name: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Accept a request into the endpoint's queue; raises ApiError. 202 carries the locations as headers."""
        endpoint = self._hosting.get(region, name)
        if endpoint is None:
            raise refused(f"Endpoint {name} of account {ACCOUNT_ID} not found.")
        invocation = self._invocation(headers, body, endpoint.deployment)
        if not endpoint.invoke(invocation):
            raise refused(f"Endpoint {name} of account {ACCOUNT_ID} is not in service: its status is {endpoint.status}.")
        answer = Response(json.dumps({"InferenceId": invocation.inference_id}), 202, content_type="application/json")
        if invocation.output is not None:
            answer.headers[f"{PREFIX}OutputLocation"] = str(invocation.output)
        if invocation.failure is not None:
            answer.headers[f"{PREFIX}FailureLocation"] = str(invocation.failure)
        return answer

    def invoke(self, region: str, name: str) -> Response:
        """InvokeEndpoint: an asynchronous endpoint does not answer it."""
        if self._hosting.get(region, name) is None:
            raise refused(f"Endpoint {name} of account {ACCOUNT_ID} not found.")
        raise refused(f"Endpoint {name} is an asynchronous endpoint; call InvokeEndpointAsync.")

    def _invocation(self, headers: Mapping[str, str], body: bytes, deployment: Deployment) -> Invocation:
        sent = {name.lower(): value for name, value in headers.items()}

        def given(header: str) -> str | None:
            return sent.get((PREFIX + header).lower())

        now = self._hosting.clock.now()
        location = given("InputLocation")
        _check_input(location, body)
        ttl = _number(given("RequestTTLSeconds"), limits.REQUEST_TTL_SECONDS, limits.DEFAULT_REQUEST_TTL_SECONDS)
        timeout = _number(
            given("InvocationTimeoutSeconds"), limits.INVOCATION_TIMEOUT_SECONDS, limits.DEFAULT_INVOCATION_TIMEOUT_SECONDS
        )
        inference_id = given("Inference-Id") or str(uuid.uuid4())
        _within("InferenceId", inference_id, limits.INFERENCE_ID_CHARS)
        name, extension = given("Filename"), given("S3OutputPathExtension")
        if name:
            _within("Filename", name, limits.FILENAME_CHARS)
        if extension:
            _within("S3OutputPathExtension", extension, limits.S3_OUTPUT_PATH_EXTENSION_CHARS)
        output, failure = output_locations(deployment, str(uuid.uuid4()), name, extension)
        return Invocation(
            inference_id=inference_id,
            output=output,
            failure=failure,
            received_at=now,
            expires_at=now + ttl,
            timeout_seconds=timeout,
            content_type=given("Content-Type") or sent.get("content-type") or "application/octet-stream",
            accept=given("Accept"),
            custom_attributes=given("Custom-Attributes"),
            input_location=location,
            body=body if location is None else None,
        )


def _check_input(location: str | None, body: bytes) -> None:
    if location is None and not body:
        raise refused("Give either InputLocation or Body; this request has neither.")
    if location is not None and body:
        raise refused("Give either InputLocation or Body; this request has both.")
    if len(body) > limits.INLINE_BODY_BYTES:
        raise refused(f"Body has {len(body)} bytes; at most {limits.INLINE_BODY_BYTES} are accepted: use InputLocation.")
    if location is None:
        return
    _within("InputLocation", location, limits.INPUT_LOCATION_CHARS)
    try:
        key = S3Uri.parse(location).key
    except InvalidInput as error:
        raise refused(f"InputLocation: {error}") from error
    if not key:
        raise refused(f"InputLocation {location} names a bucket; give an object in it.")


def _within(name: str, value: str, most: int) -> None:
    if len(value) > most or not value.isprintable():
        raise refused(f"{name} has {len(value)} characters; at most {most} printable ones are accepted.")
    pattern = pattern_broken("sagemaker-runtime", "InvokeEndpointAsync", name, value)
    if pattern is not None:
        raise refused(f"{name} is {value!r}, which does not satisfy the pattern {pattern}")


def _number(text: str | None, allowed: limits.Range, default: int) -> int:
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError as error:
        raise refused(f"{allowed.name} is {text!r}; use {allowed.low} to {allowed.high} {allowed.unit}.") from error
    try:
        return allowed.check(number)
    except InvalidInput as error:
        raise refused(str(error)) from error

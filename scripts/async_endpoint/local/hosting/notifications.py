"""The messages SageMaker publishes, in the shape of the developer guide (2023 snapshot, "Check prediction results")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from async_endpoint.contract.limits import NOTIFICATION_BODY_BYTES
from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local.hosting.queue import Invocation

TEST_NOTIFICATION = {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}


def completed(
    invocation: Invocation, place: Mapping[str, str], now: float, content_type: str, output: S3Uri | None, body: bytes | None
) -> dict[str, Any]:
    """A success. `place` has awsRegion and endpointName; `body` is the response when it is to be included."""
    response = {"contentType": content_type} | ({"outputLocation": str(output)} if output else {})
    return _envelope(invocation, place, now, "Completed") | {"responseParameters": response} | _included(body, content_type)


def failed(
    invocation: Invocation, place: Mapping[str, str], now: float, reason: str, failure: S3Uri | None, body: bytes | None
) -> dict[str, Any]:
    """A failure. Where failureLocation sits is not documented: the top level is our reading."""
    location = {"failureLocation": str(failure)} if failure else {}
    return _envelope(invocation, place, now, "Failed") | {"failureReason": reason} | location | _included(body, "text/plain")


def _envelope(invocation: Invocation, place: Mapping[str, str], now: float, status: str) -> dict[str, Any]:
    request = {
        "accept": invocation.accept,
        "contentType": invocation.content_type,
        "endpointName": place["endpointName"],
        "inputLocation": invocation.input_location,
    }
    return {
        "awsRegion": place["awsRegion"],
        "eventTime": _iso(now),
        "receivedTime": _iso(invocation.received_at),
        "invocationStatus": status,
        "requestParameters": {name: value for name, value in request.items() if value is not None},
        "inferenceId": invocation.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _included(body: bytes | None, content_type: str) -> dict[str, Any]:
    """The response inside the message, when it is text and not above 128 KB; how SageMaker encodes binary is not documented."""
    if body is None or len(body) > NOTIFICATION_BODY_BYTES:
        return {}
    try:
        return {"responseBody": {"content": body.decode(), "contentType": content_type}}
    except UnicodeDecodeError:
        return {}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

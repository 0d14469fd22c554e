"""The SNS notifications of SageMaker, in the shape of the developer guide (2023 snapshot, "Check prediction results")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from async_endpoint.core.limits import NOTIFICATION_BODY_BYTES
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.hosting.request_queue import BINARY, AsyncInvocation

SNS_MESSAGE_BYTES = 262_144  # of Publish
TEST_NOTIFICATION = {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}


def completed(
    invocation: AsyncInvocation,
    place: Mapping[str, str],
    now: float,
    content_type: str,
    output: S3Uri | None,
    body: bytes | None,
) -> dict[str, Any]:
    """A success notification. `place` holds awsRegion and endpointName; `body` is the response if it is to be included."""
    response = {"contentType": content_type} | ({"outputLocation": str(output)} if output else {})
    return _with(body, content_type, _envelope(invocation, place, now, "Completed") | {"responseParameters": response})


def failed(
    invocation: AsyncInvocation, place: Mapping[str, str], now: float, reason: str, failure: S3Uri | None, body: bytes | None
) -> dict[str, Any]:
    """An error notification. The position of failureLocation is assumption A141."""
    location = {"failureLocation": str(failure)} if failure else {}
    return _with(body, "text/plain", _envelope(invocation, place, now, "Failed") | {"failureReason": reason} | location)


def _envelope(invocation: AsyncInvocation, place: Mapping[str, str], now: float, status: str) -> dict[str, Any]:
    request = {
        "accept": invocation.accept,
        "contentType": invocation.content_type or BINARY,
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


def _with(body: bytes | None, content_type: str, message: dict[str, Any]) -> dict[str, Any]:
    """The message with the response embedded, if that is UTF-8, at most 128 KB, and the whole fits into an SNS message.

    Binary responses, and those that exceed the limit once escaped, are assumption A140.
    """
    if body is None or len(body) > NOTIFICATION_BODY_BYTES:
        return message
    try:
        whole = message | {"responseBody": {"content": body.decode(), "contentType": content_type}}
    except UnicodeDecodeError:
        return message
    return whole if len(json.dumps(whole)) <= SNS_MESSAGE_BYTES else message


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

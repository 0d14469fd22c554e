"""The SNS messages of an asynchronous endpoint, read.

Two shapes are seen in the field and both are accepted: the documented envelope (`responseParameters.outputLocation`,
SageMaker developer guide, 2023) and a flatter one (`outputLocation` at the top). Where `failureLocation` sits in an error
message is not documented; it is looked for at the top, in `responseParameters` and in `requestParameters`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from async_endpoint.contract.errors import InvalidInput

Status = Literal["Completed", "Failed"]


@dataclass(frozen=True)
class Notification:
    """One terminal state, as announced. A hint: S3 decides. Locations are S3 URIs, absent when the message has none.

    `response_body` is the response, or the failure, where the message includes it. Times are ISO 8601 by the service's clock.
    """

    status: Status
    inference_id: str | None
    endpoint_name: str | None
    output_location: str | None
    failure_location: str | None
    failure_reason: str | None
    response_body: bytes | None
    response_type: str | None = None
    received_time: str | None = None
    event_time: str | None = None


def parse_notification(text: str | bytes) -> Notification | None:
    """Read one SNS message, raw or inside the SNS envelope that SQS carries.

    Returns None for the TestNotification that SageMaker publishes when an endpoint is created or updated.
    Raises InvalidInput for anything else.
    """
    message = _unwrap(_object(text))
    if message.get("eventName") == "TestNotification":
        return None
    status = message.get("invocationStatus")
    if status not in ("Completed", "Failed"):
        raise InvalidInput(f"A notification has invocationStatus {status!r}; expected Completed or Failed.")
    request, response = _mapping(message, "requestParameters"), _mapping(message, "responseParameters")
    places = (message, response, request)
    included = _mapping(message, "responseBody")
    return Notification(
        status=status,
        inference_id=_first(places, "inferenceId") or _first(places, "requestId"),
        endpoint_name=_first(places, "endpointName"),
        output_location=_first(places, "outputLocation"),
        failure_location=_first(places, "failureLocation"),
        failure_reason=_first(places, "failureReason"),
        response_body=_content(included),
        response_type=_first((included, response), "contentType"),
        received_time=_first(places, "receivedTime"),
        event_time=_first(places, "eventTime"),
    )


def _content(included: Mapping[str, Any]) -> bytes | None:
    """The bytes of a response inside a message; None when there is none, or it is written in a way we do not know.

    That text is itself is what the guide shows; an `encoding` of base64 beside it is not documented, and read if it comes.
    """
    content, encoding = included.get("content"), str(included.get("encoding", "")).lower()
    if not isinstance(content, str) or encoding not in ("", "base64", "text", "utf-8"):
        return None
    try:
        return base64.b64decode(content, validate=True) if encoding == "base64" else content.encode()
    except (binascii.Error, UnicodeEncodeError):
        return None


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"A notification is not JSON ({error}).") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"A notification is a JSON {type(value).__name__}; expected an object.")
    return value


def _unwrap(message: dict[str, Any]) -> dict[str, Any]:
    inner = message.get("Message")
    return _object(inner) if message.get("Type") == "Notification" and isinstance(inner, str) else message


def _mapping(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = message.get(key)
    return value if isinstance(value, Mapping) else {}


def _first(places: tuple[Mapping[str, Any], ...], key: str) -> str | None:
    return next((place[key] for place in places if isinstance(place.get(key), str)), None)

"""Parsing of the SNS messages of asynchronous endpoints.

Two shapes occur in practice and both are accepted: the documented envelope (`responseParameters.outputLocation`,
SageMaker developer guide, 2023) and a flatter one (`outputLocation` at the top). Where `failureLocation` is in an error
message is assumption A141; it is searched for at the top, in `responseParameters` and in `requestParameters`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from async_endpoint.core.errors import InvalidInput

Status = Literal["Completed", "Failed"]
MAX_NOTIFICATION_BYTES: Final = 1_048_576  # the largest message of Amazon SQS (developer guide, "Quotas"); SNS takes 262,144


@dataclass(frozen=True)
class Notification:
    """A terminal state as reported by a message: a hint, since S3 is authoritative and a publisher can write anything.

    Locations are S3 URIs or None. The only check is that texts are texts, in valid Unicode.
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
    input_location: str | None = None


def parse_notification(text: str | bytes) -> Notification | None:
    """Parse one SNS message, raw or inside the SNS envelope that SQS carries.

    Returns None for the TestNotification that SageMaker publishes when an endpoint is created, updated or scaled.
    Raises InvalidInput, and nothing else, for anything that is not a notification: messages are untrusted input.
    """
    try:
        return _parse(text)
    except RecursionError:  # json.loads may just succeed where a function deeper in the stack does not
        raise InvalidInput("A notification is JSON that is nested too deeply to be read.") from None


def _parse(text: str | bytes) -> Notification | None:
    message = _unwrap(_object(text))
    if message.get("eventName") == "TestNotification":
        return None
    status = message.get("invocationStatus")
    if status not in ("Completed", "Failed"):
        found = repr(status[:40]) if isinstance(status, str) else f"of type {type(status).__name__}"
        raise InvalidInput(f"A notification has an invocationStatus {found}; expected Completed or Failed.")
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
        input_location=_first(places, "inputLocation"),
    )


def _content(included: Mapping[str, Any]) -> bytes | None:
    """The bytes of a response inside a message; None if there is none, or its encoding is unknown.

    The guide shows plain text; an `encoding` of base64, which no page of AWS has, is accepted.
    """
    content, encoding = included.get("content"), included.get("encoding", "")
    if not isinstance(content, str) or not isinstance(encoding, str):
        return None
    encoding = encoding.lower()
    if encoding not in ("", "base64", "text", "utf-8"):
        return None
    try:
        return base64.b64decode(content, validate=True) if encoding == "base64" else content.encode()
    except (binascii.Error, ValueError):  # not base64, not ASCII, or half of a surrogate pair
        return None


def _object(text: str | bytes) -> dict[str, Any]:
    if len(text) > MAX_NOTIFICATION_BYTES:
        raise InvalidInput(f"A notification has a length of {len(text):,}; expected at most {MAX_NOTIFICATION_BYTES:,}.")
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
    """The first text under `key`; an unpaired surrogate, valid in JSON but not in UTF-8, becomes a question mark."""
    found = next((place[key] for place in places if isinstance(place.get(key), str)), None)
    return found if found is None or found.isascii() else found.encode("utf-8", "replace").decode()

"""Requests for a prediction as HTTP carries them: a raw body with options in headers, or an envelope with options in JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import Headers

from async_endpoint.client.models import BINARY_TYPE, JSON_TYPE
from async_endpoint.http_api.predictions.identity import checked_id
from async_endpoint.http_api.problems import Problem

ENVELOPE_TYPE: Final = "application/vnd.async-endpoint.prediction+json"
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE: Final = re.compile(
    rf'{_TOKEN}/{_TOKEN}(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~\t]*"))*'
)  # RFC 9110, 8.3.1
MEDIA_TYPE_CHARS: Final = 256
_MEMBERS: Final = ("input", "input_url", "content_type", "webhook")
_ONCE: Final = ("content-type", "content-encoding", "idempotency-key", "webhook-url", "webhook-events", "prefer", "accept")


@dataclass(frozen=True)
class PredictionRequest:
    """The input, `body` or `input_url`, and the options. `content_type` is None where an input by reference has none."""

    body: bytes | None
    input_url: str | None
    content_type: str | None
    accept: str | None
    webhook_url: str | None
    webhook_events: Sequence[str] | None


def parse_request(headers: Headers, body: bytes) -> PredictionRequest:
    """The request; raises the problems `invalid-request` and `unsupported-media-type`."""
    for name in _ONCE:
        if len(headers.getlist(name)) > 1 and name != "accept":
            raise Problem("invalid-request", f"The header {name.title()} occurs more than once; send it once.")
    content_type = headers.get("content-type")
    accept = accepted_by_model(headers.getlist("accept"))
    if content_type is not None and content_type.partition(";")[0].strip().lower() == ENVELOPE_TYPE:
        return _envelope(headers, body, accept)
    kind = checked_media_type(BINARY_TYPE if content_type is None else content_type)
    url, events = headers.get("webhook-url"), headers.get("webhook-events")
    listed = None if events is None else [event.strip() for event in events.split(",")]
    return PredictionRequest(body, None, kind, accept, url, listed)


def idempotency_key(headers: Headers) -> str | None:
    """The id in `Idempotency-Key`; quotation marks around it, as in the IETF's draft, are not part of it."""
    given = headers.get("idempotency-key")
    if given is None:
        return None
    unquoted = given[1:-1] if len(given) > 2 and given[0] == given[-1] == '"' else given
    return checked_id(unquoted, "Idempotency-Key")


def accepted_by_model(values: Sequence[str]) -> str | None:
    """What to pass to the model as Accept: nothing if the caller takes anything, as HTTP clients say by default."""
    value = ", ".join(values).strip()
    if not value or any(part.partition(";")[0].strip() == "*/*" for part in value.split(",")):
        return None
    if len(value) > MEDIA_TYPE_CHARS or not (value.isascii() and value.isprintable()):
        raise Problem(
            "invalid-request", f"The header Accept is invalid; use up to {MEDIA_TYPE_CHARS} printable ASCII characters."
        )
    return value


def checked_media_type(value: str) -> str:
    """`value` if it is a media type; raises the problem `unsupported-media-type`."""
    if len(value) > MEDIA_TYPE_CHARS or _MEDIA_TYPE.fullmatch(value) is None:
        raise Problem(
            "unsupported-media-type", f"{value[:60]!r} is not a media type such as application/json; name the body's."
        )
    return value


def _envelope(headers: Headers, body: bytes, accept: str | None) -> PredictionRequest:
    if "webhook-url" in headers or "webhook-events" in headers:
        raise Problem("invalid-request", "The webhook of an envelope is its member webhook; remove the headers Webhook-*.")
    document = _object(body)
    _known(document, _MEMBERS, "the envelope")
    if ("input" in document) == ("input_url" in document):
        raise Problem("invalid-request", "An envelope has either input, any JSON value, or input_url; give one of the two.")
    kind, url = _text(document, "content_type"), _text(document, "input_url")
    kind = None if kind is None else checked_media_type(kind)
    hook_url, events = _webhook(document.get("webhook"))
    if url is not None:
        return PredictionRequest(None, url, kind, accept, hook_url, events)
    try:
        value = json.dumps(document["input"], ensure_ascii=False, separators=(",", ":")).encode()
    except (UnicodeEncodeError, RecursionError):
        raise Problem("invalid-request", "input has half of a surrogate pair or is nested too deeply; correct it.") from None
    return PredictionRequest(value, None, kind or JSON_TYPE, accept, hook_url, events)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:120]
        raise Problem("invalid-request", f"The envelope is not JSON ({reason}).") from None
    if not isinstance(document, dict):
        raise Problem(
            "invalid-request", f"The envelope is a JSON {type(document).__name__}; send an object with input or input_url."
        )
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large for a number")
    return number


def _known(document: Mapping[str, Any], members: Sequence[str], where: str) -> None:
    unknown = sorted(set(document) - set(members))
    if unknown:
        raise Problem("invalid-request", f"{unknown[0][:40]!r} is no member of {where}; it has {', '.join(members)}.")


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise Problem("invalid-request", f"{name} is of type {type(value).__name__}; use a string.")
    if name in document and value is None and name == "input_url":
        raise Problem("invalid-request", "input_url is null; name an input, or leave it out.")
    return value


def _webhook(value: Any) -> tuple[str | None, Sequence[str] | None]:
    if value is None:
        return None, None
    if not isinstance(value, dict):
        raise Problem("invalid-request", f"webhook is of type {type(value).__name__}; use an object with url and events.")
    _known(value, ("url", "events"), "webhook")
    url, events = _text(value, "url"), value.get("events")
    if url is None:
        raise Problem("invalid-request", "webhook has no url.")
    if events is not None and not (isinstance(events, list) and all(isinstance(event, str) for event in events)):
        raise Problem("invalid-request", "webhook.events is not a list of strings.")
    return url, events

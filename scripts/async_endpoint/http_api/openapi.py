"""The OpenAPI document: what FastAPI derives from the routes, with the problems that each can answer, and examples.

A route declares its problems by their slugs, so the document and the code share one table of problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from async_endpoint.http_api import problems
from async_endpoint.http_api.predictions.identity import ID_CHARS, ID_PATTERN
from async_endpoint.http_api.predictions.requests import ENVELOPE_TYPE
from async_endpoint.http_api.settings import BODY_BYTES, UPLOAD_BYTES

# of every route that calls AWS
COMMON: Final = (
    "invalid-request",
    "unauthorized",
    "forbidden-origin",
    "rate-exceeded",
    "deployment-error",
    "unavailable",
)
OF_ENDPOINT: Final = (*COMMON, "not-found")
OF_JSON: Final = (*OF_ENDPOINT, "not-acceptable")

DESCRIPTION: Final = """\
Submits predictions to asynchronous endpoints that scale to zero, and collects their results.

Every error is a problem document (RFC 9457). Every resource with GET has HEAD too. Requests have an id: `X-Request-Id`, the
caller's if it has 1 to 32 letters, digits, hyphens and underscores."""

_EXAMPLE_ID: Final = "order-7"
_EXAMPLE_PATH: Final = f"/v1/endpoints/recommender/predictions/{_EXAMPLE_ID}"
ACCEPTED_EXAMPLE: Final[Mapping[str, Any]] = {
    "id": _EXAMPLE_ID,
    "endpoint": "recommender",
    "status": "accepted",
    "created_at": "2026-07-01T09:00:00.000Z",
    "completed_at": None,
    "deadline": "2026-07-01T16:15:00.000Z",
    "input": {"content_type": "image/png", "bytes": 48_123, "url": None},
    "error": None,
    "webhook": {"url": "https://shop.example/hooks", "events": ["succeeded", "failed", "expired"]},
    "urls": {"self": _EXAMPLE_PATH, "output": None, "events": f"{_EXAMPLE_PATH}/events"},
}
SUCCEEDED_EXAMPLE: Final[Mapping[str, Any]] = {
    **ACCEPTED_EXAMPLE,
    "status": "succeeded",
    "completed_at": "2026-07-01T09:04:31.000Z",
    "urls": {"self": _EXAMPLE_PATH, "output": f"{_EXAMPLE_PATH}/output", "events": f"{_EXAMPLE_PATH}/events"},
}
FAILED_EXAMPLE: Final[Mapping[str, Any]] = {
    **ACCEPTED_EXAMPLE,
    "status": "failed",
    "completed_at": "2026-07-01T09:04:31.000Z",
    "error": {"reason": 'Received client error (400) from primary with message "not an image"', "status": 400},
}
UPLOAD_EXAMPLE: Final[Mapping[str, Any]] = {
    "id": "4vgkz2xw7cfsd5qxqkmzlpbz3a",
    "input_url": "upload:4vgkz2xw7cfsd5qxqkmzlpbz3a",
    "method": "PUT",
    "url": "https://bucket.s3.eu-west-1.amazonaws.com/input/api/key/4vgkz2xw7cfsd5qxqkmzlpbz3a?X-Amz-Signature=...",
    "headers": {"Content-Type": "video/mp4", "Content-Length": "52428800", "If-None-Match": "*"},
    "expires_at": "2026-07-01T09:15:00.000Z",
}
WEBHOOK_SECRET_EXAMPLE: Final[Mapping[str, Any]] = {
    "key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "created_at": "2026-07-01T09:00:00.000Z",
    "previous_key": None,
    "previous_until": None,
}
PLOT_EXAMPLE: Final[Mapping[str, Any]] = {
    "name": "costs.svg",
    "title": "Cost by component",
    "description": "the minimum: 88.14 US dollars a month (instances 83.95, encryption 1.00, monitoring 3.19).",
    "url": "/v1/capacity-plots/costs.svg",
}
PAGE_EXAMPLE: Final[Mapping[str, Any]] = {
    "predictions": [
        {
            "id": _EXAMPLE_ID,
            "endpoint": "recommender",
            "created_at": "2026-07-01T09:00:00.000Z",
            "webhook": True,
            "urls": {"self": _EXAMPLE_PATH, "events": f"{_EXAMPLE_PATH}/events"},
        }
    ],
    "next_cursor": "ODIxNzA5MDM5OTk5OXcub3JkZXItNw",
}
ENDPOINT_EXAMPLE: Final[Mapping[str, Any]] = {
    "name": "recommender",
    "limits": {"deadline_seconds": 26_100, "invocation_seconds": 900},
    "read_only": False,
    "urls": {"self": "/v1/endpoints/recommender", "predictions": "/v1/endpoints/recommender/predictions"},
}
STATUS_EXAMPLE: Final[Mapping[str, Any]] = {
    **ENDPOINT_EXAMPLE,
    "status": "InService",
    "instances": {"current": 0, "desired": 1, "min": 0, "max": 2},
    "backlog": {"size": 3, "oldest_request_seconds": 41.0, "measured_at": "2026-07-01T09:03:00.000Z"},
}


def _string(**more: Any) -> dict[str, Any]:
    return {"type": "string", **more}


def _object(properties: Mapping[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The schema of an object that has exactly these properties."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}


def _nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [dict(schema), {"type": "null"}]}


def reference(name: str) -> dict[str, str]:
    """A reference to a schema of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


_TIME: Final = _string(format="date-time")
_PATH: Final = _string(description="A path of this API.")
_ID: Final = _string(pattern=ID_PATTERN, minLength=1, maxLength=ID_CHARS)
_EVENTS: Final = {
    "type": "array",
    "items": _string(enum=["succeeded", "failed", "expired"]),
    "minItems": 1,
    "uniqueItems": True,
}
_COUNT: Final = {"type": "integer", "minimum": 0}
_ENDPOINT: Final = {
    "name": _string(),
    "limits": _object({"deadline_seconds": _COUNT, "invocation_seconds": _COUNT}),
    "read_only": {"type": "boolean"},
    "urls": _object({"self": _PATH, "predictions": _PATH}),
}

SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Problem": {
        "type": "object",
        "description": "RFC 9457; further members depend on the type.",
        "properties": {
            "type": _string(format="uri", enum=[problems.TYPE_PREFIX + slug for slug in problems.KINDS]),
            "title": _string(),
            "status": {"type": "integer"},
            "detail": _string(),
            "instance": _string(),
            "request_id": _string(),
        },
        "required": ["type", "title", "status", "detail", "instance", "request_id"],
    },
    "Prediction": _object(
        {
            "id": _ID,
            "endpoint": _string(),
            "status": _string(enum=["accepted", "succeeded", "failed", "expired"]),
            "created_at": _TIME,
            "completed_at": _nullable(_TIME),
            "deadline": _TIME,
            "input": _object({"content_type": _string(), "bytes": _nullable(_COUNT), "url": _nullable(_string())}),
            "error": _nullable(_object({"reason": _string(), "status": _nullable({"type": "integer"})})),
            "webhook": _nullable(_object({"url": _string(format="uri"), "events": _EVENTS})),
            "urls": _object({"self": _PATH, "output": _nullable(_PATH), "events": _PATH}),
            "output": {"description": "After Prefer: wait, the output if it is JSON or text of up to 1 MiB, else null."},
        },
        optional=("output",),
    ),
    "UploadRequest": _object({"content_type": _string(), "bytes": {"type": "integer", "minimum": 1, "maximum": UPLOAD_BYTES}}),
    "Upload": _object(
        {
            "id": _string(),
            "input_url": _string(description="What a prediction names as its input_url."),
            "method": _string(enum=["PUT"]),
            "url": _string(format="uri", description="Where the file goes, with exactly these headers."),
            "headers": _object({"Content-Type": _string(), "Content-Length": _string(), "If-None-Match": _string(enum=["*"])}),
            "expires_at": _TIME,
        }
    ),
    "WebhookSecret": _object(
        {
            "key": _string(),
            "created_at": _TIME,
            "previous_key": _nullable(_string(description="While a rotation is under way.")),
            "previous_until": _nullable(_TIME),
        }
    ),
    "PredictionPage": _object(
        {
            "predictions": {
                "type": "array",
                "items": _object(
                    {
                        "id": _ID,
                        "endpoint": _string(),
                        "created_at": _TIME,
                        "webhook": {"type": "boolean"},
                        "urls": _object({"self": _PATH, "events": _PATH}),
                    }
                ),
            },
            "next_cursor": _nullable(_string()),
        }
    ),
    "Endpoint": _object(_ENDPOINT),
    "CapacityPlotList": _object(
        {
            "plots": {
                "type": "array",
                "items": _object({"name": _string(), "title": _string(), "description": _string(), "url": _PATH}),
            }
        }
    ),
    "EndpointList": _object({"endpoints": {"type": "array", "items": reference("Endpoint")}}),
    "EndpointStatus": _object(
        {
            **_ENDPOINT,
            "status": _string(description="SageMaker's EndpointStatus, or Missing."),
            "instances": _object(dict.fromkeys(("current", "desired", "min", "max"), _COUNT)),
            "backlog": _object(
                {
                    "size": _nullable(_COUNT),
                    "oldest_request_seconds": _nullable({"type": "number"}),
                    "measured_at": _nullable(_TIME),
                }
            ),
        }
    ),
    "Envelope": {
        "type": "object",
        "properties": {
            "input": {"description": "Any JSON value: the body that the model receives."},
            "input_url": _string(description="An upload, upload:ID, or an S3 URI below a configured prefix."),
            "content_type": _string(default="application/json"),
            "webhook": _nullable(_object({"url": _string(format="uri"), "events": _EVENTS}, optional=("events",))),
        },
        "additionalProperties": False,
        "oneOf": [{"required": ["input"]}, {"required": ["input_url"]}],
    },
}


def json_response(description: str, schema: str, examples: Mapping[str, Any], headers: tuple[str, ...] = ()) -> dict[str, Any]:
    """A response of a route: JSON of a schema, with examples by their names; `headers` of HEADERS."""
    named = {name: {"value": value} for name, value in examples.items()}
    response: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": reference(schema), "examples": named}},
    }
    if headers:
        response["headers"] = {name: HEADERS[name] for name in headers}
    return response


HEADERS: Final[Mapping[str, Any]] = {
    "Location": {"description": "The path of the prediction.", "schema": _string(format="uri-reference")},
    "ETag": {"description": "The version of the output.", "schema": _string()},
    "Content-Range": {"description": "Which bytes these are, of how many.", "schema": _string()},
    "Content-Disposition": {"description": "A download, unless inline was asked for.", "schema": _string()},
    "Preference-Applied": {"description": "The wait that was applied.", "schema": _string()},
    "Retry-After": {"description": "Seconds after which to ask again.", "schema": {"type": "integer"}},
}


def problem_responses(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """The responses of a route for these problems, by status."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for slug in dict.fromkeys(slugs):
        status, title = problems.KINDS[slug]
        example = {
            "type": problems.TYPE_PREFIX + slug,
            "title": title,
            "status": status,
            "detail": f"{title}: one sentence says what, and what to do.",
            "instance": _EXAMPLE_PATH,
            "request_id": "8f14e45fceea167a",
        }
        response = by_status.setdefault(
            status,
            {"description": title, "content": {problems.MEDIA_TYPE: {"schema": reference("Problem"), "examples": {}}}},
        )
        response["content"][problems.MEDIA_TYPE]["examples"][slug] = {"value": example}
        if slug not in response["description"].lower() and title not in response["description"]:
            response["description"] += f"; or: {title}"
    return by_status


def _header(name: str, description: str, schema: Mapping[str, Any], example: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": dict(schema),
        "example": example,
    }


PREFER: Final = _header(
    "Prefer",
    "wait=N: respond once the prediction has ended, after N seconds at most, up to 25 (RFC 7240).",
    _string(),
    "wait=20",
)
SUBMISSION: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": f"The input of the model, up to {BODY_BYTES:,} bytes, of any content type; or an envelope.",
        "content": {
            "application/octet-stream": {"schema": _string(format="binary")},
            "application/json": {"schema": {}, "example": {"items": [1, 2]}},
            ENVELOPE_TYPE: {
                "schema": reference("Envelope"),
                "example": {"input": {"items": [1, 2]}, "webhook": {"url": "https://shop.example/hooks"}},
            },
        },
    },
    "parameters": [
        PREFER,
        _header(
            "Webhook-Url",
            "Where the end of the prediction is announced. In an envelope it is webhook.url.",
            _string(format="uri"),
            "https://shop.example/hooks",
        ),
        _header("Webhook-Events", "Which events, comma-separated; all by default.", _string(), "succeeded,failed"),
    ],
}
IDEMPOTENCY_KEY: Final = _header("Idempotency-Key", "The id of the prediction; random without it.", _ID, _EXAMPLE_ID)


def describe(application: FastAPI) -> dict[str, Any]:
    """The document of an application; made once."""
    if application.openapi_schema is None:
        document = get_openapi(
            title="async-endpoint",
            version=application.version,
            description=DESCRIPTION,
            routes=application.routes,
        )
        for operations in document["paths"].values():
            for operation in operations.values():
                # FastAPI's own answer to a wrong parameter, which here is the problem invalid-request
                validation = operation["responses"].get("422", {})
                if "HTTPValidationError" in str(validation):
                    del operation["responses"]["422"]
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schemas |= SCHEMAS
        application.openapi_schema = document
    return application.openapi_schema

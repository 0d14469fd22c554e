"""Uploads: a presigned URL for an input that is too large for a request; the prediction then names it as `upload:<id>`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from async_endpoint.http_api.access.authentication import Caller
from async_endpoint.http_api.access.inputs import UPLOAD, new_upload
from async_endpoint.http_api.access.presigned import UPLOAD_SECONDS, upload_request
from async_endpoint.http_api.negotiation import require_json
from async_endpoint.http_api.openapi import OF_JSON, UPLOAD_EXAMPLE, json_response, problem_responses, reference
from async_endpoint.http_api.predictions.requests import checked_media_type
from async_endpoint.http_api.predictions.status import timestamp
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.request_body import read_body
from async_endpoint.http_api.served_endpoint import Served, ServedEndpoint, Services
from async_endpoint.http_api.settings import UPLOAD_BYTES

REQUEST_BYTES: Final = 16_384
_MEMBERS: Final = frozenset({"content_type", "bytes"})

router = APIRouter(tags=["uploads"], default_response_class=JSONResponse)


@router.post(
    "/endpoints/{name}/uploads",
    status_code=201,
    responses={
        201: json_response("Where to put the file.", "Upload", {"upload": UPLOAD_EXAMPLE}),
        **problem_responses(*OF_JSON, "read-only", "request-timeout", "body-too-large", "unsupported-media-type"),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": reference("UploadRequest"),
                    "example": {"content_type": "video/mp4", "bytes": 52_428_800},
                }
            },
        }
    },
)
async def create_upload(request: Request, caller: Caller, endpoint: Served) -> Response:
    """A URL that takes one file by PUT."""
    require_json(request)
    if endpoint.api.read_only:
        raise Problem("read-only", "This API takes no uploads: it was started with --read-only.")
    content_type, size = _parse(request.headers.get("content-type"), await read_body(request, REQUEST_BYTES))
    services: Services = request.app.state.services
    return JSONResponse(await services.run(_create, endpoint, caller, content_type, size), 201)


def _create(endpoint: ServedEndpoint, caller: str, content_type: str, size: int) -> dict[str, Any]:
    """Computed here, without a call of AWS."""
    upload_id, target = new_upload(endpoint, caller)
    url, headers = upload_request(endpoint.session, target, content_type, size)
    expires = datetime.fromtimestamp(endpoint.clock.now() + UPLOAD_SECONDS, UTC)
    return {
        "id": upload_id,
        "input_url": UPLOAD + upload_id,
        "method": "PUT",
        "url": url,
        "headers": headers,
        "expires_at": timestamp(expires),
    }


def _parse(content_type: str | None, body: bytes) -> tuple[str, int]:
    """Content type and size of the file; raises a Problem."""
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise Problem("unsupported-media-type", "Describe the file as application/json, with content_type and bytes.")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.keys() - _MEMBERS:
        raise Problem("invalid-request", "The body is not a JSON object with content_type and bytes; send these two alone.")
    kind, size = document.get("content_type"), document.get("bytes")
    if not isinstance(kind, str):
        raise Problem("invalid-request", "content_type is missing or no string; name the media type of the file.")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= UPLOAD_BYTES:
        raise Problem("invalid-request", f"bytes is not the size of the file; send a whole number from 1 to {UPLOAD_BYTES:,}.")
    return checked_media_type(kind), size

"""Webhooks: the secret that a caller verifies signatures with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from async_endpoint.http_api.access.authentication import Caller
from async_endpoint.http_api.negotiation import require_json
from async_endpoint.http_api.openapi import OF_JSON, WEBHOOK_SECRET_EXAMPLE, json_response, problem_responses
from async_endpoint.http_api.predictions.status import timestamp
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.served_endpoint import Served, ServedEndpoint, Services
from async_endpoint.http_api.webhooks.deliverer import secrets_of

router = APIRouter(tags=["webhooks"], default_response_class=JSONResponse)


@router.get(
    "/endpoints/{name}/webhook-secret",
    responses={
        200: json_response("The secret.", "WebhookSecret", {"secret": WEBHOOK_SECRET_EXAMPLE}),
        **problem_responses(*OF_JSON, "read-only"),
    },
)
async def get_webhook_secret(request: Request, caller: Caller, endpoint: Served) -> Response:
    """The secret that signs the caller's webhooks of this endpoint; made when it is first asked for."""
    require_json(request)
    if endpoint.api.read_only:
        raise Problem("read-only", "A read-only API shows no signing secrets.")
    services: Services = request.app.state.services
    return JSONResponse(await services.run(_described, endpoint, caller))


def _described(endpoint: ServedEndpoint, caller: str) -> dict[str, Any]:
    found = secrets_of(endpoint).get(caller)
    rotating = len(found.valid(endpoint.clock.now())) > 1
    return {
        "key": found.current,
        "created_at": _time(found.created_at),
        "previous_key": found.previous if rotating else None,
        "previous_until": _time(found.previous_until) if rotating else None,
    }


def _time(seconds: float) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))

"""Endpoints: what there is, and whether it is awake."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from async_endpoint.http_api.access.authentication import Caller, reachable_endpoints
from async_endpoint.http_api.negotiation import require_json
from async_endpoint.http_api.openapi import COMMON, ENDPOINT_EXAMPLE, OF_JSON, STATUS_EXAMPLE, json_response, problem_responses
from async_endpoint.http_api.predictions.status import timestamp
from async_endpoint.http_api.served_endpoint import Served, ServedEndpoint, Services

router = APIRouter(tags=["endpoints"], default_response_class=JSONResponse)


@router.get(
    "/endpoints",
    responses={
        200: json_response("The endpoints.", "EndpointList", {"endpoints": {"endpoints": [ENDPOINT_EXAMPLE]}}),
        **problem_responses(*COMMON, "not-acceptable"),
    },
)
async def list_endpoints(request: Request) -> Response:
    """The endpoints that the caller may use."""
    names = await reachable_endpoints(request)
    require_json(request)
    return JSONResponse({"endpoints": [_described(request.app.state.endpoints[name]) for name in names]})


@router.get(
    "/endpoints/{name}",
    responses={
        200: json_response("The endpoint.", "EndpointStatus", {"asleep": STATUS_EXAMPLE}),
        **problem_responses(*OF_JSON),
    },
)
async def get_endpoint(request: Request, caller: Caller, endpoint: Served) -> Response:
    """An endpoint, its instances and its backlog."""
    require_json(request)
    services: Services = request.app.state.services
    return JSONResponse(_described(endpoint) | await services.run(_status, endpoint))


def _described(endpoint: ServedEndpoint) -> dict[str, Any]:
    path, bounds = f"/v1/endpoints/{endpoint.name}", endpoint.settings.info.limits
    return {
        "name": endpoint.name,
        "limits": {
            "deadline_seconds": endpoint.settings.info.deadline_seconds,
            "invocation_seconds": bounds.invocation_timeout_seconds,
        },
        "read_only": endpoint.api.read_only,
        "urls": {"self": path, "predictions": f"{path}/predictions"},
    }


def _status(endpoint: ServedEndpoint) -> dict[str, Any]:
    instances, backlog = endpoint.status.instances(), endpoint.status.backlog()
    bounds = endpoint.settings.outputs.scaling
    # a local AWS measures in its own time, which runs ahead of every other time of this API
    measured_at = backlog.measured_at if endpoint.api.endpoint_url is None else None
    return {
        "status": instances.status,
        "instances": {
            "current": instances.current,
            "desired": instances.desired,
            "min": bounds.min_instances,
            "max": bounds.max_instances,
        },
        "backlog": {
            "size": backlog.size,
            "oldest_request_seconds": backlog.oldest_seconds,
            "measured_at": timestamp(measured_at) if measured_at else None,
        },
    }

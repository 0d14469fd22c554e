"""Charts of capacity and cost, those that the process was started with."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, Response

from async_endpoint.http_api.access.authentication import reachable_endpoints
from async_endpoint.http_api.capacity_plots import PLOT_NAME
from async_endpoint.http_api.negotiation import require_json
from async_endpoint.http_api.openapi import COMMON, OF_ENDPOINT, PLOT_EXAMPLE, json_response, problem_responses
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.settings import ApiSettings

# Opened by itself, an SVG image is a document of this origin: no script runs in it, and it loads nothing.
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}

router = APIRouter(tags=["capacity"], default_response_class=JSONResponse)


@router.get(
    "/capacity-plots",
    responses={
        200: json_response("The charts.", "CapacityPlotList", {"one": {"plots": [PLOT_EXAMPLE]}, "none": {"plots": []}}),
        **problem_responses(*COMMON, "not-acceptable"),
    },
)
async def list_capacity_plots(request: Request) -> Response:
    """The charts of capacity and cost that the operator shows."""
    await reachable_endpoints(request)
    require_json(request)
    settings: ApiSettings = request.app.state.settings
    return JSONResponse(
        {
            "plots": [
                {
                    "name": one.name,
                    "title": one.title,
                    "description": one.description,
                    "url": f"/v1/capacity-plots/{one.name}",
                }
                for one in settings.capacity_plots
            ]
        }
    )


@router.get(
    "/capacity-plots/{plot}",
    responses={
        200: {"description": "The image.", "content": {"image/svg+xml": {"schema": {"type": "string"}}}},
        **problem_responses(*OF_ENDPOINT),
    },
)
async def get_capacity_plot(request: Request, plot: Annotated[str, Path(pattern=PLOT_NAME)]) -> Response:
    """One of these charts, as an SVG image."""
    await reachable_endpoints(request)
    settings: ApiSettings = request.app.state.settings
    for one in settings.capacity_plots:
        if one.name == plot:
            return Response(one.content, media_type="image/svg+xml", headers=_HEADERS)
    raise Problem("not-found", f"There is no chart named {plot}.")

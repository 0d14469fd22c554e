"""The events of a prediction as server-sent events (HTML standard, section 9.2): its state now, and its end.

Where responses cannot be streamed, as from Lambda, a response has the state now and asks to come again.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from async_endpoint.client.models import Submitted
from async_endpoint.http_api.access.authentication import Caller
from async_endpoint.http_api.openapi import OF_ENDPOINT, problem_responses
from async_endpoint.http_api.predictions.current import CurrentPrediction, current
from async_endpoint.http_api.predictions.records import Claim
from async_endpoint.http_api.predictions.status import Status
from async_endpoint.http_api.routes.predictions import PredictionId, find_prediction
from async_endpoint.http_api.routes.waiting import watched
from async_endpoint.http_api.served_endpoint import Served, ServedEndpoint, Services

MEDIA_TYPE: Final = "text/event-stream"
HEARTBEAT_SECONDS: Final = 15.0  # proxies close connections that are silent for a minute, as load balancers of AWS do
RETRY_MILLISECONDS: Final = 3_000
_UNBUFFERED: Final = {"X-Accel-Buffering": "no"}  # nginx buffers responses otherwise (ngx_http_proxy_module, proxy_buffering)
_TERMINAL: Final = frozenset(status.value for status in Status if status is not Status.ACCEPTED)

router = APIRouter(tags=["predictions"], default_response_class=Response)


@router.get(
    "/endpoints/{name}/predictions/{id}/events",
    responses={
        200: {
            "description": "Events named by the status, whose data is the prediction; the last one is terminal.",
            "content": {MEDIA_TYPE: {"example": "id: accepted\nevent: accepted\ndata: {...}\n\n"}},
        },
        204: {"description": "The prediction has ended, and Last-Event-ID says that the client knows."},
        **problem_responses(*OF_ENDPOINT),
    },
)
async def get_events(request: Request, caller: Caller, endpoint: Served, id: PredictionId) -> Response:  # noqa: A002
    """The state of a prediction, and its end when it comes."""
    services: Services = request.app.state.services
    claim, submitted = await services.run(find_prediction, endpoint, caller, id)
    found = await services.run(current, endpoint, claim, submitted)
    seen, ended = request.headers.get("last-event-id"), found.outcome.terminal
    if seen in _TERMINAL and ended:
        return Response(status_code=204)  # the one answer after which an EventSource does not connect again
    first = _opening() + (b"" if seen == found.outcome.status else _event(found))
    if ended or not endpoint.api.streaming or request.scope.get("head"):
        return Response(first, media_type=MEDIA_TYPE)
    return StreamingResponse(_stream(request, endpoint, claim, submitted, first), media_type=MEDIA_TYPE, headers=_UNBUFFERED)


async def _stream(
    request: Request, endpoint: ServedEndpoint, claim: Claim, submitted: Submitted, first: bytes
) -> AsyncIterator[bytes]:
    """Ends with the prediction, at its expiry at the latest; the server cancels it when the client has gone."""
    async with watched(request, endpoint, claim, submitted) as watch:
        yield first
        while (found := await watch.ended(HEARTBEAT_SECONDS)) is None:
            yield b": waiting\n\n"
    yield _event(found)


def _opening() -> bytes:
    return f"retry: {RETRY_MILLISECONDS}\n\n".encode()


def _event(found: CurrentPrediction) -> bytes:
    """An event named by the status, which is its id too; its data is the prediction object on one line."""
    status = found.outcome.status.value
    return f"id: {status}\nevent: {status}\ndata: {json.dumps(found.document, separators=(',', ':'))}\n\n".encode()

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
from async_endpoint.http_api.predictions.records import Claim
from async_endpoint.http_api.predictions.status import Outcome, Status, prediction_object, resolve
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
    outcome = await services.run(resolve, endpoint, submitted)
    seen = request.headers.get("last-event-id")
    if seen in _TERMINAL and outcome.terminal:
        return Response(status_code=204)  # the one answer after which an EventSource does not connect again
    first = _opening() + (b"" if seen == outcome.status else _event(endpoint, claim, submitted, outcome))
    if outcome.terminal or not endpoint.api.streaming or request.scope.get("head"):
        return Response(first, media_type=MEDIA_TYPE)
    return StreamingResponse(_stream(request, endpoint, claim, submitted, first), media_type=MEDIA_TYPE, headers=_UNBUFFERED)


async def _stream(
    request: Request, endpoint: ServedEndpoint, claim: Claim, submitted: Submitted, first: bytes
) -> AsyncIterator[bytes]:
    """Ends with the prediction, at its deadline at the latest; the server cancels it when the client has gone."""
    async with watched(request, endpoint, claim, submitted) as watch:
        yield first
        while (outcome := await watch.ended(HEARTBEAT_SECONDS)) is None:
            yield b": waiting\n\n"
    yield _event(endpoint, claim, submitted, outcome)


def _opening() -> bytes:
    return f"retry: {RETRY_MILLISECONDS}\n\n".encode()


def _event(endpoint: ServedEndpoint, claim: Claim, submitted: Submitted, outcome: Outcome) -> bytes:
    """An event named by the status, which is its id too; its data is the prediction object on one line."""
    data = json.dumps(prediction_object(endpoint, claim, submitted, outcome), separators=(",", ":"))
    return f"id: {outcome.status.value}\nevent: {outcome.status.value}\ndata: {data}\n\n".encode()

"""Predictions: submit, look at one, list."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from async_endpoint.client.models import Submitted, guess_content_type
from async_endpoint.http_api.access.authentication import Caller
from async_endpoint.http_api.access.backlog import check_backlog
from async_endpoint.http_api.access.inputs import resolve_input
from async_endpoint.http_api.negotiation import require_json
from async_endpoint.http_api.openapi import (
    ACCEPTED_EXAMPLE,
    FAILED_EXAMPLE,
    IDEMPOTENCY_KEY,
    OF_ENDPOINT,
    OF_JSON,
    PAGE_EXAMPLE,
    PREFER,
    SUBMISSION,
    SUCCEEDED_EXAMPLE,
    json_response,
    problem_responses,
)
from async_endpoint.http_api.predictions import listing
from async_endpoint.http_api.predictions.current import CurrentPrediction, current
from async_endpoint.http_api.predictions.identity import ID_CHARS, ID_PATTERN, checked_id, new_id, prediction_key
from async_endpoint.http_api.predictions.records import Claim, Webhook
from async_endpoint.http_api.predictions.requests import PredictionRequest, idempotency_key, parse_request
from async_endpoint.http_api.predictions.status import ACCEPTED, prediction_object, prediction_path
from async_endpoint.http_api.predictions.submission import Submission, submit
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.request_body import read_body
from async_endpoint.http_api.routes.waiting import applied, preferred_wait, wait_until_ended, with_output
from async_endpoint.http_api.served_endpoint import Served, ServedEndpoint, Services
from async_endpoint.http_api.webhooks.validation import checked_webhook, ordered_events

RETRY_SECONDS: Final = 2  # between two looks at a prediction

_ACCEPTED: Final = json_response(
    "The endpoint has accepted the prediction.",
    "Prediction",
    {"accepted": ACCEPTED_EXAMPLE},
    headers=("Location", "Retry-After", "Preference-Applied"),
)
_ENDED: Final = json_response(
    "The prediction has ended.",
    "Prediction",
    {"succeeded": SUCCEEDED_EXAMPLE, "failed": FAILED_EXAMPLE},
    headers=("Preference-Applied",),
)
_OF_SUBMISSION: Final = (
    *OF_ENDPOINT,
    "read-only",
    "request-timeout",
    "conflict",
    "request-in-progress",
    "body-too-large",
    "unsupported-media-type",
    "backlog-too-large",
    "endpoint-not-ready",
)

router = APIRouter(tags=["predictions"], default_response_class=JSONResponse)

PredictionId = Annotated[
    str,
    Path(
        description="The id of a prediction of this caller.",
        json_schema_extra={"pattern": ID_PATTERN, "minLength": 1, "maxLength": ID_CHARS},
        examples=["order-7"],
    ),
]


@router.post(
    "/endpoints/{name}/predictions",
    status_code=202,
    responses={202: _ACCEPTED, 200: _ENDED, **problem_responses(*_OF_SUBMISSION)},
    openapi_extra={**SUBMISSION, "parameters": [*SUBMISSION["parameters"], IDEMPOTENCY_KEY]},
)
async def create_prediction(request: Request, caller: Caller, endpoint: Served) -> Response:
    """Submit a prediction, under the id in Idempotency-Key or a random one."""
    return await _submitted(request, caller, endpoint, idempotency_key(request.headers))


@router.put(
    "/endpoints/{name}/predictions/{id}",
    status_code=202,
    responses={202: _ACCEPTED, 200: _ENDED, **problem_responses(*_OF_SUBMISSION)},
    openapi_extra=SUBMISSION,
)
async def put_prediction(request: Request, caller: Caller, endpoint: Served, id: PredictionId) -> Response:  # noqa: A002
    """Submit a prediction under an id of the caller's."""
    prediction_id = checked_id(id, "The id")
    if (key := idempotency_key(request.headers)) not in (None, prediction_id):
        raise Problem("invalid-request", f"Idempotency-Key is {key!r} and the path names {id!r}; leave out the header.")
    return await _submitted(request, caller, endpoint, prediction_id)


@router.get(
    "/endpoints/{name}/predictions/{id}",
    responses={
        200: json_response(
            "The prediction.",
            "Prediction",
            {"accepted": ACCEPTED_EXAMPLE, "succeeded": SUCCEEDED_EXAMPLE, "failed": FAILED_EXAMPLE},
            headers=("Retry-After", "Preference-Applied"),
        ),
        **problem_responses(*OF_JSON),
    },
    openapi_extra={"parameters": [PREFER]},
)
async def get_prediction(request: Request, caller: Caller, endpoint: Served, id: PredictionId) -> Response:  # noqa: A002
    """A prediction and its status."""
    require_json(request)
    services: Services = request.app.state.services
    claim, submitted = await services.run(find_prediction, endpoint, caller, id)
    found = await services.run(current, endpoint, claim, submitted)
    return await _response(request, endpoint, claim, submitted, found, 200)


@router.get(
    "/endpoints/{name}/predictions",
    responses={
        200: json_response("A page of predictions.", "PredictionPage", {"page": PAGE_EXAMPLE}),
        **problem_responses(*OF_JSON),
    },
)
async def list_predictions(
    request: Request,
    caller: Caller,
    endpoint: Served,
    limit: Annotated[int, Query(ge=1, le=listing.MOST)] = listing.DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=listing.CURSOR_CHARS)] = None,
) -> Response:
    """The caller's predictions, newest first."""
    require_json(request)
    services: Services = request.app.state.services
    return JSONResponse(await services.run(listing.page, endpoint, caller, limit, cursor))


def find_prediction(endpoint: ServedEndpoint, caller: str, prediction_id: str) -> tuple[Claim, Submitted]:
    """The record and the acceptance of a caller's prediction; raises the problem `not-found`."""
    key = prediction_key(caller, endpoint.settings.info.name, checked_id(prediction_id, "The id"))
    claim = endpoint.records.read(key)
    submitted = None if claim is None else endpoint.records.submitted(claim)
    if claim is None or submitted is None:
        raise Problem("not-found", f"There is no prediction {prediction_id!r} of endpoint {endpoint.name}.")
    return claim, submitted


async def _submitted(request: Request, caller: str, endpoint: ServedEndpoint, prediction_id: str | None) -> Response:
    if endpoint.api.read_only:
        raise Problem("read-only", "This API does not accept predictions: it was started with --read-only.")
    services: Services = request.app.state.services
    body = await read_body(request)
    asked = await services.run(_prepared, endpoint, caller, prediction_id or new_id(), request.headers, body)
    accepted = await submit(endpoint, services, caller, asked, request.scope["request_id"])
    claim = accepted.claim
    if accepted.repeated:
        found = await services.run(current, endpoint, claim, accepted.submitted)
    else:
        found = CurrentPrediction(ACCEPTED, prediction_object(endpoint, claim, accepted.submitted, ACCEPTED))
    return await _response(request, endpoint, claim, accepted.submitted, found, 202)


def _prepared(endpoint: ServedEndpoint, caller: str, prediction_id: str, headers: Headers, body: bytes) -> Submission:
    """What a request asks for, checked before anything is written, with its digest: both take a while for 4 MiB.

    A repetition is answered whatever the checks say by now: its upload may be gone, the backlog may have grown.
    """
    parsed = parse_request(headers, body)
    try:
        asked = _checked(endpoint, caller, prediction_id, parsed)
    except Problem as refusal:
        asked = _stated(prediction_id, parsed)
        claim = endpoint.records.read(prediction_key(caller, endpoint.settings.info.name, prediction_id))
        if claim is None or endpoint.records.submitted(claim) is None:
            raise
        if claim.sha256 != asked.sha256 and refusal.slug == "invalid-request":
            raise
    _ = asked.sha256
    return asked


def _stated(prediction_id: str, parsed: PredictionRequest) -> Submission:
    """The request as its caller states it; the location of an input by reference is empty."""
    hook = None if parsed.webhook_url is None else Webhook(parsed.webhook_url, ordered_events(parsed.webhook_events))
    kind, location = parsed.content_type, None if parsed.input_url is None else ""
    return Submission(prediction_id, parsed.body, kind, parsed.accept, parsed.input_url, location, webhook=hook)


def _checked(endpoint: ServedEndpoint, caller: str, prediction_id: str, parsed: PredictionRequest) -> Submission:
    """The request with its input resolved; raises what makes it unacceptable."""
    if parsed.webhook_url is not None:
        checked_webhook(parsed.webhook_url, parsed.webhook_events, endpoint.api)
    elif parsed.webhook_events is not None:
        raise Problem("invalid-request", "Webhook-Events without Webhook-Url; name the address, or leave out the events.")
    check_backlog(endpoint)
    asked = _stated(prediction_id, parsed)
    if parsed.input_url is None:
        return asked
    found = resolve_input(endpoint, caller, parsed.input_url)
    kind = parsed.content_type or found.content_type or guess_content_type(found.uri)
    return replace(asked, input_location=found.uri, input_type=kind, input_bytes=found.bytes)


async def _response(
    request: Request,
    endpoint: ServedEndpoint,
    claim: Claim,
    submitted: Submitted,
    found: CurrentPrediction,
    pending_status: int,
) -> Response:
    """200 for a prediction that has ended, else `pending_status`; the time that the caller prefers to wait is waited first."""
    services: Services = request.app.state.services
    seconds = preferred_wait(request)
    if seconds and not found.outcome.terminal:
        found = await wait_until_ended(request, endpoint, claim, submitted, seconds) or found
    headers = applied(seconds)
    if found.outcome.terminal:
        document = await services.run(with_output, endpoint, found.document, submitted) if seconds else found.document
        return JSONResponse(document, 200, headers)
    headers["Retry-After"] = str(RETRY_SECONDS)
    if pending_status == 202:
        headers["Location"] = prediction_path(endpoint.name, claim.id)
    return JSONResponse(found.document, pending_status, headers)

"""The output of a prediction: its bytes up to 4 MiB, also by ranges, or a redirect to a presigned URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from botocore.exceptions import ClientError
from fastapi import APIRouter, Query, Request, Response

from async_endpoint.aws import error_code, translate_errors
from async_endpoint.client.models import Submitted
from async_endpoint.core.failure_reasons import first_line
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.access import content, ranges
from async_endpoint.http_api.access.authentication import Caller
from async_endpoint.http_api.access.presigned import download_url
from async_endpoint.http_api.openapi import HEADERS, OF_ENDPOINT, problem_responses
from async_endpoint.http_api.predictions.current import current
from async_endpoint.http_api.predictions.records import Claim
from async_endpoint.http_api.predictions.status import Status, is_stale, resolve
from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.routes.predictions import PredictionId, find_prediction
from async_endpoint.http_api.served_endpoint import Served, ServedEndpoint, Services

INLINE_BYTES: Final = 4_194_304  # of a response; base64 of it fits into Lambda's 6 MB (Lambda quotas, "Invocation payload")
RETRY_SECONDS: Final = 2
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound", "PreconditionFailed", "412"})

_BYTES: Final[dict[str, Any]] = {"*/*": {}}  # as OpenAPI 3.1 says "any bytes": a schema would hold for JSON too
_OF_BYTES: Final = {name: HEADERS[name] for name in ("ETag", "Content-Disposition")}

router = APIRouter(tags=["predictions"], default_response_class=Response)


@router.get(
    "/endpoints/{name}/predictions/{id}/output",
    responses={
        200: {"description": "The output.", "content": _BYTES, "headers": _OF_BYTES},
        206: {
            "description": "The bytes of the Range.",
            "content": _BYTES,
            "headers": {**_OF_BYTES, "Content-Range": HEADERS["Content-Range"]},
        },
        304: {"description": "The output is the one of If-None-Match."},
        307: {
            "description": "The output is large: its URL, valid for 5 minutes.",
            "headers": {"Location": HEADERS["Location"]},
        },
        **problem_responses(*OF_ENDPOINT, "output-not-ready", "no-output", "range-not-satisfiable"),
    },
)
async def get_output(
    request: Request,
    caller: Caller,
    endpoint: Served,
    id: PredictionId,  # noqa: A002
    disposition: Annotated[Literal["attachment", "inline"], Query()] = "attachment",
) -> Response:
    """The output of a prediction as the model wrote it."""
    services: Services = request.app.state.services
    claim, submitted = await services.run(find_prediction, endpoint, caller, id)
    inline = disposition == "inline"
    return await services.run(_respond, endpoint, claim, submitted, request, inline=inline)


def _respond(endpoint: ServedEndpoint, claim: Claim, submitted: Submitted, request: Request, *, inline: bool) -> Response:
    """One call of S3; two for a range. Raises a Problem, and what `translate_errors` raises."""
    stored, headers, head = _StoredOutput(endpoint, submitted), request.headers, request.scope.get("head", False)
    found = stored.head() if head or "range" in headers else stored.get()
    if found is None or is_stale(found["LastModified"], submitted):
        _close(found or {})
        raise _missing(endpoint, claim, submitted)
    etag, size = found["ETag"], found["ContentLength"]
    kind = content.safe_content_type(found.get("ContentType"))
    shown = content.disposition(claim.id, kind, inline=inline)
    answered = {"ETag": etag, "Cache-Control": "private, no-cache", **content.HEADERS}
    if ranges.is_unchanged(etag, headers.get("if-none-match")):
        _close(found)
        return Response(status_code=304, headers=answered)
    answered |= {"Content-Type": kind, "Content-Disposition": shown, "Accept-Ranges": "bytes"}
    if head:
        return Response(headers=answered | {"Content-Length": str(size)})
    try:
        wanted = ranges.wanted_range(headers, etag, size)
    except ValueError:
        raise Problem(
            "range-not-satisfiable",
            f"The output has {size:,} bytes, none of them in the Range; ask for bytes below {size}.",
            headers={"Content-Range": f"bytes */{size}"},
        ) from None
    if (wanted[1] - wanted[0] + 1 if wanted else size) > INLINE_BYTES:
        _close(found)
        url = download_url(endpoint.session, stored.uri, kind, shown)
        return Response(status_code=307, headers={"Location": url, "Cache-Control": "no-store", **content.HEADERS})
    if "Body" not in found:
        found = stored.get(wanted, etag)
        if found is None:
            raise _missing(endpoint, claim, submitted)
    body = stored.read(found)
    if wanted is None:
        return Response(body, headers=answered)
    return Response(body, 206, answered | {"Content-Range": f"bytes {wanted[0]}-{wanted[1]}/{size}"})


class _StoredOutput:
    """The object of an output. Methods raise what `translate_errors` raises."""

    def __init__(self, endpoint: ServedEndpoint, submitted: Submitted) -> None:
        self._session, self._retries = endpoint.session, endpoint.retries
        self.uri = S3Uri.parse(submitted.output_location)
        self._where = {"Bucket": self.uri.bucket, "Key": self.uri.key}

    def head(self) -> dict[str, Any] | None:
        return self._found(lambda: self._session.s3.head_object(**self._where))

    def get(self, wanted: tuple[int, int] | None = None, etag: str | None = None) -> dict[str, Any] | None:
        """The response of GetObject, its `Body` unread; with `wanted` of that range; None if it is no longer `etag`."""
        more = {"Range": f"bytes={wanted[0]}-{wanted[1]}"} if wanted else {}
        more |= {"IfMatch": etag} if etag else {}
        return self._found(lambda: self._session.s3.get_object(**self._where, **more))

    def read(self, found: dict[str, Any]) -> bytes:
        with translate_errors(self._session, "s3:GetObject", str(self.uri)):
            body: bytes = found["Body"].read()
        return body

    def _found(self, call: Callable[[], Any]) -> dict[str, Any] | None:
        def once() -> dict[str, Any] | None:
            try:
                reply: dict[str, Any] = call()
            except ClientError as error:
                if error_code(error) in _MISSING:
                    return None
                raise
            return reply

        with translate_errors(self._session, "s3:GetObject", str(self.uri)):
            return self._retries.call(once)


def _missing(endpoint: ServedEndpoint, claim: Claim, submitted: Submitted) -> Problem:
    """Why there is no output."""
    outcome = current(endpoint, claim, submitted).outcome
    if outcome.status is Status.SUCCEEDED and resolve(endpoint, submitted).status is not Status.SUCCEEDED:
        return Problem("no-output", "The prediction has succeeded, and its output was deleted since.")
    if outcome.status in (Status.FAILED, Status.EXPIRED):
        reason = first_line(outcome.reason or "no reason given")
        return Problem("no-output", f"The prediction has ended without an output ({outcome.status.value}): {reason}")
    return Problem(
        "output-not-ready",
        "The prediction has not ended yet; ask again later, or follow its events.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _close(found: dict[str, Any]) -> None:
    """Leave the body of a response unread."""
    if "Body" in found:
        found["Body"].close()

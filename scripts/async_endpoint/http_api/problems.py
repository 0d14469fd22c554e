"""Problem: an error response as RFC 9457 has it, with a stable type for each kind; errors of the package are mapped to them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from async_endpoint.core.errors import AsyncEndpointError, EndpointNotReady, InvalidInput, NotReady
from async_endpoint.http_api.request_context import current_request_id

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:problem-type:async-endpoint:"
UNAVAILABLE_RETRY_SECONDS: Final = 5

# slug: (HTTP status, title). The type of a problem is TYPE_PREFIX and its slug; docs/http-api.md lists them.
KINDS: Final[Mapping[str, tuple[int, str]]] = {
    "invalid-request": (400, "The request is invalid"),
    "unauthorized": (401, "An API key is needed"),
    "forbidden-origin": (403, "The request comes from a page of another origin"),
    "read-only": (403, "The API is read-only"),
    "not-found": (404, "Not found"),
    "output-not-ready": (404, "There is no output yet"),
    "no-output": (404, "The prediction ended without an output"),
    "method-not-allowed": (405, "The method is not allowed"),
    "not-acceptable": (406, "No acceptable representation"),
    "request-timeout": (408, "The body took too long"),
    "conflict": (409, "The id was used for another request"),
    "request-in-progress": (409, "The same request is in progress"),
    "body-too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The media type is not supported"),
    "range-not-satisfiable": (416, "The range has no byte of the output"),
    "rate-exceeded": (429, "Too many requests"),
    "internal-error": (500, "Internal error"),
    "deployment-error": (502, "The deployment is not set up correctly"),
    "backlog-too-large": (503, "The backlog is too large"),
    "endpoint-not-ready": (503, "The endpoint does not accept requests yet"),
    "unavailable": (503, "Temporarily unavailable"),
}

log = logging.getLogger(__name__)


class Problem(Exception):
    """Ends a request with the problem `slug` of KINDS; `detail` is one sentence for the caller, `members` further members."""

    def __init__(self, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.slug, self.detail = slug, detail
        self.status, self.title = KINDS[slug]
        self.headers, self.members = dict(headers or {}), members

    def response(self, path: str) -> Response:
        """The response; `path` is the request's, as `instance`."""
        document = {
            "type": TYPE_PREFIX + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": path,
            "request_id": current_request_id(),
            **self.members,
        }
        return JSONResponse(document, self.status, self.headers, MEDIA_TYPE)


def as_problem(error: Exception) -> Problem:
    """The problem of any exception. An error that only an operator can correct is logged; the caller gets its request id."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return _of_routing(error)
    if isinstance(error, AsyncEndpointError):
        return _of_the_tree(error)
    log.error("Unexpected error", exc_info=error)
    return Problem("internal-error", f"This is a defect; the operator finds it in the log, request {current_request_id()}.")


def _of_the_tree(error: AsyncEndpointError) -> Problem:
    if isinstance(error, InvalidInput):
        return Problem("invalid-request", str(error))
    if isinstance(error, EndpointNotReady):
        log.warning("%s", error)
        return Problem("endpoint-not-ready", "The endpoint does not accept requests yet; try again.", headers=_retry(30))
    if isinstance(error, NotReady):
        log.warning("%s", error)
        later = _retry(UNAVAILABLE_RETRY_SECONDS)
        return Problem("unavailable", "A service behind this API does not respond; try again.", headers=later)
    log.error("%s", error)
    return Problem("deployment-error", f"The operator finds the cause in the log, request {current_request_id()}.")


class ProblemResponses:
    """ASGI middleware: whatever else is raised becomes a response too, unless one has begun; then the connection is closed."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            if _ambiguous(scope):
                closing = {"Connection": "close"}
                raise Problem(
                    "invalid-request", "A request has Content-Length or Transfer-Encoding, not both.", headers=closing
                )
            await self._application(scope, receive, noted)
        except Exception as error:
            if begun:
                raise
            await as_problem(error).response(scope["path"])(scope, receive, send)


def _ambiguous(scope: Scope) -> bool:
    """Whether proxies may disagree about where a request ends, which hides another one in it (RFC 9112, 6.3)."""
    names = {name for name, _ in scope["headers"]}
    return b"content-length" in names and b"transfer-encoding" in names


async def respond(request: Request, error: Exception) -> Response:
    """The exception handler of the application."""
    problem = as_problem(error)
    if problem.slug == "method-not-allowed":
        assert isinstance(error, HTTPException)
        problem.headers["Allow"] = ", ".join(sorted(_methods(request, error)))
    return problem.response(request.scope["path"])


def _methods(request: Request, error: HTTPException) -> set[str]:
    """The methods of a path, which several routes may have (RFC 9110, 15.5.6); the router names those of the first."""
    methods = {method.strip() for method in (error.headers or {}).get("Allow", "").split(",")}
    for path, operations in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), request.scope["path"]):
            methods |= {method.upper() for method in operations}
    return methods | ({"HEAD"} if "GET" in methods else set())


def _of_routing(error: HTTPException) -> Problem:
    """What the router itself refuses."""
    if error.status_code == 405:
        return Problem("method-not-allowed", "The resource does not have this method.")
    if error.status_code == 404:
        return Problem("not-found", "There is no such resource.")
    return Problem("invalid-request", str(error.detail))


def _retry(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}

"""Request ids and structured logs: each request has an id, in from X-Request-Id, out in the response, and on every log line.

A line never has a header, a query or a body, where keys, secrets and presigned URLs are.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER: Final = "x-request-id"
PATH_CHARS: Final = 300  # of a path in the log
_GIVEN: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_API_KEY: Final = re.compile(r"(aek_[a-z2-7]{16}_)[a-z2-7]+", re.IGNORECASE)
_request_id: ContextVar[str] = ContextVar("request_id", default="-")

log = logging.getLogger("async_endpoint.http_api.requests")


def current_request_id() -> str:
    """The id of the request that this code works for; `-` outside of one."""
    return _request_id.get()


class RequestContext:
    """ASGI middleware, the outermost: gives each request its id and logs one line when it has ended."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        request_id = _chosen(Headers(scope=scope).getlist(HEADER))
        scope["request_id"], started_at, status = request_id, time.perf_counter(), 0
        token = _request_id.set(request_id)

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._application(scope, receive, tagged)
        finally:
            _request_id.reset(token)
            if log.isEnabledFor(logging.INFO):
                log.info("request", extra={"fields": _line(scope, status, time.perf_counter() - started_at)})


def _chosen(given: list[str]) -> str:
    """The caller's id if it is one that an inference id can contain, else a new one."""
    return given[0] if len(given) == 1 and _GIVEN.fullmatch(given[0]) else secrets.token_hex(8)


def _line(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    parameters = scope.get("path_params") or {}
    return {
        "request_id": scope["request_id"],
        "method": scope["method"],
        "path": scope["path"][:PATH_CHARS],
        "endpoint": parameters.get("name"),
        "caller": scope.get("caller"),
        "status": status,
        "ms": round(seconds * 1000, 1),
    }


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON, with the id of its request."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": current_request_id(),
        }
        document |= getattr(record, "fields", {})
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        # a caller may have put its key where an id belongs
        return _API_KEY.sub(r"\1***", json.dumps(document, default=str))


def log_as_json(level: int = logging.INFO) -> None:
    """Write the log of this process to standard error as lines of JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    for name, least in (("async_endpoint", level), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(least)

"""OriginGuard: keeps web pages of other origins away from the API, except those that CORS names.

Without API keys, as on loopback, a request is accepted from anything that reaches the port, so the headers that browsers add
protect it: the checks are the local AWS's (core/browser_requests.py). With keys a page needs one, which it cannot send to
another origin without a preflight; the checks then are a second line of defence, and the host name may be any.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from async_endpoint.core.browser_requests import foreign_page, own_host
from async_endpoint.http_api.problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED_METHODS: Final = "GET, HEAD, POST, PUT"
ALLOWED_HEADERS: Final = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, "
    "Webhook-Events, Webhook-Url, X-Request-Id"
)
EXPOSED_HEADERS: Final = "Content-Range, ETag, Location, Preference-Applied, Retry-After, X-Request-Id"
PREFLIGHT_SECONDS: Final = 600
_PAGE: Final = "/"


class OriginGuard:
    """ASGI middleware that answers preflights and refuses what a page of another origin sends, before anything reads it."""

    def __init__(self, application: ASGIApp, *, keys_required: bool, cors_origins: Collection[str] = ()) -> None:
        """`cors_origins` are origins as browsers send them, or `*` for every one; they count with keys only."""
        self._application, self._keys_required = application, keys_required
        self._granted = frozenset(origin.lower() for origin in cors_origins) if keys_required else frozenset[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = _value(headers, "origin")
        granted = origin is not None and (origin.lower() in self._granted or "*" in self._granted)
        try:
            self._check_host(scope, headers)
            if not granted:
                self._check_page(scope, headers)
        except Problem as problem:
            await problem.response(scope["path"])(scope, receive, send)
            return
        if origin is None or not granted:
            await self._application(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await Response(status_code=204, headers=_preflight(origin))(scope, receive, send)
        else:
            await self._application(scope, receive, _exposing(origin, send))

    def _check_host(self, scope: Scope, headers: Headers) -> None:
        """Raise a Problem unless Host names this process; with keys any name may, since proxies and DNS give it others."""
        hosts = headers.getlist("host")
        if self._keys_required:
            return
        port = str((scope.get("server") or ("", 80))[1])
        if len(hosts) != 1 or not own_host(hosts[0], port):
            raise Problem(
                "forbidden-origin",
                f"Host is {', '.join(hosts)[:100]!r}, which does not name the loopback interface with port {port}; use "
                f"http://127.0.0.1:{port}, or require API keys.",
            )

    def _check_page(self, scope: Scope, headers: Headers) -> None:
        """Raise a Problem for a request that a page of another origin makes a browser send."""
        if _opens_console(scope, headers):
            return
        origin, referer = _value(headers, "origin"), _value(headers, "referer")
        # behind a proxy that ends TLS the scheme is unknown here; without keys nothing is in front
        secure = self._keys_required and (origin or referer or "").lower().startswith("https://")
        own = f"{'https' if secure else 'http'}://{headers.get('host', '')}"
        page = foreign_page(own, origin, _value(headers, "sec-fetch-site"), referer)
        if page is not None:
            raise Problem(
                "forbidden-origin",
                f"The request comes from a web page of another origin ({page[:100]!a}); send it from outside a browser, or let "
                "the operator add the origin to the CORS settings.",
            )


def _value(headers: Headers, name: str) -> str | None:
    """A header's value; all of them where it occurs more than once, which no browser sends and nothing equals."""
    values = headers.getlist(name)
    return ", ".join(values) if values else None


def _opens_console(scope: Scope, headers: Headers) -> bool:
    """Whether a link to the console page is followed, in a tab of its own: the page is static, and the same for everyone."""
    return (
        scope["method"] == "GET"
        and scope["path"] == _PAGE
        and "origin" not in headers
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _preflight(origin: str) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ALLOWED_METHODS,
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


def _exposing(origin: str, send: Send) -> Send:
    """`send`, with the headers that let the page at `origin` read the response; there are no cookies, so no credentials."""

    async def exposing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            headers.add_vary_header("Origin")
        await send(message)

    return exposing

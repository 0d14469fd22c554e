"""Protection from web pages: refuses requests with other host names, origins or referring pages before they are read.

core/browser_requests.py recognises them; SDKs send no header that names a page, so their requests are accepted.

The one exception is S3's own: a presigned request from an origin that the bucket's CORS configuration names. Signatures are
verified elsewhere; a request accepted here has no more rights than one from outside a browser.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

from werkzeug.wrappers import Response

from async_endpoint.core import browser_requests
from async_endpoint.core.browser_requests import own_host
from async_endpoint.emulator import error_responses
from async_endpoint.emulator.wsgi import Application, Environ, StartResponse

_PRESIGNED: Final = ({"X-Amz-Signature", "X-Amz-Credential"}, {"Signature", "AWSAccessKeyId", "Expires"})
_CREDENTIAL_OF_S3 = re.compile(r"[^/]+/[0-9]{8}/[^/]+/s3/aws4_request")
_METHODS: Final = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
_CORS: Final = "async_endpoint.cors"
_VARY: Final = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

# On every response: no content sniffing, and no embedding into pages of other origins.
_SAFE_HEADERS: Final = [("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin")]
# A response opened in a browser runs in an origin of its own, without access to this one. PDF is exempt: it runs no scripts of
# this origin, and browsers do not show it in a sandbox.
_SANDBOX: Final = ("Content-Security-Policy", "sandbox")
_UNSANDBOXED: Final = "application/pdf"


class CorsRule(Protocol):
    """A rule of a bucket's CORS configuration; members as in the S3 API, None if absent."""

    allowed_methods: Sequence[str]
    allowed_origins: Sequence[str]
    allowed_headers: Sequence[str] | None
    exposed_headers: Sequence[str] | None
    max_age_seconds: Any


@dataclass(frozen=True)
class Preflight:
    """A preflight: the method and headers of a request that a browser asks to send."""

    method: str
    headers: tuple[str, ...]


class BrowserGuard:
    """Refuses requests of web pages, and sets the headers that keep responses harmless in browsers.

    `cors_rules` returns the rules, in order, of the bucket that a host name and a path address.
    """

    def __init__(self, application: Application, cors_rules: Callable[[str, str], Sequence[CorsRule]]) -> None:
        self._application = application
        self._cors_rules = cors_rules

    def refusal(self, environ: Environ) -> Response | None:
        """The response to a request to refuse, None to accept it; uses method, path and headers only."""
        port, host = environ["SERVER_PORT"], environ.get("HTTP_HOST", "")
        if not own_host(host, port):
            return _forbidden(
                environ,
                f"Host is {host[:200]!r}, which does not name the loopback interface with port {port}; "
                f"use http://127.0.0.1:{port} or http://localhost:{port}.",
            )
        if environ["REQUEST_METHOD"] not in _METHODS:
            return error_responses.request_refused(
                environ, 405, f"The method {environ['REQUEST_METHOD'][:20]!r} is not one of AWS's APIs."
            )
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return self._preflight(environ)
        page = foreign_page(environ)
        if page is None:
            return None
        granted = self._granted(environ, environ["REQUEST_METHOD"])
        if granted is None:
            return _forbidden(
                environ,
                f"The request comes from a web page ({page[:200]}); send it from outside a browser, or presign a request to S3 "
                "and name the origin and the method in the bucket's CORS configuration.",
            )
        environ[_CORS] = granted
        return None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Call `application`; its CORS headers are replaced by those that `refusal` granted."""

        def respond(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            own = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            return start_response(status, [*own, *environ.get(_CORS, ()), *_safe_headers(headers)], *rest)

        return self._application(environ, respond)

    def _preflight(self, environ: Environ) -> Response:
        """Answer OPTIONS, which only browsers send; it never reaches a service."""
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
        names = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        asked = Preflight(method, tuple(name.strip().lower() for name in names.split(",") if name.strip()))
        granted = self._granted(environ, method, asked) if method else None
        if granted is None:
            return _forbidden(environ, "CORSResponse: This CORS request is not allowed.")
        return Response("", 200, [*granted, *_SAFE_HEADERS, _SANDBOX])

    def _granted(self, environ: Environ, method: str, preflight: Preflight | None = None) -> list[tuple[str, str]] | None:
        """The CORS headers that the bucket grants; None if it grants none or the request is not presigned for S3."""
        origin = environ.get("HTTP_ORIGIN")
        if origin is None or not _presigned(environ):
            return None
        for rule in self._cors_rules(environ["HTTP_HOST"], environ["PATH_INFO"]):
            allowed = _match(rule.allowed_origins, origin)
            if allowed is None or method not in rule.allowed_methods:
                continue
            if preflight and not all(_match(rule.allowed_headers or (), name, fold=True) for name in preflight.headers):
                continue
            return _cors_headers(rule, "*" if allowed == "*" else origin, preflight)
        return None


def foreign_page(environ: Environ) -> str | None:
    """The header that shows that another origin's page sent a request, or None. `Host` has been checked."""
    headers = (environ.get(name) for name in ("HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_REFERER"))
    return browser_requests.foreign_page(f"http://{environ['HTTP_HOST']}", *headers)


def _presigned(environ: Environ) -> bool:
    """Whether only S3 can answer a request: signed for it in the query, without a header that chooses another service."""
    if "HTTP_AUTHORIZATION" in environ or "HTTP_X_AMZ_TARGET" in environ:
        return False
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if not any(names <= query.keys() for names in _PRESIGNED):
        return False
    return all(_CREDENTIAL_OF_S3.fullmatch(value) for value in query.get("X-Amz-Credential", ()))


def _match(patterns: Iterable[str], text: str, *, fold: bool = False) -> str | None:
    """The first pattern, with at most one `*`, that fits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html."""
    for pattern in patterns:
        expression = re.escape(pattern).replace(r"\*", ".*")
        if re.fullmatch(expression, text, re.IGNORECASE if fold else 0):
            return pattern
    return None


def _cors_headers(rule: CorsRule, origin: str, preflight: Preflight | None) -> list[tuple[str, str]]:
    """Headers as S3 answers them: the requested headers, and all methods of the rule."""
    headers = [
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.allowed_methods)),
        ("Vary", _VARY),
    ]
    if origin != "*":
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if preflight and preflight.headers:
        headers.append(("Access-Control-Allow-Headers", ", ".join(preflight.headers)))
    if rule.exposed_headers:
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed_headers)))
    if rule.max_age_seconds:
        headers.append(("Access-Control-Max-Age", str(rule.max_age_seconds)))
    return headers


def _forbidden(environ: Environ, message: str) -> Response:
    answer = error_responses.request_refused(environ, 403, message)
    answer.headers.extend([*_SAFE_HEADERS, _SANDBOX])
    return answer


def _safe_headers(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    kind = next((value.lower() for name, value in headers if name.lower() == "content-type"), "")
    return _SAFE_HEADERS if kind.partition(";")[0].strip() == _UNSANDBOXED else [*_SAFE_HEADERS, _SANDBOX]

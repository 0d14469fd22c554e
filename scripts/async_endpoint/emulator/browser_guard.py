"""What a web page can send to the local AWS is refused before it is read: other host names, origins and referring pages.

A browser sends a page's requests to any address, including this one. It states the page in `Origin`, `Sec-Fetch-Site` and
`Referer` (https://fetch.spec.whatwg.org, https://www.w3.org/TR/fetch-metadata), and the name that it used in `Host`: after DNS
rebinding a name of the page's owner. No SDK sends the first three, so a request without them is let in.

The one exception is S3's own: a presigned request from an origin that the bucket's CORS configuration names. Signatures are
verified elsewhere; a request that passes here has no more rights than one that no browser sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

from werkzeug.wrappers import Response

from async_endpoint.emulator import error_responses
from async_endpoint.emulator.wsgi import Application, Environ, StartResponse

_HOST = re.compile(r"(?P<name>\[::1\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?(?::(?P<port>[0-9]{1,5}))?")
_LOOPBACK = re.compile(r"127(?:\.(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}")
_PRESIGNED: Final = ({"X-Amz-Signature", "X-Amz-Credential"}, {"Signature", "AWSAccessKeyId", "Expires"})
_CREDENTIAL_OF_S3 = re.compile(r"[^/]+/[0-9]{8}/[^/]+/s3/aws4_request")
_METHODS: Final = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
_CORS: Final = "async_endpoint.cors"
_VARY: Final = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

# On every answer: its type is the one it says it has, and no page embeds what it may not read.
_HARMLESS: Final = [("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin")]
# What is opened in a browser runs in an origin of its own, with no access to this one. PDF runs no scripts of this origin, and
# browsers show none in a sandbox.
_SANDBOX: Final = ("Content-Security-Policy", "sandbox")
_UNBOXED: Final = "application/pdf"


class CorsRule(Protocol):
    """A rule of a bucket's CORS configuration; members as in the S3 API, None where it does not have them."""

    allowed_methods: Sequence[str]
    allowed_origins: Sequence[str]
    allowed_headers: Sequence[str] | None
    exposed_headers: Sequence[str] | None
    max_age_seconds: Any


@dataclass(frozen=True)
class Preflight:
    """What a browser asks before it sends a request that HTML forms cannot send."""

    method: str
    headers: tuple[str, ...]


class BrowserGuard:
    """Refuses what comes from a web page, and sets the headers by which browsers keep answers harmless.

    `cors_rules` returns the rules of the bucket that a host name and a path address, in their order.
    """

    def __init__(self, application: Application, cors_rules: Callable[[str, str], Sequence[CorsRule]]) -> None:
        self._application = application
        self._cors_rules = cors_rules

    def refusal(self, environ: Environ) -> Response | None:
        """The answer to a request that must not be read; None lets it in. Looks at method, path and headers only."""
        port, host = environ["SERVER_PORT"], environ.get("HTTP_HOST", "")
        if not own_host(host, port):
            return _forbidden(
                environ,
                f"Host is {host[:200]!r}, which is no name of this machine's loopback interface with port {port}; "
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
        """Answer by `application`, with no CORS headers but those that `refusal` granted."""

        def respond(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            own = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
            return start_response(status, [*own, *environ.get(_CORS, ()), *_harmless(headers)], *rest)

        return self._application(environ, respond)

    def _preflight(self, environ: Environ) -> Response:
        """Answer OPTIONS, which only browsers send: it reaches no service."""
        method = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
        names = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        asked = Preflight(method, tuple(name.strip().lower() for name in names.split(",") if name.strip()))
        granted = self._granted(environ, method, asked) if method else None
        if granted is None:
            return _forbidden(environ, "CORSResponse: This CORS request is not allowed.")
        return Response("", 200, [*granted, *_HARMLESS, _SANDBOX])

    def _granted(self, environ: Environ, method: str, preflight: Preflight | None = None) -> list[tuple[str, str]] | None:
        """The CORS headers that the bucket grants; None where it grants nothing or the request is not presigned for S3."""
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


def own_host(host: str, port: str) -> bool:
    """Whether a Host header names loopback and this port: localhost, names below it, 127.0.0.0/8 or [::1]."""
    match = _HOST.fullmatch(host.lower())
    if match is None or (match["port"] or "80") != port:
        return False
    name = match["name"]
    return name in ("localhost", "[::1]") or name.endswith(".localhost") or _LOOPBACK.fullmatch(name) is not None


def foreign_page(environ: Environ) -> str | None:
    """What shows that another origin's page sent a request; None where nothing does. `Host` has been checked."""
    host = environ["HTTP_HOST"].lower()
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and origin.lower() != f"http://{host}":
        return f"Origin: {origin}"
    site = environ.get("HTTP_SEC_FETCH_SITE", "none").strip().lower()
    if site not in ("none", "same-origin"):
        return f"Sec-Fetch-Site: {site}"
    referer = environ.get("HTTP_REFERER")
    if referer is not None and not _refers_to(referer, host):
        return f"Referer: {referer}"
    return None


def _refers_to(referer: str, host: str) -> bool:
    try:
        page = urlsplit(referer)
    except ValueError:
        return False
    return (page.scheme, page.netloc.lower()) == ("http", host)


def _presigned(environ: Environ) -> bool:
    """Whether S3 alone can answer: signed in the query for it, and by no header that would choose another service."""
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
    """As S3 answers: what was asked for of headers, and all methods of the rule."""
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
    answer.headers.extend([*_HARMLESS, _SANDBOX])
    return answer


def _harmless(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    kind = next((value.lower() for name, value in headers if name.lower() == "content-type"), "")
    return _HARMLESS if kind.partition(";")[0].strip() == _UNBOXED else [*_HARMLESS, _SANDBOX]

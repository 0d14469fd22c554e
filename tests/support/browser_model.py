"""What a browser does with a page's requests: it adds headers that the page cannot change, asks first, and hides answers.

Modelled on the Fetch standard (CORS-safelisted methods, headers and content types; preflights, opaque answers) and Metadata.
"""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

SIMPLE_METHODS = ("GET", "HEAD", "POST")
SIMPLE_HEADERS = ("accept", "accept-language", "content-language", "content-type", "range")
SIMPLE_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Answer:
    """What came back. `blocked` by the preflight: the request was never sent. The page sees `body` where it is `readable`."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    readable: bool = False
    blocked: bool = False


@dataclass(frozen=True)
class Page:
    """A page at `origin`, in a browser whose connections all go to `port` of this machine, whatever the name.

    `metadata`: whether the browser sends Sec-Fetch-*, as all do since 2023. `origins`: whether it sends Origin with forms, as
    all do since 2020. `referrer`: whether the page lets it send Referer.
    """

    port: int
    origin: str = "https://evil.example"
    metadata: bool = True
    origins: bool = True
    referrer: bool = False

    def fetch(
        self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """fetch() in its mode "cors"."""
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        if self._site(url) == "same-origin":
            return self._send(url, method, sent | self._context(url, method, "cors", "empty"), body)
        if not self._may_send(url, method, sent):
            return Answer(0, blocked=True)
        answer = self._send(url, method, sent | self._context(url, method, "cors", "empty") | {"origin": self.origin}, body)
        readable = answer.headers.get("access-control-allow-origin") in ("*", self.origin)
        return Answer(answer.status, answer.headers, answer.body if readable else b"", readable)

    def no_cors(self, url: str, method: str = "GET", content_type: str = "text/plain", body: bytes | None = None) -> Answer:
        """fetch() in its mode "no-cors", or sendBeacon(): only what a form could send, and nothing is readable."""
        assert method in SIMPLE_METHODS
        assert content_type.split(";", maxsplit=1)[0] in SIMPLE_TYPES
        headers = self._context(url, method, "no-cors", "empty")
        return self._opaque(url, method, headers | ({"content-type": content_type} if body is not None else {}), body)

    def element(self, url: str, destination: str = "image") -> Answer:
        """<img>, <script>, <iframe>, <link>, EventSource, ..."""
        mode = "navigate" if destination == "iframe" else "no-cors"
        return self._opaque(url, "GET", self._context(url, "GET", mode, destination), None)

    def form(self, url: str, body: bytes, content_type: str = "application/x-www-form-urlencoded") -> Answer:
        """A form that submits itself: a navigation, by POST."""
        assert content_type.split(";", maxsplit=1)[0] in SIMPLE_TYPES
        headers = self._context(url, "POST", "navigate", "document") | {"content-type": content_type}
        return self._opaque(url, "POST", headers, body)

    def link(self, url: str) -> Answer:
        """A link that the person is made to click."""
        return self._opaque(url, "GET", self._context(url, "GET", "navigate", "document"), None)

    def websocket(self, url: str) -> Answer:
        """The handshake of new WebSocket(): it has no preflight, and its answer no same-origin policy."""
        upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13", "sec-websocket-key": "eA=="}
        return self._send(url, "GET", self._context(url, "GET", "websocket", "empty") | upgrade | {"origin": self.origin}, None)

    def _may_send(self, url: str, method: str, headers: dict[str, str]) -> bool:
        simple_type = headers.get("content-type", "text/plain").split(";")[0] in SIMPLE_TYPES
        asked = sorted(name for name in headers if name not in SIMPLE_HEADERS or (name == "content-type" and not simple_type))
        if method in SIMPLE_METHODS and not asked:
            return True
        question = {"origin": self.origin, "access-control-request-method": method}
        question |= {"access-control-request-headers": ",".join(asked)} if asked else {}
        answer = self._send(url, "OPTIONS", question | self._context(url, "OPTIONS", "cors", "empty"), None)
        allowed = {
            part: [item.strip().lower() for item in answer.headers.get(f"access-control-allow-{part}", "").split(",")]
            for part in ("methods", "headers")
        }
        return (
            200 <= answer.status < 300
            and answer.headers.get("access-control-allow-origin") in ("*", self.origin)
            and (method in SIMPLE_METHODS or method.lower() in allowed["methods"])
            and all(name in allowed["headers"] or (name != "authorization" and "*" in allowed["headers"]) for name in asked)
        )

    def _context(self, url: str, method: str, mode: str, destination: str) -> dict[str, str]:
        """What the browser says of the page and of the use of the answer."""
        site = self._site(url)
        headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}
        if self.metadata:
            headers |= {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination}
        if self.origins and (method not in ("GET", "HEAD") or (site != "same-origin" and mode == "cors")):
            headers["origin"] = self.origin
        if self.referrer:
            headers["referer"] = f"{self.origin}/"
        return headers

    def _site(self, url: str) -> str:
        there, here = urllib.parse.urlsplit(url), urllib.parse.urlsplit(self.origin)
        if (there.scheme, there.netloc) == (here.scheme, here.netloc):
            return "same-origin"
        return "same-site" if (there.scheme, there.hostname) == (here.scheme, here.hostname) else "cross-site"

    def _opaque(self, url: str, method: str, headers: dict[str, str], body: bytes | None) -> Answer:
        answer = self._send(url, method, headers, body)
        return Answer(answer.status, answer.headers)

    def _send(self, url: str, method: str, headers: dict[str, str], body: bytes | None) -> Answer:
        where = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            target = (where.path or "/") + (f"?{where.query}" if where.query else "")
            connection.request(method, target, body, {"host": where.netloc} | headers)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read(), True)
        finally:
            connection.close()

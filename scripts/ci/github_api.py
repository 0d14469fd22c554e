"""GitHub's REST API: one session with the job's token, its pagination, limits and errors in sentences.

Sources: GitHub documentation, "Using pagination in the REST API", "Rate limits for the REST API", "Best practices".
"""

from __future__ import annotations

import email.message
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Final

from async_endpoint.core.errors import NotReady, Refused, UsageError, WorkFailed
from ci.run import Run

API_VERSION: Final = "2022-11-28"
TIMEOUT_SECONDS: Final = 30
MAX_WAIT_SECONDS: Final = 120.0  # for a limit to end, or a server to answer; more fails, as a job is paid by the minute
MAX_PAGES: Final = 100
ATTEMPTS: Final = 4

_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


class _SameAddress(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would send the token to whatever address it names."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_SameAddress)


@dataclass(frozen=True)
class Answer:
    """A response: its status, headers with names in lower case, and the decoded body (None without one)."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class GitHub:
    """The API at `url`, as the holder of `token`, for `repository` (OWNER/NAME)."""

    url: str
    repository: str
    token: str = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, run: Run) -> GitHub:
        """The one that runs this workflow; raises NotReady without a token."""
        url = (run.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
        return cls(url, run.repository, run.require("GITHUB_TOKEN"))

    def get(self, path: str) -> Any:
        """The resource at `path` below the repository; see `request` for errors."""
        return self.request("GET", path).body

    def find(self, path: str) -> Any | None:
        """As `get`, but None for what does not exist."""
        answer = self.request("GET", path, accepted=(404,))
        return None if answer.status == 404 else answer.body

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page. Raises WorkFailed beyond MAX_PAGES, and for a next page at another address."""
        separator = "&" if "?" in path else "?"
        address = f"{self.url}/repos/{self.repository}/{path}{separator}per_page=100"
        for _ in range(MAX_PAGES):
            answer = self.request("GET", address)
            yield from answer.body
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return
            address = following[1]
            if _origin(address) != _origin(self.url):
                raise WorkFailed(f"GitHub's list {path} continues at {address}, which is not below {self.url}.")
        raise WorkFailed(f"GitHub's list {path} has more than {MAX_PAGES} pages.")

    def request(self, method: str, path: str, body: Any = None, *, accepted: tuple[int, ...] = ()) -> Answer:
        """Call `method` on `path`, below the repository or a whole address. Statuses of `accepted` are answers, too.

        Waits out rate limits, and repeats what a server error or a lost connection prevented; a POST only if it was not
        executed (a rate limit). Raises Refused for 403, NotReady for 404 and for limits that last, UsageError for others.
        """
        address = path if "://" in path else f"{self.url}/repos/{self.repository}/{path}"
        data, kind = _encoded(body)
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._send(method, address, data, kind)
            if answer is None or answer.status >= 500:
                wait = None if method == "POST" else 2.0**attempt
            else:
                wait = _limited_for(answer, attempt)
                if wait is None:
                    return _checked(answer, method, address, accepted)
            if wait is None or wait > MAX_WAIT_SECONDS or attempt == ATTEMPTS:
                raise NotReady(_unanswered(answer, method, address, wait))
            self.sleep(wait)
        raise AssertionError("unreachable")

    def upload(self, address: str, name: str, data: bytes) -> Any:
        """Attach `data` to a release, at its `upload_url` (a template: RFC 6570)."""
        base = address.partition("{")[0]
        return self.request("POST", f"{base}?name={urllib.parse.quote(name)}", data).body

    def _send(self, method: str, address: str, data: bytes | None, kind: str) -> Answer | None:
        """One exchange; None when the connection failed."""
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "User-Agent": "async-endpoint-ci",
            "X-GitHub-Api-Version": API_VERSION,
        } | ({"Content-Type": kind} if data is not None else {})
        request = urllib.request.Request(address, data=data, headers=headers, method=method)
        try:
            try:
                with _OPENER.open(request, timeout=TIMEOUT_SECONDS) as response:
                    return _answer(response.status, response.headers, response.read())
            except urllib.error.HTTPError as refused:
                with refused:
                    return _answer(refused.code, refused.headers, refused.read())
        except (OSError, HTTPException):
            return None


def _encoded(body: Any) -> tuple[bytes | None, str]:
    if body is None or isinstance(body, bytes):
        return body, "application/octet-stream"
    return json.dumps(body).encode(), "application/json"


def _origin(address: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(address)
    return parts.scheme, parts.netloc


def _answer(status: int, headers: email.message.Message, content: bytes) -> Answer:
    try:
        body = json.loads(content) if content else None
    except ValueError:
        body = None
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)


def _message(answer: Answer) -> str:
    """GitHub's own sentence, with the fields that it names."""
    if not isinstance(answer.body, dict):
        return "no reason"
    errors = [found for found in answer.body.get("errors", ()) if isinstance(found, dict)]
    fields = [str(found.get("message") or f"{found.get('field')}: {found.get('code')}") for found in errors]
    return "; ".join([str(answer.body.get("message", "no reason")), *fields])


def _limited_for(answer: Answer, attempt: int) -> float | None:
    """Seconds until a rate limit ends; None for an answer that is no limit.

    A primary limit has x-ratelimit-remaining 0 and the time of its end, a secondary one retry-after or a message only, for
    which GitHub asks to wait a minute, then longer.
    """
    if answer.status not in (403, 429):
        return None
    if "retry-after" in answer.headers:
        return float(answer.headers["retry-after"])
    if answer.headers.get("x-ratelimit-remaining") == "0":
        return max(float(answer.headers.get("x-ratelimit-reset", "0")) - time.time(), 0.0) + 1
    if answer.status == 429 or "secondary rate limit" in _message(answer):
        return float(60 << (attempt - 1))
    return None


def _unanswered(answer: Answer | None, method: str, address: str, wait: float | None) -> str:
    if answer is None:
        return f"GitHub did not answer {method} {address}; run the job again."
    if answer.status >= 500:
        return f"GitHub failed at {method} {address} with status {answer.status}; run the job again."
    return f"GitHub's rate limit is reached ({_message(answer)}) and ends in {wait or 0:.0f} s; run the job again then."


def _checked(answer: Answer, method: str, address: str, accepted: tuple[int, ...]) -> Answer:
    if answer.status < 300 or answer.status in accepted:
        return answer
    what = f"GitHub refused {method} {address} ({answer.status}: {_message(answer)})"
    if answer.status == 401:
        raise UsageError(f"{what}; pass GITHUB_TOKEN: ${{{{ github.token }}}} to the step.")
    if answer.status == 403:
        raise Refused(f"{what}; give the job the permission that this call needs.")
    if answer.status in (404, 410):
        raise NotReady(f"{what}; it does not exist, or the job's permissions do not include it.")
    raise UsageError(f"{what}.")

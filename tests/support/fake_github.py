"""GitHub's REST API as its documentation describes the calls made here, on loopback, with the permissions that each call needs.

A token is what `issue_token` returns for a job's `permissions`. Lists are paged, bodies have GitHub's limit, and `answer_next`
puts answers (rate limits, failures) before the real ones.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPOSITORY = "acme/shop"
BOT = {"login": "github-actions[bot]", "type": "Bot"}
BODY_LIMIT = 65_536

Reply = tuple[int, Any]
_LEVELS = {"none": 0, "read": 1, "write": 2}


@dataclass
class FakeGitHub:
    """One repository: its issues (pull requests are issues too), comments, environments and releases."""

    url: str = ""
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    releases: dict[int, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    page_limit: int = 100  # GitHub's largest page; smaller here, lists of a few items have several
    _tokens: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _next: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def issue_token(self, permissions: Mapping[str, str]) -> str:
        """A token of a job with these `permissions`; a scope that is not named has none."""
        token = f"ghs_{next(self._numbers):036d}"
        self._tokens[token] = dict(permissions)
        return token

    def answer_next(self, status: int, headers: dict[str, str] | None = None, body: Any = None) -> None:
        """Answer one request with this instead of executing it."""
        self._next.append((status, headers or {}, body))

    def add_comment(self, number: int, body: str, user: Mapping[str, str] = BOT) -> dict[str, Any]:
        key = next(self._numbers)
        self.comments[key] = {"id": key, "body": body, "user": dict(user), "issue": number}
        return self.comments[key]

    def add_issue(self, title: str, body: str, user: Mapping[str, str] = BOT, **more: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self.issues[number] = {"number": number, "title": title, "body": body, "user": dict(user), "state": "open"} | more
        return self.issues[number]

    def add_pull_request(self, head: str, *labels: str) -> dict[str, Any]:
        """An open pull request of a branch of this repository into main."""
        issue = self.add_issue("A change", "", {"login": "ada", "type": "User"}, pull_request={})
        of = {"repo": {"full_name": REPOSITORY}}
        pull = {
            "number": issue["number"],
            "head": {"sha": head, "ref": "change"} | of,
            "base": {"ref": "main"} | of,
            "labels": [{"name": label} for label in labels],
            "merged_at": None,
            "merge_commit_sha": None,
        }
        self.pulls[issue["number"]] = pull
        return pull

    # What follows answers requests.

    def reply(self, token: str, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, dict[str, str], Any]:
        self.calls.append(f"{method} {path}")
        if self._next:
            return self._next.pop(0)
        if token not in self._tokens:
            return 401, {}, {"message": "Bad credentials"}
        route = next((item for item in _ROUTES if item[0] == method and re.fullmatch(item[1], path)), None)
        if route is None:
            return 404, {}, {"message": "Not Found"}
        _, pattern, scopes, handler = route
        wanted = "read" if method == "GET" else "write"
        granted = [_LEVELS[self._tokens[token].get(scope, "none")] for scope in scopes]
        if max(granted) < _LEVELS[wanted]:
            return 403, {}, {"message": "Resource not accessible by integration"}
        match = re.fullmatch(pattern, path)
        assert match
        if isinstance(body, dict) and len(str(body.get("body", ""))) > BODY_LIMIT:
            return (
                422,
                {},
                {"message": "Validation Failed", "errors": [{"message": "body is too long (maximum is 65536 characters)"}]},
            )
        status, document = handler(self, match, body, query)
        return self._paged(status, document, path, query) if isinstance(document, list) else (status, {}, document)

    def _paged(self, status: int, items: list[Any], path: str, query: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        size, page = min(int(query.get("per_page", 30)), self.page_limit), int(query.get("page", 1))
        headers = {}
        if page * size < len(items):
            following = urllib.parse.urlencode({**query, "page": page + 1})
            headers["Link"] = f'<{self.url}{path}?{following}>; rel="next", <{self.url}{path}?page=99>; rel="last"'
        return status, headers, items[(page - 1) * size : page * size]

    def list_comments(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        return 200, [comment for comment in self.comments.values() if comment["issue"] == int(match["number"])]

    def create_comment(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        if int(match["number"]) not in self.issues:
            return 404, {"message": "Not Found"}
        return 201, self.add_comment(int(match["number"]), body["body"])

    def update_comment(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        self.comments[int(match["id"])]["body"] = body["body"]
        return 200, self.comments[int(match["id"])]

    def list_issues(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        return 200, [issue for issue in self.issues.values() if issue["state"] == query.get("state", "open")]

    def create_issue(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        return 201, self.add_issue(body["title"], body["body"])

    def update_issue(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        self.issues[int(match["number"])] |= body
        return 200, self.issues[int(match["number"])]

    def get_pull(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        return _found(self.pulls.get(int(match["number"])))

    def pulls_of_commit(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        """The merged pull request that introduced the commit, and open ones that have it."""
        commit = match["commit"]
        return 200, [pull for pull in self.pulls.values() if commit in (pull["merge_commit_sha"], pull["head"]["sha"])]

    def get_environment(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        return _found(self.environments.get(match["name"]))

    def release_by_tag(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        return _found(next((found for found in self.releases.values() if found["tag_name"] == match["tag"]), None))

    def create_release(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        if any(found["tag_name"] == body["tag_name"] for found in self.releases.values()):
            return 422, {"message": "Validation Failed", "errors": [{"field": "tag_name", "code": "already_exists"}]}
        key = next(self._numbers)
        upload = f"{self.url}/uploads/releases/{key}/assets{{?name,label}}"
        page = f"https://github.com/{REPOSITORY}/releases/tag/{body['tag_name']}"
        self.releases[key] = body | {"id": key, "upload_url": upload, "html_url": page, "assets": []}
        return 201, self.releases[key]

    def update_release(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        self.releases[int(match["id"])] |= body
        return 200, self.releases[int(match["id"])]

    def upload_asset(self, match: re.Match[str], body: Any, query: Mapping[str, str]) -> Reply:
        assets = self.releases[int(match["id"])]["assets"]
        if any(asset["name"] == query["name"] for asset in assets):
            return 422, {"message": "Validation Failed", "errors": [{"field": "name", "code": "already_exists"}]}
        assets.append({"name": query["name"], "size": len(body)})
        return 201, assets[-1]


def _found(document: Any) -> Reply:
    return (404, {"message": "Not Found"}) if document is None else (200, document)


_TOP = f"/repos/{REPOSITORY}"
_TALK = ("issues", "pull_requests")
_Handler = Callable[[FakeGitHub, re.Match[str], Any, Mapping[str, str]], Reply]
# GitHub documentation, "Permissions required for GitHub Apps": any one of the scopes suffices.
_ROUTES: list[tuple[str, str, tuple[str, ...], _Handler]] = [
    ("GET", rf"{_TOP}/issues/(?P<number>\d+)/comments", _TALK, FakeGitHub.list_comments),
    ("POST", rf"{_TOP}/issues/(?P<number>\d+)/comments", _TALK, FakeGitHub.create_comment),
    ("PATCH", rf"{_TOP}/issues/comments/(?P<id>\d+)", _TALK, FakeGitHub.update_comment),
    ("GET", rf"{_TOP}/issues", ("issues",), FakeGitHub.list_issues),
    ("POST", rf"{_TOP}/issues", ("issues",), FakeGitHub.create_issue),
    ("PATCH", rf"{_TOP}/issues/(?P<number>\d+)", _TALK, FakeGitHub.update_issue),
    ("GET", rf"{_TOP}/pulls/(?P<number>\d+)", ("pull_requests",), FakeGitHub.get_pull),
    ("GET", rf"{_TOP}/commits/(?P<commit>[0-9a-f]+)/pulls", ("pull_requests",), FakeGitHub.pulls_of_commit),
    ("GET", rf"{_TOP}/environments/(?P<name>[\w-]+)", ("actions",), FakeGitHub.get_environment),
    ("GET", rf"{_TOP}/releases/tags/(?P<tag>[\w.]+)", ("contents",), FakeGitHub.release_by_tag),
    ("POST", rf"{_TOP}/releases", ("contents",), FakeGitHub.create_release),
    ("PATCH", rf"{_TOP}/releases/(?P<id>\d+)", ("contents",), FakeGitHub.update_release),
    ("POST", r"/uploads/releases/(?P<id>\d+)/assets", ("contents",), FakeGitHub.upload_asset),
]


@contextmanager
def fake_github() -> Iterator[FakeGitHub]:
    """One that runs while this lasts."""
    github = FakeGitHub()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_json = self.headers.get("Content-Type") == "application/json"
            address = urllib.parse.urlsplit(self.path)
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            query = dict(urllib.parse.parse_qsl(address.query))
            body = json.loads(content) if is_json and content else content
            status, headers, document = github.reply(token, self.command, address.path, query, body)
            payload = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(payload))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        github.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()

"""The session with GitHub: every page of a list, limits waited out, refusals in one sentence."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from async_endpoint.core.errors import AsyncEndpointError, NotReady, Refused, UsageError, WorkFailed
from ci.github_api import GitHub
from support.ci_runs import workflow_run
from support.fake_github import FakeGitHub

WRITE = {"issues": "write"}


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def session(github: FakeGitHub, tmp_path: Path, waits: list[float]) -> GitHub:
    return replace(GitHub.of(workflow_run(tmp_path, github, WRITE)), sleep=waits.append)


def test_a_list_has_the_items_of_all_pages(github: FakeGitHub, session: GitHub) -> None:
    for number in range(7):
        github.add_issue(f"issue {number}", "")
    assert [issue["title"] for issue in session.pages("issues?state=open")] == [f"issue {number}" for number in range(7)]
    assert len(github.calls) == 3


def test_a_next_page_elsewhere_is_not_followed_with_the_token(github: FakeGitHub, session: GitHub) -> None:
    github.answer_next(200, {"Link": '<http://127.0.0.1:1/steal>; rel="next"'}, [])
    with pytest.raises(WorkFailed, match=r"continues at http://127\.0\.0\.1:1/steal"):
        list(session.pages("issues"))


def test_a_redirect_is_not_followed_with_the_token(github: FakeGitHub, session: GitHub) -> None:
    github.answer_next(301, {"Location": "http://127.0.0.1:1/steal"}, {"message": "Moved Permanently"})
    with pytest.raises(UsageError, match="301: Moved Permanently"):
        session.get("issues")


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"Retry-After": "7"}, 7),
        (403, {"Retry-After": "9"}, 9),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "in 40 s"}, 41),
        (403, {}, 60),
        (502, {}, 2),
    ],
)
def test_a_limit_is_waited_out(
    github: FakeGitHub, session: GitHub, waits: list[float], status: int, headers: dict[str, str], expected: float
) -> None:
    headers = {name: value.replace("in 40 s", str(time.time() + 40)) for name, value in headers.items()}
    github.answer_next(status, headers, {"message": "You have exceeded a secondary rate limit."})
    assert session.get("issues") == []
    assert waits == [pytest.approx(expected, abs=2)]


def test_a_limit_that_lasts_ends_the_job_with_its_end(github: FakeGitHub, session: GitHub, waits: list[float]) -> None:
    github.answer_next(429, {"Retry-After": "3000"}, {"message": "API rate limit exceeded"})
    with pytest.raises(NotReady, match=r"rate limit is reached .* ends in 3000 s"):
        session.get("issues")
    assert waits == []


def test_a_creation_that_may_have_happened_is_not_repeated(github: FakeGitHub, session: GitHub) -> None:
    github.answer_next(500, body={"message": "Server Error"})
    with pytest.raises(NotReady, match=r"status 500; run the job again"):
        session.request("POST", "issues", {"title": "a", "body": "b"})
    assert github.issues == {}
    assert len(github.calls) == 1


def test_a_creation_that_a_limit_prevented_is_repeated(github: FakeGitHub, session: GitHub) -> None:
    github.answer_next(403, {"Retry-After": "1"}, {"message": "You have exceeded a secondary rate limit."})
    session.request("POST", "issues", {"title": "a", "body": "b"})
    assert len(github.issues) == 1


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (401, UsageError, "pass GITHUB_TOKEN"),
        (403, Refused, "give the job the permission"),
        (404, NotReady, "does not exist, or the job's permissions do not include it"),
        (422, UsageError, "title: missing_field"),
    ],
)
def test_a_refusal_says_what_to_do(
    github: FakeGitHub, session: GitHub, status: int, kind: type[AsyncEndpointError], advice: str
) -> None:
    errors = [{"field": "title", "code": "missing_field"}]
    github.answer_next(status, body={"message": "No", "errors": errors})
    with pytest.raises(kind, match=advice) as refused:
        session.request("PATCH", "issues/1", {})
    assert session.token not in str(refused.value) + repr(session)


def test_a_server_that_does_not_answer_is_named(session: GitHub, waits: list[float]) -> None:
    with pytest.raises(NotReady, match=r"did not answer GET http://127\.0\.0\.1:1/repos"):
        replace(session, url="http://127.0.0.1:1").get("issues")
    assert waits == [2, 4, 8]


def test_a_permission_that_the_job_lacks_is_refused(github: FakeGitHub, tmp_path: Path) -> None:
    session = GitHub.of(workflow_run(tmp_path, github, {"issues": "read", "contents": "write"}))
    with pytest.raises(Refused, match="Resource not accessible by integration"):
        session.request("POST", "issues", {"title": "a", "body": "b"})

"""One comment of a pull request for each environment, and one issue for each that has drifted."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.comments import LIMIT_CHARACTERS, marked, marker, upsert_comment
from ci.github_api import GitHub
from ci.issues import close_issue, upsert_issue
from support.ci_runs import workflow_run
from support.fake_github import FakeGitHub

LINE = marker("plan", "dev", "eu-west-1")
ADA = {"login": "ada", "type": "User"}


@pytest.fixture
def session(github: FakeGitHub, tmp_path: Path) -> GitHub:
    return GitHub.of(workflow_run(tmp_path, github, {"pull_requests": "write", "issues": "write"}))


@pytest.fixture
def number(github: FakeGitHub) -> int:
    return int(github.add_pull_request("a" * 40)["number"])


def test_the_second_plan_replaces_the_text_of_the_first(github: FakeGitHub, session: GitHub, number: int) -> None:
    for _ in range(5):  # so that the comment is not on the first page
        github.add_comment(number, "a remark", ADA)
    upsert_comment(session, number, LINE, "first")
    upsert_comment(session, number, LINE, "second")
    upsert_comment(session, number, marker("plan", "prod", "eu-west-1"), "of prod")
    written = [comment["body"] for comment in github.comments.values() if comment["user"] != ADA]
    assert written == [f"{LINE}\nsecond", f"{marker('plan', 'prod', 'eu-west-1')}\nof prod"]


def test_an_unchanged_text_is_not_written_again(github: FakeGitHub, session: GitHub, number: int) -> None:
    upsert_comment(session, number, LINE, "same")
    before = len(github.calls)
    upsert_comment(session, number, LINE, "same")
    assert github.calls[before:] == [call for call in github.calls[before:] if call.startswith("GET")]


def test_a_person_who_quotes_the_marker_keeps_their_comment(github: FakeGitHub, session: GitHub, number: int) -> None:
    quoted = github.add_comment(number, f"{LINE}\nmine", ADA)
    below = github.add_comment(number, f"> quoted\n{LINE}\n")
    upsert_comment(session, number, LINE, "plan")
    assert (quoted["body"], below["body"]) == (f"{LINE}\nmine", f"> quoted\n{LINE}\n")
    assert len(github.comments) == 3


def test_without_a_comment_nothing_is_corrected(github: FakeGitHub, session: GitHub, number: int) -> None:
    upsert_comment(session, number, LINE, "no longer changed", create=False)
    assert github.comments == {}


def test_a_long_text_is_cut_where_a_line_ends_and_what_is_open_is_closed(
    github: FakeGitHub, session: GitHub, number: int
) -> None:
    text = "<details>\n\n```diff\n" + "+ a line of the plan\n" * 6000 + "```\n</details>\n"
    upsert_comment(session, number, LINE, text)
    (comment,) = github.comments.values()
    body = comment["body"]
    assert LIMIT_CHARACTERS - 100 < len(body) <= LIMIT_CHARACTERS
    assert body.endswith("+ a line of the plan\n```\n</details>\n\n*Cut at GitHub's limit; the job's summary has the rest.*")
    assert marked(LINE, "short") == f"{LINE}\nshort"
    assert marked(LINE, f"{LINE}\nshort") == f"{LINE}\nshort"


def test_an_issue_is_opened_updated_and_closed(github: FakeGitHub, session: GitHub) -> None:
    pull = github.add_pull_request("a" * 40)  # GitHub lists pull requests as issues
    github.issues[pull["number"]]["body"] = f"{marker('drift', 'dev', 'eu-west-1')}\nnot an issue"
    for text in ("one attribute", "two attributes"):
        upsert_issue(session, marker("drift", "dev", "eu-west-1"), "Drift in dev", text)
    upsert_issue(session, marker("drift", "prod", "eu-west-1"), "Drift in prod", "of prod")
    _, of_dev, of_prod = github.issues.values()
    assert of_dev["body"].endswith("\ntwo attributes")

    close_issue(session, marker("drift", "dev", "eu-west-1"), "clean")
    assert (of_dev["state"], of_dev["state_reason"], of_prod["state"]) == ("closed", "completed", "open")
    assert [comment["body"] for comment in github.comments.values()] == ["clean"]

    close_issue(session, marker("drift", "dev", "eu-west-1"), "clean")
    assert len(github.comments) == 1
    upsert_issue(session, marker("drift", "dev", "eu-west-1"), "Drift in dev", "again")
    assert [issue["title"] for issue in github.issues.values() if issue["state"] == "open"] == [
        "A change",
        "Drift in prod",
        "Drift in dev",
    ]

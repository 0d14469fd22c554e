"""One comment of a pull request for each subject, found by its first line and updated in place."""

from __future__ import annotations

import re
from typing import Any, Final

from ci.github_api import GitHub

LIMIT_CHARACTERS: Final = 65_536  # of the body of a comment or an issue (GitHub: "body is too long")
AUTHOR: Final = "github-actions[bot]"  # of everything that a job's own token writes (A273)

_CUT: Final = "\n\n*Cut at GitHub's limit; the job's summary has the rest.*"


def marker(subject: str, environment: str, region: str) -> str:
    """The first line, which readers do not see, of what is written about an environment, as --markdown prints it."""
    return f"<!-- async-endpoint {subject} {environment} {region} -->"


def marked(line: str, text: str) -> str:
    """`text` below the marker `line`, once, cut to GitHub's limit; what the cut leaves open (a fence, <details>) is closed."""
    body = text if text.splitlines()[:1] == [line] else f"{line}\n{text}"
    if len(body) <= LIMIT_CHARACTERS:
        return body
    kept = body[: LIMIT_CHARACTERS - len(_CUT) - 40].rpartition("\n")[0]
    fences = len(re.findall(r"^```", kept, re.MULTILINE)) % 2
    details = kept.count("<details>") - kept.count("</details>")
    return kept + ("\n```" if fences else "") + "\n</details>" * max(details, 0) + _CUT


def is_marked(document: dict[str, Any], line: str) -> bool:
    """Whether a job wrote this comment or issue about the subject of `line`; a person's that quotes the line is not one."""
    author = (document.get("user") or {}).get("login")
    return author == AUTHOR and str(document.get("body") or "").splitlines()[:1] == [line]


def find_comment(github: GitHub, number: int, line: str) -> dict[str, Any] | None:
    """The comment with marker `line` on pull request `number`."""
    comments = github.pages(f"issues/{number}/comments")
    return next((comment for comment in comments if is_marked(comment, line)), None)


def upsert_comment(github: GitHub, number: int, line: str, text: str, *, create: bool = True) -> None:
    """Write `text` into the comment with marker `line`; where there is none, add it if `create`."""
    existing, body = find_comment(github, number, line), {"body": marked(line, text)}
    if existing is not None:
        if existing["body"] != body["body"]:
            github.request("PATCH", f"issues/comments/{existing['id']}", body)
    elif create:
        github.request("POST", f"issues/{number}/comments", body)

"""One open issue for each environment that has drifted; closed when it has not."""

from __future__ import annotations

from typing import Any

from ci.comments import is_marked, marked
from ci.github_api import GitHub


def find_issue(github: GitHub, line: str) -> dict[str, Any] | None:
    """The open issue with marker `line`. GitHub lists pull requests as issues, too."""
    found = (item for item in github.pages("issues?state=open") if "pull_request" not in item)
    return next((issue for issue in found if is_marked(issue, line)), None)


def upsert_issue(github: GitHub, line: str, title: str, text: str) -> None:
    """Open the issue with marker `line`, or write `text` into the one that is open."""
    existing, body = find_issue(github, line), marked(line, text)
    if existing is None:
        github.request("POST", "issues", {"title": title, "body": body})
    elif existing["body"] != body:
        github.request("PATCH", f"issues/{existing['number']}", {"body": body})


def close_issue(github: GitHub, line: str, reason: str) -> None:
    """Close the issue with marker `line`, if one is open, after a comment that gives the reason."""
    existing = find_issue(github, line)
    if existing is not None:
        github.request("POST", f"issues/{existing['number']}/comments", {"body": reason})
        github.request("PATCH", f"issues/{existing['number']}", {"state": "closed", "state_reason": "completed"})

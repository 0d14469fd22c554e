"""Which stored plan a commit of main was approved with, and whether GitHub asks for an approval at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput, NotReady, Refused
from ci.github_api import GitHub

REPLACEMENT_LABEL: Final = "allow-replacement"
# A merge is listed a moment after its push started the run (A271).
ATTEMPTS: Final = 6
INTERVAL_SECONDS: Final = 5.0

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Approval:
    """The pull request that was merged: the name its plans are stored under, and whether it may replace endpoints."""

    plan_name: str
    allow_replacement: bool


def plan_name(pull_request: dict[str, Any]) -> str:
    """The name of the plans of a pull request at its present head: another push is another name."""
    number, head = pull_request["number"], str(pull_request["head"]["sha"])
    if not isinstance(number, int) or not _COMMIT.fullmatch(head):
        raise InvalidInput(f"Pull request {number!r} has head {head!r}, which is not a commit.")
    return f"pr-{number}-{head}"


def allows_replacement(pull_request: dict[str, Any]) -> bool:
    """Whether the pull request has the label by which a team permits that a serving endpoint is deleted and created again."""
    return any(label.get("name") == REPLACEMENT_LABEL for label in pull_request.get("labels", ()))


def merged_pull_request(github: GitHub, commit: str, branch: str) -> Approval:
    """The approval of the pull request whose merge made `commit` of `branch`; raises Refused when there is none."""
    for attempt in range(1, ATTEMPTS + 1):
        for found in github.pages(f"commits/{commit}/pulls"):
            if found.get("merged_at") and found["base"]["ref"] == branch and found.get("merge_commit_sha") == commit:
                return Approval(plan_name(found), allows_replacement(found))
        if attempt < ATTEMPTS:
            github.sleep(INTERVAL_SECONDS)
    raise Refused(
        f"Commit {commit} of {branch} is not the merge of a pull request, so no plan of it was approved; run the workflow "
        "apply by hand: it plans, shows the plan, and waits for an approval."
    )


def require_protection(github: GitHub, environment: str) -> None:
    """Raise unless GitHub's `environment` has required reviewers: a job that names an unknown one creates it unprotected."""
    found = github.find(f"environments/{environment}")
    if found is None:
        raise NotReady(f"GitHub has no environment {environment}; add it with required reviewers.")
    if not any(rule.get("type") == "required_reviewers" for rule in found.get("protection_rules", ())):
        raise Refused(
            f"GitHub's environment {environment} has no required reviewers, so nothing would wait for an approval; add them or "
            f'state "requires_approval": false for it in ENVIRONMENTS.'
        )

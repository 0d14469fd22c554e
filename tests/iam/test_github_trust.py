"""Who may assume the roles for GitHub: the claims of workflows against the trust policies of module iam.

Subjects as GitHub issues them ("OpenID Connect reference"): a pull request's has neither branch nor number, a job's with an
environment has nothing else. A pull request of a fork gets no token at all.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from support import github_roles
from support.module_copies import CHECKOUT
from support.rendered_policies import trust_policies

PULL_REQUEST = "repo:shop/models:pull_request"
MAIN = "repo:shop/models:ref:refs/heads/main"
DEV = "repo:shop/models:environment:dev"
OTHERS = [
    "repo:shop/models:environment:prod",
    "repo:shop/models:environment:dev2",
    "repo:shop/models:environment:DEV",
    "repo:shop/models:ref:refs/heads/maintenance",
    "repo:shop/models:ref:refs/heads/feature",
    "repo:shop/models:ref:refs/pull/1/merge",
    "repo:shop/models:ref:refs/tags/main",
    "repo:shop/models-fork:pull_request",
    "repo:shop/models2:environment:dev",
    "repo:mallory/models:pull_request",
    "repo:mallory/models:environment:dev",
    "repo:mallory/models:ref:refs/heads/main",
    "repo:shop@1/models@2:environment:dev",
    "repo:shop/models:pull_request:environment:dev",
    "",
]


def admitted(role: str, claims: dict[str, str]) -> bool:
    """Whether a token with these claims may assume a role; its issuer is the role's one principal."""
    return github_roles.admitted(trust_policies()[role], claims)


def token(subject: str, **claims: Any) -> dict[str, str]:
    return {"aud": "sts.amazonaws.com", "sub": subject, "ref": "refs/heads/main", **claims}


@pytest.mark.parametrize(("role", "subjects"), [("planner", [PULL_REQUEST, MAIN]), ("deployer", [DEV])])
def test_exactly_the_stated_workflows_assume_a_role(role: str, subjects: list[str]) -> None:
    candidates = [PULL_REQUEST, MAIN, DEV, *OTHERS]
    assert [subject for subject in candidates if admitted(role, token(subject))] == subjects


@pytest.mark.parametrize("role", ["planner", "deployer"])
def test_a_token_for_another_audience_or_without_a_subject_assumes_none(role: str) -> None:
    for subject in (PULL_REQUEST, DEV):
        assert not admitted(role, token(subject, aud="https://github.com/shop"))
        assert not admitted(role, {"sub": subject})
    assert not admitted(role, {"aud": "sts.amazonaws.com"})


@pytest.mark.parametrize("ref", ["refs/pull/1/merge", "refs/heads/feature", "refs/heads/main2", "refs/tags/main", ""])
def test_the_deployer_is_out_of_reach_of_a_branch_whose_workflow_names_the_environment(ref: str) -> None:
    assert not admitted("deployer", token(DEV, ref=ref))


def test_the_workflows_ask_for_sessions_that_the_roles_allow() -> None:
    """STS refuses more than the role's maximum; the planner's is an hour, as is what workflows get by default."""
    variables = (CHECKOUT / "modules/iam/variables.tf").read_text()
    [longest] = re.findall(r"session_seconds = optional\(number, (\d+)\)", variables)
    assumed = re.compile(r"role-to-assume: .*(planner|deployer)_role \}\}\n(?:(?! +- ).*\n)*? +role-duration-seconds: (\d+)")
    texts = [path.read_text() for path in sorted((CHECKOUT / ".github/workflows").glob("*.yml"))]
    asked = [(role, int(seconds)) for text in texts for role, seconds in assumed.findall(text)]
    assert asked, "the apply takes longer than an hour"
    assert all(seconds <= {"planner": 3600, "deployer": int(longest)}[role] for role, seconds in asked)

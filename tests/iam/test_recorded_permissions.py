"""What each command needs, as tests/trials/record_permissions.py recorded it, and the policies that must allow it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import rendered_policies
from support.recorded_access import ALSO, CALLERS, OPTIONAL, Needed, denied, superfluous, without
from support.replayed_calls import Replay, replay

RECORDED = Path(__file__).with_name("recorded")

_POLICY = "arn:aws:iam::123456789012:policy/recommender-dev-eu-west-1-caller"
_PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
_BUCKET = "arn:aws:s3:::recommender-dev-123456789012-eu-west-1"
# What the recorded deployment and provider do not call, by the policies that must allow it.
UNRECORDED = {
    ("deployer",): [
        ("s3:ListTagsForResource", _BUCKET),  # by provider 6.23 and later (docs/provider-versions.md)
    ],
    ("planner",): [
        ("ec2:DescribeSubnets", "*"),  # doctor, of a model in a VPC
        ("ecr:DescribeImages", "arn:aws:ecr:eu-west-1:123456789012:repository/shirts"),  # doctor, of an image of your own
        ("iam:GetPolicy", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"),  # of a supplied execution role
        ("iam:SimulatePrincipalPolicy", "arn:aws:iam::123456789012:role/recommender-dev-eu-west-1-deployer"),  # doctor
        ("s3:ListTagsForResource", _BUCKET),
    ],
    ("deployer", "destroyer"): [
        ("iam:DeletePolicyVersion", _POLICY),  # of a policy that was updated: the provider deletes each version of it
        ("iam:ListEntitiesForPolicy", _POLICY),  # destroy --remove-leftovers, as the next two
        ("iam:ListOpenIDConnectProviderTags", _PROVIDER),
        ("iam:ListPolicyTags", _POLICY),
        ("s3:ListBucketMultipartUploads", _BUCKET),
        ("s3:PutBucketLogging", _BUCKET),  # of a bucket with storage.access_logs
    ],
}

# An administrator makes the first apply, and every change of access.
ADMINISTRATORS = {"first-apply", "first-plan"}


def recorded(command: str) -> list[Needed]:
    """What a command needed."""
    documents = json.loads((RECORDED / f"{command}.json").read_text())
    return [needed for needed in map(Needed.read, documents) if needed.action not in OPTIONAL]


@pytest.fixture(scope="module")
def policies() -> dict[str, Any]:
    """The policies of the recorded deployment, by role."""
    return rendered_policies.policies()


def test_every_recording_has_its_callers() -> None:
    assert {path.stem for path in RECORDED.glob("*.json")} == CALLERS.keys() | ADMINISTRATORS


@pytest.mark.parametrize("command", CALLERS)
def test_the_policies_allow_what_a_command_needs(policies: dict[str, Any], command: str) -> None:
    assert denied(recorded(command), [policies[role] for role in CALLERS[command]]) == []


@pytest.mark.parametrize("command", ALSO)
def test_other_policies_allow_it_too(policies: dict[str, Any], command: str) -> None:
    assert denied(recorded(command), [policies[role] for role in ALSO[command]]) == []


@pytest.mark.parametrize("roles", UNRECORDED)
def test_the_policies_allow_what_other_deployments_need(policies: dict[str, Any], roles: tuple[str, ...]) -> None:
    needed = [Needed(action, resource) for action, resource in UNRECORDED[roles]]
    assert denied(needed, [policies[role] for role in roles]) == []


WAYS = [*CALLERS.items(), *ALSO.items()]
ROLES = list(rendered_policies.policies())


@pytest.mark.parametrize("role", ROLES)
def test_every_statement_is_needed(policies: dict[str, Any], role: str) -> None:
    needed = [item for command, roles in WAYS if role in roles for item in recorded(command)]
    assert superfluous(policies[role], needed) == []


@pytest.fixture(scope="module")
def calls() -> Iterator[Replay]:
    with replay() as made:
        yield made


@pytest.mark.parametrize("role", ROLES)
def test_the_middleware_denies_a_call_without_any_one_statement(policies: dict[str, Any], calls: Replay, role: str) -> None:
    """Calls that need what was recorded, through the middleware: allowed by the whole policy, denied without a statement."""
    sids = [statement["Sid"] for statement in policies[role]["Statement"]]
    assert [sid for sid in sids if not _denies_without(calls, policies, role, sid)] == []


def _denies_without(calls: Replay, policies: dict[str, Any], role: str, sid: str) -> bool:
    """Whether a call of some command is allowed by the role's policy, alone or with its callers' others, and denied by less."""
    less = without(policies[role], sid)
    for command, roles in [(name, roles) for name, roles in WAYS if role in roles]:
        needs = recorded(command)
        for others in ([], [policies[other] for other in roles if other != role]):
            allowed, reduced = [*others, policies[role]], [*others, less]
            for needed in needs:
                if needed.allowed_by(reduced) or not needed.allowed_by(allowed):
                    continue
                target = about(needed, needs)
                if calls.denied(needed, target, reduced) and not calls.denied(needed, target, allowed):
                    return True
    return False


def about(needed: Needed, needs: list[Needed]) -> str:
    """The resource that a call is about, which is another one than that of a permission for a key or a role that it uses."""
    if target := dict(needed.context).get("kms:EncryptionContext:aws:s3:arn"):
        return target
    service = needed.operation.partition(":")[0]
    if needed.action.partition(":")[0] in (service, "tag", "servicequotas"):
        return needed.resource
    own = [item for item in needs if item.operation == needed.operation and item.action.startswith(service.partition("-")[0])]
    return own[0].resource if own else needed.resource

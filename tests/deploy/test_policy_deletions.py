"""A policy that is attached elsewhere, and the role that a command runs as, are refused before anything changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import PolicyInUse
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.destroy import destroy_environment
from async_endpoint.deploy.policy_deletions import require_unused_policies
from async_endpoint.terraform.plan_document import resource_changes
from support.deployment_fixtures import TRUST_POLICY, prepared
from support.plan_documents import change, plan_document

ARN = "arn:aws:iam::123456789012:policy/shirts-deployer"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
POLICY = {"arn": ARN, "name": "shirts-deployer"}
ROLE = {"arn": "arn:aws:iam::123456789012:role/shirts-github", "name": "shirts-github"}


def check(aws: AwsSession, *changes: dict[str, Any]) -> None:
    require_unused_policies(lambda region: aws, resource_changes(plan_document(*changes)))


@pytest.fixture
def iam(aws: AwsSession) -> Any:
    iam = aws.client("iam")
    iam.create_policy(PolicyName="shirts-deployer", PolicyDocument=DOCUMENT)
    iam.create_role(RoleName="shirts-github", AssumeRolePolicyDocument=json.dumps(TRUST_POLICY))
    iam.create_user(UserName="anna")
    return iam


@pytest.mark.parametrize("actions", [["delete"], ["delete", "create"]])
def test_who_has_a_policy_is_named_with_the_remedy(aws: AwsSession, iam: Any, actions: list[str]) -> None:
    iam.attach_user_policy(UserName="anna", PolicyArn=ARN)
    iam.attach_role_policy(RoleName="shirts-github", PolicyArn=ARN)
    with pytest.raises(PolicyInUse, match=r"shirts-deployer .* attached to user anna, role shirts-github; .* detach it"):
        check(aws, change("aws_iam_policy.this", actions, POLICY))


def test_attachments_that_the_plan_removes_do_not_count(aws: AwsSession, iam: Any) -> None:
    iam.attach_role_policy(RoleName="shirts-github", PolicyArn=ARN)
    attachment = {"policy_arn": ARN, "role": "shirts-github"}
    check(
        aws,
        change("aws_iam_policy.this", ["delete"], POLICY),
        change("aws_iam_role_policy_attachment.github", ["delete"], attachment),
        change("aws_iam_role.github", ["delete"], ROLE),
    )


def test_a_policy_that_stays_or_is_gone_is_not_looked_at(aws: AwsSession, iam: Any) -> None:
    iam.attach_user_policy(UserName="anna", PolicyArn=ARN)
    check(aws, change("aws_iam_policy.this", ["update"], POLICY, POLICY))
    check(aws, change("aws_iam_policy.this", ["delete"], POLICY | {"arn": f"{ARN}-gone"}))


def test_the_role_of_the_command_is_not_deleted(aws: AwsSession, iam: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = {"Arn": "arn:aws:sts::123456789012:assumed-role/shirts-github/run-1"}
    monkeypatch.setattr(aws.client("sts"), "get_caller_identity", lambda: caller)
    with pytest.raises(PolicyInUse, match=r"role shirts-github, which this command runs as.*nothing was changed"):
        check(aws, change("aws_iam_role.github", ["delete"], ROLE))


@pytest.mark.usefixtures("checkout")
def test_destroy_is_refused_before_terraform_changes_anything(terraform: Any, iam: Any) -> None:
    iam.attach_user_policy(UserName="anna", PolicyArn=ARN)
    terraform.document = plan_document(change("aws_iam_policy.this", ["delete"], POLICY))
    for command in (destroy_environment, apply_environment):
        with pytest.raises(PolicyInUse):
            command(prepared())
        assert "apply" not in terraform.did

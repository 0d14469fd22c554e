"""Policies of users, groups and roles that IAM refuses, and their quotas; what a refused call leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import AwsHarness

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def sized(characters: int) -> str:
    """A policy of exactly so many characters without whitespace, and of some more with it."""
    empty = document(READ | {"Resource": "arn:aws:s3:::/"})
    missing = characters - len("".join(empty.split()))
    return document(READ | {"Resource": f"arn:aws:s3:::{'x' * missing}/"}).replace(" ", "  ")


@pytest.fixture(scope="module")
def role(local_aws: AwsHarness) -> str:
    """The name of a role of which every inline policy is refused."""
    return local_aws.role().name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (document(READ | {"Principal": "*"}), "Policy document should not specify a principal."),
        (document({"NotPrincipal": {"AWS": "*"}} | READ), "Policy document should not specify a principal."),
        (document(READ | {"Sid": "two words"}), "Statement IDs (SID) must be alpha-numeric."),
        (document(READ | {"Sid": "One"}, READ | {"Sid": "One"}), "Statement IDs (SID) in a single policy must be unique."),
        (document(READ | {"Effect": "allow"}), "The policy failed legacy parsing"),
        (document(), "Syntax errors in policy."),
        (document(READ | {"Action": "GetObject"}), "must be prefaced by a vendor"),
        ("nonsense", "Syntax errors in policy."),
    ],
)
def test_a_policy_that_is_refused(local_aws: AwsHarness, role: str, text: str, message: str) -> None:
    name = unique("policy")
    for call, given in (
        (local_aws.iam.put_role_policy, {"RoleName": role, "PolicyName": name}),
        (local_aws.iam.create_policy, {"PolicyName": name}),
    ):
        code, found = refusal(call, **given, PolicyDocument=text)
        assert (code, message in found) == ("MalformedPolicyDocument", True), found
    assert local_aws.iam.list_role_policies(RoleName=role)["PolicyNames"] == []
    assert name not in [item["PolicyName"] for item in local_aws.iam.list_policies(Scope="Local")["Policies"]]


def test_the_size_of_managed_policies(local_aws: AwsHarness) -> None:
    name, too_long = unique("policy"), ("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
    assert refusal(local_aws.iam.create_policy, PolicyName=name, PolicyDocument=sized(6_145)) == too_long
    arn = local_aws.iam.create_policy(PolicyName=name, PolicyDocument=sized(6_144))["Policy"]["Arn"]
    assert refusal(local_aws.iam.create_policy_version, PolicyArn=arn, PolicyDocument=sized(6_145)) == too_long
    assert len(local_aws.iam.list_policy_versions(PolicyArn=arn)["Versions"]) == 1


def test_the_inline_policies_of_a_role_have_a_size_together(local_aws: AwsHarness) -> None:
    name = local_aws.role().name

    def put(policy: str, characters: int) -> None:
        local_aws.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=sized(characters))

    put("first", 6_000)
    put("second", 4_240)
    too_long = ("LimitExceeded", f"Maximum policy size of 10240 bytes exceeded for role {name}")
    assert refusal(put, policy="third", characters=100) == too_long
    assert refusal(put, policy="second", characters=4_241) == too_long
    put("first", 5_000)
    put("third", 1_000)


def test_the_sizes_of_users_and_groups(local_aws: AwsHarness) -> None:
    user, group = unique("user"), unique("group")
    local_aws.iam.create_user(UserName=user)
    local_aws.iam.create_group(GroupName=group)
    for call, given, most in (
        (local_aws.iam.put_user_policy, {"UserName": user}, 2_048),
        (local_aws.iam.put_group_policy, {"GroupName": group}, 5_120),
    ):
        assert refusal(call, **given, PolicyName="p", PolicyDocument=sized(most + 1))[0] == "LimitExceeded"
        call(**given, PolicyName="p", PolicyDocument=sized(most))


def test_a_role_has_ten_managed_policies(local_aws: AwsHarness) -> None:
    name = local_aws.role().name
    arns = [
        local_aws.iam.create_policy(PolicyName=unique("policy"), PolicyDocument=document(READ))["Policy"]["Arn"]
        for _ in range(11)
    ]
    for arn in (*arns[:10], arns[0]):
        local_aws.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    found = refusal(local_aws.iam.attach_role_policy, RoleName=name, PolicyArn=arns[10])
    assert found == ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")

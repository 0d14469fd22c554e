"""Patches of IAM: AWS-managed policies, the policy simulator, permissions boundaries, identity providers."""

from __future__ import annotations

import json

import pytest

from support.common import unique
from support.iam_callers import account, allow, deny, policy, refused, role, trust, user
from support.in_process_aws import ACCOUNT, AwsHarness

FULL = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
BUCKET = "arn:aws:s3:::shop"


def test_a_policy_of_aws_is_attached_described_and_evaluated(enforcing: AwsHarness) -> None:
    iam, someone = enforcing.iam, user(enforcing)
    described = iam.get_policy(PolicyArn=FULL)["Policy"]
    version = iam.get_policy_version(PolicyArn=FULL, VersionId=described["DefaultVersionId"])["PolicyVersion"]
    assert "sagemaker:*" in json.dumps(version["Document"])
    with refused("AccessDeniedException"):
        someone.client("sagemaker").list_models()
    iam.attach_user_policy(UserName=someone.name, PolicyArn=FULL)
    someone.client("sagemaker").list_models()
    with refused("AccessDenied"):
        someone.client("iam").create_user(UserName="other")
    attached = iam.list_attached_user_policies(UserName=someone.name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": FULL}]
    assert someone.name in [item["UserName"] for item in iam.list_entities_for_policy(PolicyArn=FULL)["PolicyUsers"]]
    iam.detach_user_policy(UserName=someone.name, PolicyArn=FULL)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/AmazonSageMakerCanvasFullAccess",
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
    ],
)
def test_policies_of_aws_are_found_at_their_paths(local_aws: AwsHarness, arn: str) -> None:
    name = role(local_aws, trust(account())).rpartition("/")[2]
    local_aws.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    assert [item["PolicyArn"] for item in local_aws.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]] == [arn]


@pytest.mark.parametrize("name", ["NoSuchPolicy", "AWSLambdaBasicExecutionRole", "AmazonSageMaker"])
def test_a_policy_that_aws_does_not_have_at_this_path_is_missing(local_aws: AwsHarness, name: str) -> None:
    with refused("NoSuchEntity"):
        local_aws.iam.get_policy(PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    someone = user(local_aws)
    with refused("NoSuchEntity"):
        local_aws.iam.attach_user_policy(UserName=someone.name, PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def test_policies_of_aws_are_listed_and_belong_to_aws(local_aws: AwsHarness) -> None:
    iam = local_aws.iam
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 1000})
    assert len({item["Arn"] for page in pages for item in page["Policies"]}) > 1000
    made = iam.create_policy(PolicyName=unique("own"), PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    local = {item["Arn"] for page in iam.get_paginator("list_policies").paginate(Scope="Local") for item in page["Policies"]}
    assert made in local
    assert not [arn for arn in local if ":aws:policy/" in arn]
    with refused("AccessDenied", "iam:DeletePolicy on resource: policy " + FULL, status=403):
        iam.delete_policy(PolicyArn=FULL)
    with refused("AccessDenied", "iam:CreatePolicyVersion", status=403):
        iam.create_policy_version(PolicyArn=FULL, PolicyDocument=policy(allow("s3:*")))
    with refused("AccessDenied", "iam:TagPolicy", status=403):
        iam.tag_policy(PolicyArn=FULL, Tags=[{"Key": "a", "Value": "b"}])


def test_the_simulator_decides_as_the_local_aws_does(local_aws: AwsHarness) -> None:
    arn = role(
        local_aws,
        trust(account()),
        allow("s3:GetObject", f"{BUCKET}/*"),
        deny("s3:GetObject", f"{BUCKET}/secret/*"),
        allow("s3:ListBucket", BUCKET, StringLike={"s3:prefix": "input/*"}),
    )
    asked = {"PolicySourceArn": arn, "ActionNames": ["s3:GetObject", "s3:PutObject"]}
    found = local_aws.iam.simulate_principal_policy(**asked, ResourceArns=[f"{BUCKET}/a", f"{BUCKET}/secret/a"])[
        "EvaluationResults"
    ]
    assert [(item["EvalActionName"], item["EvalResourceName"], item["EvalDecision"]) for item in found] == [
        ("s3:GetObject", f"{BUCKET}/a", "allowed"),
        ("s3:GetObject", f"{BUCKET}/secret/a", "explicitDeny"),
        ("s3:PutObject", f"{BUCKET}/a", "implicitDeny"),
        ("s3:PutObject", f"{BUCKET}/secret/a", "implicitDeny"),
    ]
    [statement] = found[0]["MatchedStatements"]
    assert statement["SourcePolicyId"] == f"role_{arn.rpartition('/')[2]}_inline"
    text = policy(allow("s3:GetObject", f"{BUCKET}/*"))
    start = text.index('{"Effect"')
    assert statement["StartPosition"] == {"Line": 1, "Column": start + 1}
    assert statement["EndPosition"]["Line"] == 1
    listed = {"PolicySourceArn": arn, "ActionNames": ["s3:ListBucket"], "ResourceArns": [BUCKET]}
    [unknown] = local_aws.iam.simulate_principal_policy(**listed)["EvaluationResults"]
    assert (unknown["EvalDecision"], unknown["MissingContextValues"]) == ("implicitDeny", ["s3:prefix"])
    prefix = [{"ContextKeyName": "s3:prefix", "ContextKeyType": "string", "ContextKeyValues": ["input/a"]}]
    [known] = local_aws.iam.simulate_principal_policy(**listed, ContextEntries=prefix)["EvaluationResults"]
    assert (known["EvalDecision"], known["MissingContextValues"]) == ("allowed", [])
    assert local_aws.iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == ["s3:prefix"]


def test_the_simulator_takes_policies_boundaries_and_the_policy_of_a_resource(local_aws: AwsHarness) -> None:
    iam, someone = local_aws.iam, user(local_aws)
    custom = {"ActionNames": ["sqs:SendMessage"], "PolicyInputList": [policy(allow("sqs:*"))]}
    [alone] = iam.simulate_custom_policy(**custom)["EvaluationResults"]
    assert alone["EvalDecision"] == "allowed"
    assert alone["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    [limited] = iam.simulate_custom_policy(**custom, PermissionsBoundaryPolicyInputList=[policy(allow("sns:*"))])[
        "EvaluationResults"
    ]
    assert limited["EvalDecision"] == "implicitDeny"
    assert limited["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    granting = policy(allow("s3:GetObject", f"{BUCKET}/*") | {"Principal": {"AWS": someone.arn}})
    [granted] = iam.simulate_principal_policy(
        PolicySourceArn=someone.arn,
        ActionNames=["s3:GetObject"],
        ResourceArns=[f"{BUCKET}/a"],
        ResourcePolicy=granting,
        CallerArn=someone.arn,
    )["EvaluationResults"]
    assert granted["EvalDecision"] == "allowed"
    variables = policy(allow("s3:*", BUCKET + "/${aws:username}/*", Bool={"aws:SecureTransport": "true"}))
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[variables])["ContextKeyNames"] == [
        "aws:securetransport", "aws:username",
    ]  # fmt: skip


def test_the_simulator_refuses_what_is_no_principal_or_no_policy(local_aws: AwsHarness) -> None:
    iam = local_aws.iam
    with refused("InvalidInput", "does not clearly define entity type and name"):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b", ActionNames=["s3:GetObject"])
    with refused("NoSuchEntity"):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/missing", ActionNames=["s3:GetObject"])
    with refused("InvalidInput", "Effect"):
        iam.simulate_custom_policy(PolicyInputList=['{"Statement": [{"Effect": "x"}]}'], ActionNames=["s3:GetObject"])
    with refused("InvalidInput", "Invalid action name"):
        iam.simulate_custom_policy(PolicyInputList=[policy(allow("s3:*"))], ActionNames=["GetObject"])


def test_a_user_has_a_boundary_that_exists(local_aws: AwsHarness) -> None:
    name = unique("user")
    with refused("NoSuchEntity"):
        local_aws.iam.create_user(UserName=name, PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/missing")
    local_aws.iam.create_user(UserName=name, PermissionsBoundary=FULL)
    assert local_aws.iam.get_user(UserName=name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == FULL
    [listed] = [user for user in local_aws.iam.list_users()["Users"] if user["UserName"] == name]
    assert "PermissionsBoundary" not in listed  # as the API reference says of lists
    local_aws.iam.delete_user_permissions_boundary(UserName=name)
    assert "PermissionsBoundary" not in local_aws.iam.get_user(UserName=name)["User"]
    with refused("NoSuchEntity"):
        local_aws.iam.delete_user_permissions_boundary(UserName=name)


def test_the_boundary_of_a_role_exists(local_aws: AwsHarness) -> None:
    missing = f"arn:aws:iam::{ACCOUNT}:policy/{unique('missing')}"
    document = trust(account())
    name = unique("bounded")
    with refused("NoSuchEntity", f"Scope ARN: {missing} does not exist or is not attachable."):
        local_aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, PermissionsBoundary=missing)
    with refused("NoSuchEntity"):
        local_aws.iam.get_role(RoleName=name)
    local_aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, PermissionsBoundary=FULL)
    with refused("NoSuchEntity"):
        local_aws.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=missing)
    bounded = local_aws.iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert bounded == FULL


@pytest.mark.parametrize(
    "url", ["http://example.org", "https://example.org:8443", "https://example.org/?tenant=a", "example.org"]
)
def test_an_identity_provider_that_is_refused(local_aws: AwsHarness, url: str) -> None:
    with refused("ValidationError"):
        local_aws.iam.create_open_id_connect_provider(Url=url, ThumbprintList=["0" * 40])
    host = f"https://{unique('issuer')}.example.org/path"
    assert local_aws.iam.create_open_id_connect_provider(Url=host, ThumbprintList=["0" * 40])

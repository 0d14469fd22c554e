"""Temporary credentials while IAM is enforced: who gets them, and what they allow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.iam_callers import ALLOW_ALL, account, allow, deny, from_sts, policy, refused, role, trust, user
from support.in_process_aws import ACCOUNT, AwsHarness

LIST_QUEUES, LIST_TOPICS = allow("sqs:ListQueues"), allow("sns:ListTopics")


def test_a_role_is_assumed_where_its_trust_and_the_caller_s_policies_allow(enforcing: AwsHarness) -> None:
    someone = user(enforcing)
    by_account, by_name = role(enforcing, trust(account()), LIST_QUEUES), role(enforcing, trust(someone.arn), LIST_QUEUES)
    wanted = f"User: {someone.arn} is not authorized to perform: sts:AssumeRole on resource: {by_account}"
    with refused("AccessDenied", wanted, status=403):
        someone.assume(by_account)
    session = someone.assume(by_name)  # its trust policy names the user, who needs no policy then
    assert session.client("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{_name(by_name)}/worker"
    someone.put(allow("sts:AssumeRole", by_account))
    someone.assume(by_account).client("sqs").list_queues()
    other = user(enforcing, ALLOW_ALL)
    with refused("AccessDenied", "sts:AssumeRole"):
        other.assume(by_name)


def test_only_a_service_assumes_an_execution_role(enforcing: AwsHarness) -> None:
    with refused("AccessDenied", "local is not authorized to perform: sts:AssumeRole"):
        enforcing.client("sts").assume_role(RoleArn=enforcing.role().arn, RoleSessionName="me")


def test_a_role_that_does_not_exist_is_not_assumed(local_aws: AwsHarness) -> None:
    for arn in (f"arn:aws:iam::{ACCOUNT}:role/missing", "arn:aws:iam::999999999999:role/else"):
        with refused("AccessDenied", f"sts:AssumeRole on resource: {arn}", status=403):
            local_aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")


def test_a_trust_policy_sees_external_id_session_name_and_tags(enforcing: AwsHarness) -> None:
    someone = user(enforcing, allow(["sts:AssumeRole", "sts:TagSession"]))
    conditions = {"sts:ExternalId": "secret", "aws:RequestTag/team": "search"}
    arn = role(enforcing, trust(account(), StringEquals=conditions), LIST_QUEUES)
    tags = [{"Key": "team", "Value": "search"}]
    with refused("AccessDenied"):
        someone.assume(arn, Tags=tags)
    with refused("AccessDenied"):
        someone.assume(arn, ExternalId="secret", Tags=[{"Key": "team", "Value": "else"}])
    someone.assume(arn, ExternalId="secret", Tags=tags)
    someone.put(allow("sts:AssumeRole"))
    with refused("AccessDenied", "sts:TagSession"):
        someone.assume(arn, ExternalId="secret", Tags=tags)


def test_session_policies_limit_and_session_tags_are_tags_of_the_principal(enforcing: AwsHarness) -> None:
    someone = user(enforcing, allow(["sts:AssumeRole", "sts:TagSession"]))
    tagged = allow("sns:ListTopics", "*", StringEquals={"aws:PrincipalTag/team": "search"})
    arn = role(enforcing, trust(account()), LIST_QUEUES, tagged)
    limited = someone.assume(arn, Policy=policy(LIST_TOPICS), Tags=[{"Key": "team", "Value": "search"}])
    limited.client("sns").list_topics()
    with refused("AccessDenied", "because no session policy allows the sqs:listqueues action"):
        limited.client("sqs").list_queues()
    with refused("AuthorizationError"):
        someone.assume(arn).client("sns").list_topics()
    managed = enforcing.iam.create_policy(PolicyName=_name(arn), PolicyDocument=policy(LIST_QUEUES))["Policy"]["Arn"]
    by_arn = someone.assume(arn, PolicyArns=[{"arn": managed}])
    by_arn.client("sqs").list_queues()
    with refused("MalformedPolicyDocument"):
        someone.assume(arn, Policy=json.dumps({"Statement": [{"Effect": "Perhaps"}]}))


def test_a_chained_session_lasts_an_hour_and_inherits_transitive_tags(enforcing: AwsHarness) -> None:
    second = role(enforcing, trust(account()), LIST_QUEUES, MaxSessionDuration=7200)
    first = role(enforcing, trust(account()), allow(["sts:AssumeRole", "sts:TagSession"]), MaxSessionDuration=7200)
    someone = user(enforcing, allow(["sts:AssumeRole", "sts:TagSession"]))
    session = someone.assume(first, DurationSeconds=7200, Tags=[{"Key": "team", "Value": "a"}], TransitiveTagKeys=["team"])
    with refused("ValidationError", "exceeds the 1 hour session limit for roles assumed by role chaining"):
        session.assume(second, DurationSeconds=3601)
    session.assume(second, DurationSeconds=3600)
    with refused("InvalidParameterValue", "transitive tag keys can't be set"):
        session.assume(second, Tags=[{"Key": "team", "Value": "b"}])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"DurationSeconds": 3601}, "exceeds the MaxSessionDuration set for this role"),
        ({"DurationSeconds": 43_201}, "'durationSeconds' failed to satisfy constraint: Member must have value less than"),
        ({"RoleSessionName": "a b"}, "'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression"),
    ],
)
def test_sessions_that_sts_does_not_issue(local_aws: AwsHarness, asked: dict[str, Any], words: str) -> None:
    arn = role(local_aws, trust(account()))
    with refused("ValidationError", words):
        local_aws.client("sts").assume_role(**{"RoleArn": arn, "RoleSessionName": "me", **asked})


def test_a_boundary_limits_what_policies_grant_but_not_what_a_resource_grants_to_a_user(enforcing: AwsHarness) -> None:
    bucket = enforcing.bucket()
    enforcing.put(bucket, "there", b"1")
    boundary = enforcing.iam.create_policy(PolicyName=bucket, PolicyDocument=policy(LIST_QUEUES))["Policy"]["Arn"]
    someone = user(enforcing, LIST_QUEUES, LIST_TOPICS, allow("sts:AssumeRole"))
    enforcing.iam.put_user_permissions_boundary(UserName=someone.name, PermissionsBoundary=boundary)
    assert enforcing.iam.get_user(UserName=someone.name)["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    someone.client("sqs").list_queues()
    with refused("AuthorizationError", "because no permissions boundary allows the SNS:ListTopics action"):
        someone.client("sns").list_topics()
    worker = role(enforcing, trust(someone.arn), LIST_TOPICS, PermissionsBoundary=boundary)
    session = someone.assume(worker)
    grants = [allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*") | {"Principal": {"AWS": arn}} for arn in (someone.arn, worker)]
    enforcing.s3.put_bucket_policy(Bucket=bucket, Policy=policy(*grants))
    someone.client("s3").get_object(Bucket=bucket, Key="there")
    with refused("AccessDenied", "because no permissions boundary allows"):
        session.client("s3").get_object(Bucket=bucket, Key="there")
    enforcing.s3.put_bucket_policy(Bucket=bucket, Policy=policy(grants[1] | {"Principal": {"AWS": session.arn}}))
    session.client("s3").get_object(Bucket=bucket, Key="there")
    enforcing.iam.delete_user_permissions_boundary(UserName=someone.name)
    someone.client("sns").list_topics()


def test_a_role_that_is_made_again_is_another_principal(enforcing: AwsHarness) -> None:
    arn = role(enforcing, trust(account()), LIST_QUEUES)
    session = user(enforcing, allow("sts:AssumeRole")).assume(arn)
    session.client("sqs").list_queues()
    enforcing.iam.delete_role_policy(RoleName=_name(arn), PolicyName="inline")
    enforcing.iam.delete_role(RoleName=_name(arn))
    enforcing.iam.create_role(RoleName=_name(arn), AssumeRolePolicyDocument=trust(account()))
    enforcing.iam.put_role_policy(RoleName=_name(arn), PolicyName="inline", PolicyDocument=policy(LIST_QUEUES))
    with refused("AccessDenied", "sqs:listqueues"):
        session.client("sqs").list_queues()


def test_tokens_of_users_have_their_rights_but_iam_s(enforcing: AwsHarness) -> None:
    someone = user(enforcing, LIST_QUEUES, allow("iam:*"), allow("sts:*"))
    issued = from_sts(enforcing, someone.arn, someone.client("sts").get_session_token()["Credentials"])
    issued.client("sqs").list_queues()
    with refused("InvalidClientTokenId", status=403):
        issued.client("iam").list_users()
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", status=403):
        issued.client("sts").get_session_token()

    def federated(**more: Any) -> Any:
        done = someone.client("sts").get_federation_token(Name="bob", **more)
        return from_sts(enforcing, done["FederatedUser"]["Arn"], done["Credentials"])

    federated(Policy=policy(LIST_QUEUES)).client("sqs").list_queues()
    with refused("AccessDenied", f"arn:aws:sts::{ACCOUNT}:federated-user/bob"):
        federated().client("sqs").list_queues()
    someone.put(deny("sqs:*"))
    with refused("AccessDenied", "sts:GetFederationToken"):
        federated()


def test_an_inactive_key_is_unknown(enforcing: AwsHarness) -> None:
    someone = user(enforcing, LIST_QUEUES)
    key = someone.credentials["aws_access_key_id"]
    enforcing.iam.update_access_key(UserName=someone.name, AccessKeyId=key, Status="Inactive")
    with refused("InvalidClientTokenId", status=403):
        someone.client("sts").get_caller_identity()


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]

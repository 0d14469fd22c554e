"""New buckets own their objects and block public access, as on AWS; ACLs and policies that this excludes are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from support.common import refusal, unique
from support.in_process_aws import REGION, AwsHarness

PLACE = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
OPEN = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), False)
DISABLED = ("AccessControlListNotSupported", "The bucket does not allow ACLs")
READER = "http://acs.amazonaws.com/groups/global/AllUsers"


def bucket_with_acls(local_aws: AwsHarness, ownership: str = "ObjectWriter") -> str:
    name = unique("bucket")
    local_aws.s3.create_bucket(Bucket=name, ObjectOwnership=ownership, **PLACE)
    return name


def grants(answer: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(grant["Grantee"].get("URI"), grant["Permission"]) for grant in answer["Grants"]]


def test_a_new_bucket_disables_acls_and_blocks_public_access(local_aws: AwsHarness) -> None:
    """LocalStack's snapshots recorded on AWS."""
    bucket = local_aws.bucket()
    rules = local_aws.s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    block = local_aws.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(OPEN, True)


@pytest.mark.parametrize("acl", [{"ACL": "private"}, {"ACL": "public-read"}, {"GrantRead": f'uri="{READER}"'}])
def test_acls_of_objects_are_refused_where_they_are_disabled(local_aws: AwsHarness, acl: dict[str, str]) -> None:
    bucket = local_aws.bucket()
    local_aws.put(bucket, "source", b"x")
    named = {"Bucket": bucket, "Key": "k", **acl}
    assert refusal(local_aws.s3.put_object, **named, Body=b"x") == DISABLED
    assert refusal(local_aws.s3.copy_object, **named, CopySource=f"{bucket}/source") == DISABLED
    assert refusal(local_aws.s3.create_multipart_upload, **named) == DISABLED
    assert refusal(local_aws.s3.put_object_acl, **named | {"Key": "source"}) == DISABLED
    assert refusal(local_aws.s3.put_bucket_acl, Bucket=bucket, **acl) == DISABLED
    assert local_aws.keys(bucket) == ["source"]


def test_full_control_of_the_bucket_owner_is_accepted(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    local_aws.put(bucket, "k", b"x", ACL="bucket-owner-full-control")
    assert grants(local_aws.s3.get_object_acl(Bucket=bucket, Key="k")) == [(None, "FULL_CONTROL")]
    owner = local_aws.s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]
    local_aws.put(bucket, "k", b"x", GrantFullControl=f'id="{owner}"')


def test_an_unknown_acl_is_refused(local_aws: AwsHarness) -> None:
    for bucket in (local_aws.bucket(), bucket_with_acls(local_aws)):
        local_aws.put(bucket, "source", b"x")
        named = {"Bucket": bucket, "Key": "k", "ACL": "fake-acl"}
        assert refusal(local_aws.s3.put_object, **named, Body=b"x")[0] == "InvalidArgument"
        both = named | {"ACL": "bucket-owner-full-control", "GrantRead": f'uri="{READER}"'}
        assert refusal(local_aws.s3.copy_object, **both, CopySource=f"{bucket}/source")[0] == "InvalidRequest"
        assert local_aws.keys(bucket) == ["source"]
    assert refusal(local_aws.s3.put_bucket_acl, Bucket=bucket, ACL="fake-acl")[0] == "InvalidArgument"
    assert refusal(local_aws.s3.create_bucket, Bucket=unique("bucket"), ACL="fake-acl", **PLACE)[0] == "InvalidArgument"


def test_a_form_is_refused_with_an_acl(local_aws: AwsHarness) -> None:
    bucket, signing = local_aws.bucket(), local_aws.client("s3", signature_version="s3v4")
    for acl, status, text in (("public-read", 400, DISABLED[1]), ("bucket-owner-full-control", 204, "")):
        form = signing.generate_presigned_post(bucket, "k", Fields={"acl": acl}, Conditions=[{"acl": acl}])
        answer = requests.post(form["url"], data=form["fields"], files={"file": b"x"}, timeout=10)
        assert (answer.status_code, text in answer.text) == (status, True), answer.text


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"),
        ({"ACL": "public-read", "ObjectOwnership": "ObjectWriter"}, "InvalidBucketAclWithBlockPublicAccessError"),
        ({"ObjectOwnership": "Nobody"}, "InvalidArgument"),
    ],
)
def test_a_bucket_is_not_created_with(local_aws: AwsHarness, request_: dict[str, str], code: str) -> None:
    name = unique("bucket")
    assert refusal(local_aws.s3.create_bucket, Bucket=name, **PLACE, **request_)[0] == code
    assert name not in [bucket["Name"] for bucket in local_aws.s3.list_buckets()["Buckets"]]


def test_a_private_acl_of_a_new_bucket_is_accepted(local_aws: AwsHarness) -> None:
    local_aws.s3.create_bucket(Bucket=unique("bucket"), ACL="private", **PLACE)


def test_public_acls_are_refused_until_they_are_unblocked(local_aws: AwsHarness) -> None:
    bucket = bucket_with_acls(local_aws)
    local_aws.put(bucket, "k", b"x", ACL="private")
    for call, request in (
        (local_aws.s3.put_object, {"Key": "k", "ACL": "public-read"}),
        (local_aws.s3.put_object_acl, {"Key": "k", "ACL": "authenticated-read"}),
        (local_aws.s3.put_bucket_acl, {"ACL": "public-read"}),
    ):
        code, message = refusal(call, Bucket=bucket, **request)
        assert (code, "BlockPublicAcls" in message) == ("AccessDenied", True)
    local_aws.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    local_aws.s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    local_aws.put(bucket, "k", b"x")
    assert grants(local_aws.s3.get_object_acl(Bucket=bucket, Key="k")) == [(None, "FULL_CONTROL")]  # not that of the bucket


def test_an_acl_in_a_body_takes_effect(local_aws: AwsHarness) -> None:
    bucket = bucket_with_acls(local_aws, "BucketOwnerPreferred")
    local_aws.s3.delete_public_access_block(Bucket=bucket)
    local_aws.put(bucket, "k", b"x")
    policy = {
        "Owner": local_aws.s3.get_object_acl(Bucket=bucket, Key="k")["Owner"],
        "Grants": [{"Grantee": {"Type": "Group", "URI": READER}, "Permission": "READ"}],
    }
    local_aws.s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=policy)
    assert grants(local_aws.s3.get_object_acl(Bucket=bucket, Key="k")) == [(READER, "READ")]
    enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    local_aws.s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=enforced)
    assert grants(local_aws.s3.get_object_acl(Bucket=bucket, Key="k")) == [(None, "FULL_CONTROL")]


def test_ownership_is_not_enforced_on_a_bucket_that_others_may_use(local_aws: AwsHarness) -> None:
    bucket = bucket_with_acls(local_aws)
    local_aws.s3.delete_public_access_block(Bucket=bucket)
    local_aws.s3.put_bucket_acl(Bucket=bucket, ACL="log-delivery-write")
    put = local_aws.s3.put_bucket_ownership_controls
    for rules, code in (
        ([{"ObjectOwnership": "BucketOwnerEnforced"}], "InvalidBucketAclWithObjectOwnership"),
        ([{"ObjectOwnership": "Nobody"}], "MalformedXML"),
        ([{"ObjectOwnership": "ObjectWriter"}] * 2, "MalformedXML"),
    ):
        assert refusal(put, Bucket=bucket, OwnershipControls={"Rules": rules})[0] == code


def test_a_public_policy_is_refused_until_it_is_unblocked(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    code, message = refusal(local_aws.s3.put_bucket_policy, Bucket=bucket, Policy=policy)
    assert (code, "BlockPublicPolicy" in message) == ("AccessDenied", True)
    local_aws.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    local_aws.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert local_aws.s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]

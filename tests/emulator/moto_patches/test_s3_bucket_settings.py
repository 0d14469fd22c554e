"""Buckets whose names, encryption or lifecycle rules S3 refuses."""

from __future__ import annotations

from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import REGION, AwsHarness

RULE: dict[str, Any] = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}}


@pytest.fixture(scope="module")
def bucket(local_aws: AwsHarness) -> str:
    """A bucket whose settings are all refused."""
    return local_aws.bucket()


@pytest.mark.parametrize(
    "name", ["under_score", "-start", "end-", "two..dots", "xn--name", "192.168.0.1", "any-s3alias", "sthree-any", "a" * 64]
)
def test_a_name_that_is_refused(local_aws: AwsHarness, name: str) -> None:
    place = {"LocationConstraint": REGION}
    assert refusal(local_aws.s3.create_bucket, Bucket=name, CreateBucketConfiguration=place)[0] == "InvalidBucketName"
    local_aws.s3.create_bucket(Bucket=unique(f"{len(name)}.dotted"), CreateBucketConfiguration=place)


@pytest.mark.parametrize(
    ("default", "code"),
    [
        ({"SSEAlgorithm": "rot13"}, "MalformedXML"),
        ({"SSEAlgorithm": "AES256", "KMSMasterKeyID": "alias/aws/s3"}, "InvalidArgument"),
    ],
)
def test_an_encryption_that_is_refused(local_aws: AwsHarness, bucket: str, default: dict[str, str], code: str) -> None:
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    found = refusal(local_aws.s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    assert found[0] == code


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([], "MalformedXML"),
        ([RULE], "InvalidRequest"),
        ([RULE | {"Status": "On", "Expiration": {"Days": 1}}], "MalformedXML"),
        ([RULE | {"ID": "x" * 256, "Expiration": {"Days": 1}}], "InvalidArgument"),
        ([RULE | {"Expiration": {"Days": 0}}], "InvalidArgument"),
        ([RULE | {"Expiration": {"Days": 1}}] * 2, "InvalidArgument"),
        ([RULE | {"NoncurrentVersionExpiration": {"NoncurrentDays": 0}}], "InvalidArgument"),
        ([RULE | {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 101}}], "InvalidArgument"),
        ([RULE | {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}], "InvalidArgument"),
        (
            [
                RULE
                | {"Filter": {"Tag": {"Key": "a", "Value": "b"}}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
            ],
            "InvalidRequest",
        ),
    ],
)
def test_a_lifecycle_that_is_refused(local_aws: AwsHarness, bucket: str, rules: list[dict[str, Any]], code: str) -> None:
    given = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": rules}}
    assert refusal(local_aws.s3.put_bucket_lifecycle_configuration, **given)[0] == code
    assert refusal(local_aws.s3.get_bucket_lifecycle_configuration, Bucket=bucket)[0] == "NoSuchLifecycleConfiguration"


def test_a_bucket_encrypts_by_default(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()

    def methods() -> list[str]:
        found = local_aws.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        return [rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] for rule in found]

    assert methods() == ["AES256"]
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    local_aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    assert methods() == ["aws:kms"]
    local_aws.s3.delete_bucket_encryption(Bucket=bucket)
    assert methods() == ["AES256"]


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("AllowedOrigins", ["https://*.example.*"]),
        ("AllowedOrigins", ["https://example.org", "**"]),
        ("AllowedHeaders", ["x-*-*"]),
    ],
)
def test_a_cors_rule_that_is_refused(local_aws: AwsHarness, bucket: str, member: str, values: list[str]) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://*.example.org"], "AllowedHeaders": ["x-*"]}
    put = local_aws.s3.put_bucket_cors
    code, message = refusal(put, Bucket=bucket, CORSConfiguration={"CORSRules": [rule | {member: values}]})
    assert (code, message) == (
        "InvalidRequest",
        f'{member.removesuffix("s")} "{values[-1]}" can not have more than one wildcard.',
    )
    other = local_aws.bucket()
    put(Bucket=other, CORSConfiguration={"CORSRules": [rule]})
    assert local_aws.s3.get_bucket_cors(Bucket=other)["CORSRules"][0]["AllowedOrigins"] == ["https://*.example.org"]

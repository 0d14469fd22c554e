"""Objects and states of versioning that S3 refuses: keys, metadata, encryption. Nothing is stored then."""

from __future__ import annotations

from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import AwsHarness

TOO_LONG = "é" * 513  # 1,026 bytes


@pytest.fixture(scope="module")
def bucket(local_aws: AwsHarness) -> str:
    return local_aws.bucket()


def write_calls(aws: AwsHarness, bucket: str) -> dict[str, Any]:
    source = local_source(aws, bucket)
    return {
        "put": aws.s3.put_object,
        "upload": aws.s3.create_multipart_upload,
        "copy": lambda **rest: aws.s3.copy_object(CopySource=source, MetadataDirective="REPLACE", **rest),
    }


def local_source(aws: AwsHarness, bucket: str) -> dict[str, str]:
    aws.put(bucket, "source", b"content")
    return {"Bucket": bucket, "Key": "source"}


@pytest.mark.parametrize("how", ["put", "upload", "copy"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Key": TOO_LONG}, "KeyTooLongError"),
        ({"Metadata": {"name": "v" * 2_045}}, "MetadataTooLarge"),
        ({"Metadata": {"a": "v" * 1_024, "b": "v" * 1_023}}, "MetadataTooLarge"),
        ({"ServerSideEncryption": "aws:rot13"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/aws/s3"}, "InvalidArgument"),
        ({"SSEKMSKeyId": "alias/aws/s3"}, "InvalidArgument"),
    ],
)
def test_an_object_that_is_refused(local_aws: AwsHarness, bucket: str, how: str, change: dict[str, Any], code: str) -> None:
    key = unique("refused")
    assert refusal(write_calls(local_aws, bucket)[how], Bucket=bucket, **{"Key": key} | change)[0] == code
    assert local_aws.keys(bucket, "refused") == []


def test_the_largest_key_and_metadata_are_stored(local_aws: AwsHarness, bucket: str) -> None:
    key, metadata = f"{'é' * 511}ab", {"name": "v" * 2_044}
    local_aws.put(bucket, key, b"", Metadata=metadata, ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/aws/s3")
    assert local_aws.s3.head_object(Bucket=bucket, Key=key)["Metadata"] == metadata


def test_only_symmetric_keys_encrypt_objects_and_messages(local_aws: AwsHarness, bucket: str) -> None:
    key = local_aws.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    code, message = refusal(
        local_aws.s3.put_object, Bucket=bucket, Key=unique("k"), ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
    assert (code, key in message) == ("KMS.InvalidKeyUsageException", True)
    queue = local_aws.queue(KmsMasterKeyId=key)
    assert refusal(local_aws.sqs.send_message, QueueUrl=queue.url, MessageBody="x")[0] == "KmsInvalidKeyUsage"
    topic = local_aws.topic(KmsMasterKeyId=key)
    assert refusal(local_aws.sns.publish, TopicArn=topic, Message="x")[0] == "KMSInvalidState"


def test_states_of_versioning(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()

    def refused(**versioning: str) -> tuple[str, str]:
        return refusal(local_aws.s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=versioning)

    assert refused() == ("IllegalVersioningConfigurationException", "The Versioning element must be specified")
    for status in ("Disabled", "enabled", "Off"):
        assert refused(Status=status)[0] == "MalformedXML"
    assert "Status" not in local_aws.s3.get_bucket_versioning(Bucket=bucket)
    local_aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    locked = unique("locked")
    local_aws.s3.create_bucket(
        Bucket=locked, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}, ObjectLockEnabledForBucket=True
    )
    suspend = {"Status": "Suspended"}
    found = refusal(local_aws.s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration=suspend)
    assert found[0] == "InvalidBucketState"

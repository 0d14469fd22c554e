"""KMS keys that are disabled or pending deletion: what KMS refuses, and what S3, SNS and SQS refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.common import refusal, unique
from support.in_process_aws import AwsHarness


def key(aws: AwsHarness) -> tuple[str, str]:
    made = aws.kms.create_key()["KeyMetadata"]
    return made["KeyId"], made["Arn"]


@pytest.mark.parametrize("by", ["id", "arn"])
def test_a_key_is_managed_by_id_or_arn(local_aws: AwsHarness, by: str) -> None:
    name, arn = key(local_aws)
    kms, given = local_aws.kms, {"id": name, "arn": arn}[by]

    def state() -> str:
        found: str = kms.describe_key(KeyId=name)["KeyMetadata"]["KeyState"]
        return found

    kms.disable_key(KeyId=given)
    assert state() == "Disabled"
    kms.enable_key(KeyId=given)
    kms.enable_key_rotation(KeyId=given)
    assert kms.get_key_rotation_status(KeyId=given)["KeyRotationEnabled"]
    kms.put_key_policy(
        KeyId=given, PolicyName="default", Policy=kms.get_key_policy(KeyId=given, PolicyName="default")["Policy"]
    )
    kms.schedule_key_deletion(KeyId=given, PendingWindowInDays=7)
    assert state() == "PendingDeletion"
    kms.cancel_key_deletion(KeyId=given)
    assert state() == "Disabled"
    assert refusal(kms.cancel_key_deletion, KeyId=given)[0] == "KMSInvalidStateException"


@pytest.mark.parametrize("action", ["disable_key", "enable_key", "schedule_key_deletion", "enable_key_rotation"])
def test_an_alias_does_not_manage_a_key(local_aws: AwsHarness, action: str) -> None:
    name, _ = key(local_aws)
    alias = f"alias/{unique('managed')}"
    local_aws.kms.create_alias(AliasName=alias, TargetKeyId=name)
    assert refusal(getattr(local_aws.kms, action), KeyId=alias)[0] == "NotFoundException"
    assert local_aws.kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyState"] == "Enabled"


def test_kms_does_not_use_a_key_in_the_wrong_state(local_aws: AwsHarness) -> None:
    kms = local_aws.kms
    name, arn = key(local_aws)
    alias = f"alias/{unique('used')}"
    kms.create_alias(AliasName=alias, TargetKeyId=arn)
    text = kms.encrypt(KeyId=alias, Plaintext=b"text")["CiphertextBlob"]
    uses: list[Callable[[], Any]] = [
        lambda: kms.encrypt(KeyId=alias, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=text),
        lambda: kms.generate_data_key(KeyId=arn, KeySpec="AES_256"),
        lambda: kms.create_grant(KeyId=name, GranteePrincipal="arn:aws:iam::123456789012:role/r", Operations=["Decrypt"]),
        lambda: kms.enable_key_rotation(KeyId=name),
    ]
    kms.disable_key(KeyId=name)
    assert {refusal(use)[0] for use in uses} == {"DisabledException"}
    assert refusal(uses[0])[1] == f"{arn} is disabled."
    kms.schedule_key_deletion(KeyId=name)
    changes = [
        *uses,
        lambda: kms.enable_key(KeyId=name),
        lambda: kms.disable_key(KeyId=name),
        lambda: kms.schedule_key_deletion(KeyId=name),
        lambda: kms.tag_resource(KeyId=name, Tags=[{"TagKey": "a", "TagValue": "b"}]),
        lambda: kms.create_alias(AliasName=f"{alias}2", TargetKeyId=name),
    ]
    assert {refusal(change)[0] for change in changes} == {"KMSInvalidStateException"}
    assert refusal(kms.schedule_key_deletion, KeyId=key(local_aws)[0], PendingWindowInDays=6)[0] == "ValidationException"


def test_services_do_not_use_a_disabled_key(local_aws: AwsHarness) -> None:
    name, arn = key(local_aws)
    bucket, queue, topic = local_aws.bucket(), local_aws.queue(KmsMasterKeyId=arn), local_aws.topic(KmsMasterKeyId=name)
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}}
    local_aws.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})
    local_aws.put(bucket, "before", b"x")
    plain = {"ServerSideEncryption": "AES256"}
    uses: dict[str, Callable[[], Any]] = {
        "put": lambda: local_aws.put(bucket, "after", b"x"),
        "get": lambda: local_aws.s3.get_object(Bucket=bucket, Key="before"),
        "copy": lambda: local_aws.s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/before", **plain),
        "parts": lambda: local_aws.s3.create_multipart_upload(Bucket=bucket, Key="parts"),
        "send": lambda: local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody="x"),
        "receive": lambda: local_aws.sqs.receive_message(QueueUrl=queue.url),
        "publish": lambda: local_aws.sns.publish(TopicArn=topic, Message="x"),
    }
    for use in uses.values():
        use()
    local_aws.kms.disable_key(KeyId=name)
    codes = {word: refusal(use)[0] for word, use in uses.items()}
    s3 = dict.fromkeys(("put", "get", "copy", "parts"), "KMS.DisabledException")
    sqs = dict.fromkeys(("send", "receive"), "KmsDisabled")
    assert codes == {**s3, **sqs, "publish": "KMSDisabled"}
    local_aws.put(bucket, "plain", b"x", **plain)  # the bucket's default is not used
    local_aws.s3.head_object(Bucket=bucket, Key="before")  # needs no data key
    local_aws.kms.enable_key(KeyId=name)
    for use in uses.values():
        use()


def test_an_object_cannot_be_encrypted_with_a_key_that_does_not_exist(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    for missing in ("alias/no-such-key", "1234abcd-12ab-34cd-56ef-1234567890ab"):
        with pytest.raises(ClientError, match=r"KMS\.NotFoundException"):
            local_aws.put(bucket, "key", b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=missing)
    local_aws.put(bucket, "key", b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/aws/s3")


def test_a_key_has_a_rotation_period_while_it_rotates(local_aws: AwsHarness) -> None:
    kms = local_aws.kms
    key = kms.create_key()["KeyMetadata"]

    def period() -> int | None:
        return kms.get_key_rotation_status(KeyId=key["Arn"]).get("RotationPeriodInDays")

    assert period() is None
    kms.enable_key_rotation(KeyId=key["KeyId"])
    assert period() == 365
    kms.enable_key_rotation(KeyId=key["Arn"], RotationPeriodInDays=2560)
    assert period() == 2560
    kms.disable_key_rotation(KeyId=key["KeyId"])
    assert period() is None

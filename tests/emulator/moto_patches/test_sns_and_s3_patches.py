"""Patches of moto that consumers see: all subscriptions, SNS signatures, AccessDenied."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from moto.sns.models import sns_backends

from async_endpoint.local_aws import ACCOUNT_ID
from support.common import refusal
from support.in_process_aws import REGION, AwsHarness


def denied(local_aws: AwsHarness, bucket: str, action: str) -> None:
    """Deny `action` in `bucket` to every principal."""
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*"}
    local_aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def test_a_message_reaches_more_than_a_hundred_subscriptions(local_aws: AwsHarness) -> None:
    topic = local_aws.topic()
    queues = [local_aws.queue(open_to_sns=number == 100) for number in range(101)]
    for queue in queues:
        local_aws.subscribe(topic, queue)
    local_aws.sns.publish(TopicArn=topic, Message="hello")
    assert len(queues[100].take()) == 1


def delivered(local_aws: AwsHarness, **message: Any) -> dict[str, Any]:
    topic, queue = local_aws.topic(), local_aws.queue()
    local_aws.subscribe(topic, queue)
    local_aws.sns.publish(TopicArn=topic, Message="hello", **message)
    body: dict[str, Any] = json.loads(queue.take()[0])
    return body


def verify(body: dict[str, Any]) -> None:
    """As a consumer that checks: the certificate that the message names, over what SNS signs."""
    name = body["SigningCertURL"].rpartition("/")[2]
    certificate = x509.load_pem_x509_certificate(sns_backends[ACCOUNT_ID][REGION]._message_public_keys[name])
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    signed = ["Message", "MessageId", *(["Subject"] if "Subject" in body else []), "Timestamp", "TopicArn", "Type"]
    text = "".join(f"{field}\n{body[field]}\n" for field in signed)
    key.verify(base64.b64decode(body["Signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_a_delivery_is_signed_with_its_subject_and_one_certificate_serves_all(local_aws: AwsHarness) -> None:
    plain = delivered(local_aws)
    titled = delivered(
        local_aws, Subject="a subject", MessageAttributes={"colour": {"DataType": "String", "StringValue": "blue"}}
    )
    verify(plain)
    verify(titled)
    assert plain["SigningCertURL"] == titled["SigningCertURL"]
    assert (titled["Subject"], titled["SignatureVersion"], titled["Type"]) == ("a subject", "2", "Notification")
    assert titled["MessageAttributes"] == {"colour": {"Type": "String", "Value": "blue"}}
    assert titled["UnsubscribeURL"].startswith(f"https://sns.{REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:")


def test_a_denial_of_s3_says_access_denied(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    local_aws.put(bucket, "key", b"value")
    denied(local_aws, bucket, "s3:GetObject")
    assert refusal(local_aws.s3.get_object, Bucket=bucket, Key="key") == ("AccessDenied", "Access Denied")
    denied(local_aws, bucket, "s3:PutObject")
    assert refusal(local_aws.s3.put_object, Bucket=bucket, Key="key", Body=b"") == ("AccessDenied", "Access Denied")
    assert local_aws.s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"value"


def test_a_denied_head_request_has_a_status_only(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    local_aws.put(bucket, "key", b"value")
    denied(local_aws, bucket, "s3:*")
    assert refusal(local_aws.s3.head_object, Bucket=bucket, Key="key") == ("403", "Forbidden")


# --- s3_suspended_versioning ----------------------------------------------------------------------------------------------


def test_suspended_versioning_keeps_other_versions_and_the_bucket_can_be_emptied(local_aws: AwsHarness) -> None:
    bucket, s3 = local_aws.bucket(), local_aws.s3

    def versions() -> list[dict[str, Any]]:
        listed = s3.list_object_versions(Bucket=bucket)
        return [*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = [local_aws.s3.put_object(Bucket=bucket, Key="key", Body=body)["VersionId"] for body in (b"1", b"2")]
    kept.append(s3.delete_object(Bucket=bucket, Key="key")["VersionId"])
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="key", Body=b"3")
    s3.put_object(Bucket=bucket, Key="key", Body=b"4")
    assert {item["VersionId"] for item in versions()} == {*kept, "null"}
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"4"

    assert s3.delete_object(Bucket=bucket, Key="key")["DeleteMarker"]
    assert {item["VersionId"] for item in versions()} == {*kept, "null"}
    assert s3.get_object(Bucket=bucket, Key="key", VersionId=kept[0])["Body"].read() == b"1"

    remaining = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions()]
    assert not s3.delete_objects(Bucket=bucket, Delete={"Objects": remaining}).get("Errors")
    assert versions() == []
    s3.delete_bucket(Bucket=bucket)

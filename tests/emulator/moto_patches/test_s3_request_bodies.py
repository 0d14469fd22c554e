"""The digests that a request to S3 states are those of its body, and a body is stored as it is, whatever its Content-Type."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import AwsHarness
from support.signing import Call

MEBIBYTE = 1 << 20
SMALL, LARGE = b"some content", b"x" * (2 * MEBIBYTE)
CHUNKED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def md5(content: bytes) -> str:
    return text(hashlib.md5(content, usedforsecurity=False).digest())


def crc32(content: bytes) -> str:
    return text(zlib.crc32(content).to_bytes(4, "big"))


@pytest.fixture(scope="module")
def bucket(local_aws: AwsHarness) -> str:
    return local_aws.bucket()


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-MD5": md5(b"other")}, "BadDigest"),
        ({"Content-MD5": "no digest"}, "InvalidDigest"),
        ({"Content-MD5": text(b"too short")}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": crc32(b"other")}, "BadDigest"),
        ({"x-amz-checksum-crc32": crc32(b"other"), "x-amz-sdk-checksum-algorithm": "CRC32"}, "BadDigest"),
        ({"x-amz-checksum-sha1": text(hashlib.sha1(b"other").digest())}, "BadDigest"),
        ({"x-amz-checksum-sha256": text(hashlib.sha256(b"other").digest())}, "BadDigest"),
        ({"x-amz-checksum-sha256": crc32(b"other")}, "InvalidRequest"),
        ({"x-amz-checksum-crc64nvme": crc32(b"other")}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "SHA256"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": crc32(b"other")}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": crc32(b"other"), "x-amz-checksum-sha1": crc32(b"other")}, "InvalidRequest"),
    ],
)
def test_a_body_that_is_not_what_was_stated_is_refused_and_not_stored(
    local_aws: AwsHarness, bucket: str, content: bytes, headers: dict[str, str], code: str
) -> None:
    key = unique("key")
    answer = Call(local_aws, "PUT", f"/{bucket}/{key}", content, headers).send()
    assert (answer.status, answer.code) == (400, code), answer.body
    assert not local_aws.keys(bucket, key)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_a_part_with_a_wrong_digest_is_refused_and_not_stored(local_aws: AwsHarness, bucket: str, content: bytes) -> None:
    made = {"Bucket": bucket, "Key": unique("key")}
    made["UploadId"] = local_aws.s3.create_multipart_upload(**made)["UploadId"]
    code, _ = refusal(local_aws.s3.upload_part, **made, PartNumber=1, Body=content, ContentMD5=md5(b"other"))
    assert code == "BadDigest"
    assert not local_aws.s3.list_parts(**made).get("Parts")


@pytest.mark.parametrize("query", ["?tagging", "?policy", "?delete"])
def test_requests_without_an_object_in_their_body_are_verified_too(local_aws: AwsHarness, bucket: str, query: str) -> None:
    method = "POST" if query == "?delete" else "PUT"
    answer = Call(local_aws, method, f"/{bucket}{query}", b"<Any/>", {"Content-MD5": md5(b"other")}).send()
    assert (answer.status, answer.code) == (400, "BadDigest"), answer.body


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", ["SHA1", "SHA256"])
def test_a_stated_checksum_is_kept_with_the_object(local_aws: AwsHarness, bucket: str, content: bytes, name: str) -> None:
    checksum = text(hashlib.new(name, content).digest())
    stated: dict[str, Any] = {f"Checksum{name}": checksum}
    local_aws.s3.put_object(Bucket=bucket, Key="kept", Body=content, ContentMD5=md5(content), **stated)
    assert local_aws.s3.head_object(Bucket=bucket, Key="kept", ChecksumMode="ENABLED")[f"Checksum{name}"] == checksum


@pytest.mark.parametrize("content", [SMALL, LARGE, b"\r\nx-amz-checksum-crc32:AAAAAA==\r\n"], ids=["small", "large", "trailer"])
def test_a_checksum_after_a_chunked_body_is_verified(local_aws: AwsHarness, bucket: str, content: bytes) -> None:
    def put(checksum: str) -> Any:
        headers = {
            "X-Amz-Content-SHA256": CHUNKED,
            "Content-Encoding": "aws-chunked",
            "X-Amz-Decoded-Content-Length": str(len(content)),
            "X-Amz-Trailer": "x-amz-checksum-crc32",
        }
        parts = Call(local_aws, "PUT", f"/{bucket}/chunked", b"", headers)
        end = f"\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
        body = f"{len(content):x}\r\n".encode() + content + end
        return parts.but(alter=lambda made: setattr(made, "body", body)).send()

    refused = put(crc32(b"other"))
    assert (refused.status, refused.code) == (400, "BadDigest"), refused.body
    answer = put(crc32(content))
    assert answer.status == 200, answer.body
    assert local_aws.s3.get_object(Bucket=bucket, Key="chunked")["Body"].read() == content
    found = local_aws.s3.head_object(Bucket=bucket, Key="chunked", ChecksumMode="ENABLED")
    assert found["ChecksumCRC32"] == crc32(content)


@pytest.mark.parametrize("content", [b"key=value&file=other", b"key=" + LARGE], ids=["small", "large"])
@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=edge"])
def test_a_form_is_stored_as_it_is(local_aws: AwsHarness, bucket: str, content: bytes, content_type: str) -> None:
    local_aws.s3.put_object(Bucket=bucket, Key="form", Body=content, ContentType=content_type)
    found = local_aws.s3.get_object(Bucket=bucket, Key="form")
    assert (found["ContentType"], found["Body"].read()) == (content_type, content)

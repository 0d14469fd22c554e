"""Uploads in parts that CompleteMultipartUpload refuses, and reads of one part."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import pytest

from support.common import refusal, unique
from support.in_process_aws import AwsHarness

FIRST, SECOND = b"a" * (5 << 20), b"the end"


def crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


@pytest.fixture(scope="module")
def bucket(local_aws: AwsHarness) -> str:
    return local_aws.bucket()


class Upload:
    """An upload of two parts."""

    def __init__(self, aws: AwsHarness, bucket: str, **options: Any) -> None:
        self.aws, self.target = aws, {"Bucket": bucket, "Key": unique("upload")}
        self.id = aws.s3.create_multipart_upload(**self.target, **options)["UploadId"]
        self.parts = [{"PartNumber": number, "ETag": self.put(number, body)} for number, body in ((1, FIRST), (2, SECOND))]

    def put(self, number: int, body: bytes, **options: Any) -> str:
        found = self.aws.s3.upload_part(**self.target, UploadId=self.id, PartNumber=number, Body=body, **options)
        return str(found["ETag"])

    def complete(self, parts: list[dict[str, Any]], **options: Any) -> Any:
        return self.aws.s3.complete_multipart_upload(
            **self.target, UploadId=self.id, MultipartUpload={"Parts": parts}, **options
        )


@pytest.fixture(scope="module")
def plain(local_aws: AwsHarness, bucket: str) -> Upload:
    """An upload whose completions are all refused."""
    return Upload(local_aws, bucket)


@pytest.fixture(scope="module")
def checked(local_aws: AwsHarness, bucket: str) -> Upload:
    """The same with CRC-32 of each part."""
    return Upload(local_aws, bucket, ChecksumAlgorithm="CRC32")


def with_checksums(upload: Upload, *checksums: str | None) -> list[dict[str, Any]]:
    return [
        part | ({"ChecksumCRC32": checksum} if checksum else {}) for part, checksum in zip(upload.parts, checksums, strict=True)
    ]


def test_completions_that_do_not_fit_the_upload(plain: Upload) -> None:
    first, second = plain.parts
    for parts, code in (
        ([second, first], "InvalidPartOrder"),
        ([first, first], "InvalidPartOrder"),
        ([first, second | {"PartNumber": 3}], "InvalidPart"),
        ([first, second | {"ETag": first["ETag"]}], "InvalidPart"),
        (with_checksums(plain, crc32(FIRST), None), "InvalidPart"),
    ):
        assert refusal(plain.complete, parts=parts)[0] == code, parts
    assert refusal(plain.complete, parts=plain.parts, MpuObjectSize=12)[0] == "InvalidRequest"
    gone = {**plain.target, "UploadId": "none", "MultipartUpload": {"Parts": plain.parts}}
    assert refusal(plain.aws.s3.complete_multipart_upload, **gone)[0] == "NoSuchUpload"
    assert plain.target["Key"] not in plain.aws.keys(plain.target["Bucket"])


def test_checksums_of_parts(checked: Upload) -> None:
    code, message = refusal(checked.complete, parts=with_checksums(checked, crc32(FIRST), None))
    assert (code, "It was missing for part 2" in message) == ("InvalidRequest", True)
    wrong = with_checksums(checked, crc32(FIRST), crc32(FIRST))
    assert refusal(checked.complete, parts=wrong)[0] == "InvalidPart"
    mismatch = refusal(checked.put, number=3, body=b"x", ChecksumAlgorithm="SHA256")
    assert mismatch == (
        "InvalidRequest",
        "Checksum Type mismatch occurred, expected checksum Type: crc32, actual checksum Type: sha256",
    )
    completed = checked.complete(with_checksums(checked, crc32(FIRST), crc32(SECOND)))
    assert completed["ETag"].endswith('-2"')


def test_one_part_is_read_by_its_number(local_aws: AwsHarness, bucket: str) -> None:
    upload = Upload(local_aws, bucket)
    upload.complete(upload.parts)
    whole = len(FIRST) + len(SECOND)
    for number, content in ((1, FIRST), (2, SECOND)):
        start = 0 if number == 1 else len(FIRST)
        for call in (local_aws.s3.get_object, local_aws.s3.head_object):
            found = call(**upload.target, PartNumber=number)
            assert (found["PartsCount"], found["ContentLength"]) == (2, len(content))
            assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
            assert found["ContentRange"] == f"bytes {start}-{start + len(content) - 1}/{whole}"
        assert local_aws.s3.get_object(**upload.target, PartNumber=number)["Body"].read() == content
    assert refusal(local_aws.s3.get_object, **upload.target, PartNumber=3)[0] == "InvalidPartNumber"
    assert refusal(local_aws.s3.head_object, **upload.target, PartNumber=3)[0] == "416"
    assert refusal(local_aws.s3.get_object, **upload.target, PartNumber=10_001)[0] == "InvalidArgument"
    assert refusal(local_aws.s3.get_object, **upload.target, PartNumber=1, Range="bytes=0-1")[0] == "InvalidRequest"


def test_an_object_without_parts_is_its_own_first_part(local_aws: AwsHarness, bucket: str) -> None:
    local_aws.put(bucket, "small", b"content")
    found = local_aws.s3.get_object(Bucket=bucket, Key="small", PartNumber=1)
    assert (found["Body"].read(), "PartsCount" in found) == (b"content", False)
    assert refusal(local_aws.s3.get_object, Bucket=bucket, Key="small", PartNumber=2)[0] == "InvalidPartNumber"

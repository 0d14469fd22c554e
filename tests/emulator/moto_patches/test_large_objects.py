"""Uploads in parts: the parts are in a file, and what S3 answers is what it answered before."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.container.payload import Payload
from async_endpoint.emulator.moto_backends import get_object
from support.common import refusal
from support.in_process_aws import AwsHarness

MEBIBYTE = 1 << 20
PART = 6 * MEBIBYTE


@contextmanager
def grows_less_than(mebibytes: int) -> Iterator[None]:
    """Python's own memory, at its peak."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes * MEBIBYTE
    finally:
        tracemalloc.stop()


def upload(local_aws: AwsHarness, bucket: str, parts: list[bytes], **options: Any) -> dict[str, Any]:
    """Upload in parts under the key `k`, the last part first."""
    started = local_aws.s3.create_multipart_upload(Bucket=bucket, Key="k", **options)["UploadId"]
    put = {}
    for number, part in reversed(list(enumerate(parts, 1))):
        answer = local_aws.s3.upload_part(Bucket=bucket, Key="k", UploadId=started, PartNumber=number, Body=part)
        put[number] = answer["ETag"]
    whole = {"Parts": [{"PartNumber": number, "ETag": put[number]} for number in sorted(put)]}
    answer = local_aws.s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=started, MultipartUpload=whole)
    return dict(answer)


@pytest.mark.parametrize("checksum", [{}, {"ChecksumAlgorithm": "SHA256"}, {"ChecksumAlgorithm": "CRC32"}])
def test_an_upload_is_the_parts_in_order_with_s3s_etag(local_aws: AwsHarness, checksum: dict[str, str]) -> None:
    bucket = local_aws.bucket()
    parts = [random.Random(number).randbytes(size) for number, size in enumerate((PART, PART, 1_000))]
    answer = upload(local_aws, bucket, parts, **checksum)
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    assert answer["ETag"] == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-3"'
    assert local_aws.s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"".join(parts)


def test_a_part_that_is_too_small_or_unknown_is_refused(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    assert "EntityTooSmall" in refusal(lambda: upload(local_aws, bucket, [bytes(2 * MEBIBYTE), bytes(PART)]))
    started = local_aws.s3.create_multipart_upload(Bucket=bucket, Key="other")["UploadId"]
    local_aws.s3.upload_part(Bucket=bucket, Key="other", UploadId=started, PartNumber=1, Body=bytes(PART))
    unknown = {"Parts": [{"PartNumber": 1, "ETag": "none"}]}
    code, _ = refusal(
        local_aws.s3.complete_multipart_upload, Bucket=bucket, Key="other", UploadId=started, MultipartUpload=unknown
    )
    assert code == "InvalidPart"


def test_parts_and_object_of_a_large_output_take_no_memory(local_aws: AwsHarness, deploy: Any) -> None:
    """48 MiB pass through the execution role's upload, and from there to a reader, in pieces."""
    deployed = deploy()
    content = Payload(bytes(48 * MEBIBYTE))
    from async_endpoint.emulator.hosting.execution_role import AssumedRole  # noqa: PLC0415

    role, uri = AssumedRole(deployed.role.arn, "eu-west-1"), S3Uri(deployed.bucket, "output/large")
    with grows_less_than(24):
        role.put_object(uri, content, "application/x", None)
        found = get_object(uri).payload
        with found.open() as file:
            assert sum(len(part) for part in iter(lambda: file.read(MEBIBYTE), b"")) == len(content)

"""Large objects pass through the local AWS in pieces, however they are written, copied and read, and stay what they were."""

from __future__ import annotations

import gc
import hashlib
import random
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator import s3_object_body
from async_endpoint.emulator.container.payload import Descriptor, FilePayload, Payload
from async_endpoint.emulator.moto_backends import get_object
from async_endpoint.emulator.persistence import moto_state, pickling
from support.common import refusal
from support.in_process_aws import AwsHarness

MEBIBYTE = 1 << 20
PART = 6 * MEBIBYTE


@contextmanager
def grows_less_than(mebibytes: int) -> Iterator[None]:
    """Python's own memory, at its peak; a client's part of it too."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes * MEBIBYTE
    finally:
        tracemalloc.stop()


def parts_of(*sizes: int) -> list[bytes]:
    return [random.Random(number).randbytes(size) for number, size in enumerate(sizes)]


def start(local_aws: AwsHarness, bucket: str, key: str, parts: list[bytes], **options: Any) -> dict[str, Any]:
    """Upload parts, the last one first; returns the request that completes the upload, with the checksums of its parts."""
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = local_aws.s3.create_multipart_upload(**upload, **options)["UploadId"]
    put = {
        number: local_aws.s3.upload_part(**upload, PartNumber=number, Body=part, **options)
        for number, part in reversed(list(enumerate(parts, 1)))
    }
    kept = ["ETag", *(f"Checksum{algorithm}" for algorithm in options.values())]
    named = [{"PartNumber": number} | {name: put[number][name] for name in kept} for number in sorted(put)]
    return upload | {"MultipartUpload": {"Parts": named}}


def upload(local_aws: AwsHarness, bucket: str, parts: list[bytes], **options: Any) -> dict[str, Any]:
    """Upload in parts under the key `k`."""
    return dict(local_aws.s3.complete_multipart_upload(**start(local_aws, bucket, "k", parts, **options)))


def read(local_aws: AwsHarness, bucket: str, key: str = "k", **options: Any) -> bytes:
    body: bytes = local_aws.s3.get_object(Bucket=bucket, Key=key, **options)["Body"].read()
    return body


@pytest.mark.parametrize("checksum", [{}, {"ChecksumAlgorithm": "SHA256"}, {"ChecksumAlgorithm": "CRC32"}])
def test_an_upload_is_the_parts_in_order_with_s3s_etag(local_aws: AwsHarness, checksum: dict[str, str]) -> None:
    bucket, parts = local_aws.bucket(), parts_of(PART, PART, 1_000)
    answer = upload(local_aws, bucket, parts, **checksum)
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    assert answer["ETag"] == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-3"'
    assert read(local_aws, bucket) == b"".join(parts)


def test_ranges_of_a_large_object_are_those_of_its_content(local_aws: AwsHarness) -> None:
    bucket, parts = local_aws.bucket(), parts_of(PART, 2 * MEBIBYTE)
    upload(local_aws, bucket, parts)
    whole = b"".join(parts)
    for stated, first, last in (
        (f"bytes={PART - 2}-{PART + 1}", PART - 2, PART + 1),  # across two parts
        ("bytes=0-", 0, len(whole) - 1),
        (f"bytes=5-{len(whole) * 2}", 5, len(whole) - 1),
        ("bytes=-3000000", len(whole) - 3_000_000, len(whole) - 1),
    ):
        answer = local_aws.s3.get_object(Bucket=bucket, Key="k", Range=stated)
        assert answer["ContentRange"] == f"bytes {first}-{last}/{len(whole)}"
        assert answer["Body"].read() == whole[first : last + 1]
    assert refusal(local_aws.s3.get_object, Bucket=bucket, Key="k", Range=f"bytes={len(whole)}-")[0] == "InvalidRange"


def test_copies_have_the_content_and_remain_when_their_source_is_gone(local_aws: AwsHarness) -> None:
    bucket, s3, parts = local_aws.bucket(), local_aws.s3, parts_of(PART, 2 * MEBIBYTE)
    upload(local_aws, bucket, parts)
    whole, source = b"".join(parts), {"Bucket": bucket, "Key": "k"}
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, ChecksumAlgorithm="SHA256")["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(whole, usedforsecurity=False).hexdigest()}"'
    made = {"Bucket": bucket, "Key": "joined"}
    made["UploadId"] = s3.create_multipart_upload(**made)["UploadId"]
    ranges = [f"bytes=1-{PART}", f"bytes={PART - 5}-{PART + 5}"]
    numbered = []
    for number, span in enumerate(ranges, 1):
        part = s3.upload_part_copy(**made, PartNumber=number, CopySource=source, CopySourceRange=span)["CopyPartResult"]
        numbered.append({"PartNumber": number, "ETag": part["ETag"]})
    s3.complete_multipart_upload(**made, MultipartUpload={"Parts": numbered})
    s3.put_object(**source, Body=b"another")
    assert read(local_aws, bucket, "copy") == whole
    assert read(local_aws, bucket, "joined") == whole[1 : PART + 1] + whole[PART - 5 : PART + 6]


def test_a_reader_of_a_large_object_is_not_disturbed_by_its_deletion(local_aws: AwsHarness) -> None:
    bucket, (content,) = local_aws.bucket(), parts_of(PART)
    local_aws.put(bucket, "k", content)
    answer = local_aws.s3.get_object(Bucket=bucket, Key="k")["Body"]
    first = answer.read(1)
    local_aws.s3.delete_object(Bucket=bucket, Key="k")
    assert first + answer.read() == content


def test_a_part_that_is_too_small_or_unknown_is_refused(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    assert "EntityTooSmall" in refusal(lambda: upload(local_aws, bucket, [bytes(2 * MEBIBYTE), bytes(PART)]))
    whole = start(local_aws, bucket, "other", [bytes(PART)])
    whole["MultipartUpload"]["Parts"][0]["ETag"] = "none"
    assert refusal(local_aws.s3.complete_multipart_upload, **whole)[0] == "InvalidPart"


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        (f"bytes=0-{2 * MEBIBYTE}", f"Range specified is not valid for source object of size: {2 * MEBIBYTE}"),
        ("bytes=5-4", "must be of the form bytes=first-last"),
        ("bytes=5-", "must be of the form bytes=first-last"),
        ("0-5", "must be of the form bytes=first-last"),
    ],
)
def test_a_part_is_copied_from_a_range_within_its_source_only(local_aws: AwsHarness, stated: str, message: str) -> None:
    bucket = local_aws.bucket()
    local_aws.put(bucket, "k", bytes(2 * MEBIBYTE))
    made = {"Bucket": bucket, "Key": "part"}
    made["UploadId"] = local_aws.s3.create_multipart_upload(**made)["UploadId"]
    source = {"Bucket": bucket, "Key": "k"}
    code, said = refusal(local_aws.s3.upload_part_copy, **made, PartNumber=1, CopySource=source, CopySourceRange=stated)
    assert (code, message in said) == ("InvalidArgument", True), said
    assert not local_aws.s3.list_parts(**made).get("Parts")


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


def test_a_large_object_is_written_copied_and_read_in_pieces(local_aws: AwsHarness, tmp_path: Path) -> None:
    bucket, s3, size = local_aws.bucket(), local_aws.s3, 48 * MEBIBYTE
    content = tmp_path / "content"
    content.write_bytes(bytes(size))
    with grows_less_than(16):
        with content.open("rb") as file:
            s3.put_object(Bucket=bucket, Key="k", Body=file)
        s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"}, ChecksumAlgorithm="SHA1")
        body = s3.get_object(Bucket=bucket, Key="copy")["Body"]
        assert sum(map(len, body.iter_chunks(MEBIBYTE))) == size


def test_no_file_remains_of_a_deleted_object_and_of_an_aborted_upload(local_aws: AwsHarness) -> None:
    def files() -> int:
        gc.collect()
        return sum(isinstance(thing, Descriptor) for thing in gc.get_objects())

    bucket, s3 = local_aws.bucket(), local_aws.s3
    before = files()
    upload(local_aws, bucket, parts_of(PART, PART))
    begun = start(local_aws, bucket, "aborted", parts_of(PART, PART))
    del begun["MultipartUpload"]
    assert files() == before + 2  # one for each upload, whatever its number of parts
    s3.abort_multipart_upload(**begun)
    s3.delete_object(Bucket=bucket, Key="k")
    assert files() == before


def test_a_part_is_not_copied_from_an_object_that_does_not_exist(local_aws: AwsHarness) -> None:
    bucket = local_aws.bucket()
    made = {"Bucket": bucket, "Key": "part"}
    made["UploadId"] = local_aws.s3.create_multipart_upload(**made)["UploadId"]
    source = {"Bucket": bucket, "Key": "absent"}
    assert refusal(local_aws.s3.upload_part_copy, **made, PartNumber=1, CopySource=source)[0] == "NoSuchKey"


def test_an_object_can_be_copied_to_itself(local_aws: AwsHarness) -> None:
    bucket, parts = local_aws.bucket(), parts_of(PART, PART)
    upload(local_aws, bucket, parts)
    source = {"Bucket": bucket, "Key": "k"}
    local_aws.s3.copy_object(**source, CopySource=source, MetadataDirective="REPLACE", Metadata={"a": "b"})
    assert read(local_aws, bucket) == b"".join(parts)


def test_files_have_no_name_so_that_none_remains_after_a_kill(
    local_aws: AwsHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bucket = local_aws.bucket()
    upload(local_aws, bucket, parts_of(PART, PART))
    local_aws.put(bucket, "single", parts_of(PART)[0])
    assert (local_aws.keys(bucket), list(tmp_path.iterdir())) == (["k", "single"], [])


def test_a_snapshot_has_large_bodies_as_payloads(local_aws: AwsHarness) -> None:
    bucket, (content,) = local_aws.bucket(), parts_of(PART)
    moto_state.identify_bodies()
    local_aws.put(bucket, "k", content)
    key = moto_state.find_object(S3Uri(bucket, "k"))
    kept: list[Payload] = []

    def keep(_: str, body: Any) -> tuple[int, int, int]:
        kept.append(body())
        return 0, len(kept[0]), 0

    text = pickling.dumps(key, keep)
    assert isinstance(kept[0], FilePayload)
    restored = pickling.loads(text, lambda *_: kept[0])
    assert s3_object_body.body_of(restored) is kept[0]
    assert restored.value == content
    restored.dispose()

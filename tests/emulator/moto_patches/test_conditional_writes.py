"""Conditional writes of S3: locks of states and leases of queues depend on one of several succeeding."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import S3Backend

from support.in_process_aws import AwsHarness

THREADS = 16


def succeeds(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 412)
        return False
    return True


def test_of_concurrent_conditional_writes_and_deletions_one_succeeds(local_aws: AwsHarness) -> None:
    s3 = local_aws.client("s3", max_pool_connections=THREADS)
    lock = {"Bucket": local_aws.bucket(), "Key": "lock"}

    def winners(call: Callable[..., Any], *, bodies: bool = True, **condition: str) -> int:
        arguments = [lock | condition | ({"Body": b"%d" % number} if bodies else {}) for number in range(THREADS)]
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(lambda one: succeeds(call, **one), arguments))

    for _ in range(3):
        assert winners(s3.put_object, IfNoneMatch="*") == 1
        s3.put_object(**lock, Body=b"first")  # the same content would have the same ETag
        assert winners(s3.put_object, IfMatch=s3.head_object(**lock)["ETag"]) == 1
        assert winners(s3.delete_object, bodies=False, IfMatch=s3.head_object(**lock)["ETag"]) == 1
        parts = []
        for number in range(THREADS):
            upload = s3.create_multipart_upload(**lock)["UploadId"]
            etag = s3.upload_part(**lock, UploadId=upload, PartNumber=1, Body=b"%d" % number)["ETag"]
            parts.append({"UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}})
        with ThreadPoolExecutor(THREADS) as pool:
            complete = partial(succeeds, s3.complete_multipart_upload, **lock, IfNoneMatch="*")
            assert sum(pool.map(lambda part, complete=complete: complete(**part), parts)) == 1
        s3.delete_object(**lock)


@pytest.mark.parametrize("other", ["put_object", "delete_object"])
def test_no_unconditional_write_gets_between_condition_and_write(
    local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    s3, bucket = local_aws.client("s3", max_pool_connections=2), local_aws.bucket()
    etag = s3.put_object(Bucket=bucket, Key="state", Body=b"old")["ETag"]
    arguments = {"Bucket": bucket, "Key": "state"} | ({"Body": b"other"} if other == "put_object" else {})
    thread = threading.Thread(target=getattr(s3, other), kwargs=arguments)
    put, begun = S3Backend.put_object, list[str]()

    def interrupted(*positional: Any, **options: Any) -> Any:
        if not begun:
            begun.append("conditional")
            thread.start()
            thread.join(0.3)  # ends here where the other call gets in between
        return put(*positional, **options)

    monkeypatch.setattr(S3Backend, "put_object", interrupted)
    s3.put_object(Bucket=bucket, Key="state", Body=b"new", IfMatch=etag)
    thread.join()
    found = local_aws.read(f"s3://{bucket}/state")
    assert (found.body if found else None) == (b"other" if other == "put_object" else None), "the later call is the last"

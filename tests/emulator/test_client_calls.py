"""The calls to S3 and SQS of a local AWS: real parameters, real error codes, real parts of an upload."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, Submitted
from async_endpoint.aws import AwsSession
from async_endpoint.client.retries import Retries
from async_endpoint.client.uploads import PART_BYTES, upload_or_inline
from async_endpoint.core.errors import ResultNotReady, UsageError
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.operations.notifications import find_notifications
from support.common import unique
from support.in_memory_aws import outputs, refusal
from support.in_process_aws import AwsHarness

__all__ = ["outputs", "refusal"]


@pytest.fixture
def session(local_aws: AwsHarness, outputs: Any) -> Iterator[AwsSession]:
    """A session with a bucket for the endpoint of `outputs`."""
    session, bucket = AwsSession(local_aws.client, outputs.region, local_aws.url), outputs.storage.bucket
    session.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": outputs.region})
    yield session
    for stored in session.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        session.s3.delete_object(Bucket=bucket, Key=stored["Key"])
    session.s3.delete_bucket(Bucket=bucket)


def submitted(outputs: Any, name: str) -> Submitted:
    base = outputs.storage
    return Submitted(name, None, f"{base.output_uri}{name}.out", f"{base.failure_uri}{name}.out", 60, datetime.now(UTC))


def upload(session: AwsSession, outputs: Any, payload: Path | bytes, content_type: str, name: str) -> str | None:
    retries = Retries(1, 0.1, 1.0, lambda seconds: False)
    folder = S3Uri.parse(outputs.storage.input_uri)
    return upload_or_inline(session, retries, folder, name, payload, content_type, inline=False)[1]


@pytest.mark.parametrize(("size", "parts"), [(PART_BYTES, None), (PART_BYTES + 1, 2), (2 * PART_BYTES + 5, 3)])
def test_a_large_payload_is_a_multipart_upload(
    session: AwsSession, outputs: Any, tmp_path: Path, size: int, parts: int | None
) -> None:
    (tmp_path / "rows.csv").write_bytes(b"0123456789abcdef" * (size // 16) + b"x" * (size % 16))
    location = upload(session, outputs, tmp_path / "rows.csv", "text/csv", "one")
    found = session.s3.get_object(Bucket=outputs.storage.bucket, Key="input/one.csv")
    assert location == f"{outputs.storage.input_uri}one.csv"
    assert found["ContentType"] == "text/csv"
    assert found["Body"].read() == (tmp_path / "rows.csv").read_bytes()
    assert found["ETag"].partition("-")[2] == (f'{parts}"' if parts else "")


def test_a_part_that_fails_leaves_no_upload_behind(
    session: AwsSession, outputs: Any, monkeypatch: pytest.MonkeyPatch, refusal: Any
) -> None:
    def refuse(**part: Any) -> None:
        raise refusal("AccessDenied", "no", 403)

    monkeypatch.setattr(session.s3, "upload_part", refuse)
    with pytest.raises(UsageError, match="s3:PutObject"):
        upload(session, outputs, b"x" * (PART_BYTES + 1), "text/csv", "one")
    assert "Uploads" not in session.s3.list_multipart_uploads(Bucket=outputs.storage.bucket)


def test_an_empty_payload_is_uploaded(session: AwsSession, outputs: Any) -> None:
    upload(session, outputs, b"", "image/png", "empty")
    assert session.s3.head_object(Bucket=outputs.storage.bucket, Key="input/empty.png")["ContentLength"] == 0


def test_an_upload_without_a_bucket_is_one_sentence(session: AwsSession, outputs: Any) -> None:
    gone = dataclasses.replace(outputs, storage=dataclasses.replace(outputs.storage, input_uri="s3://bucket-that-is-gone/i/"))
    with pytest.raises(UsageError, match="The bucket of s3://bucket-that-is-gone/i/one does not exist"):
        upload(session, gone, b"x", "unheard/of", "one")


@pytest.mark.parametrize("collect", ["listing", "head"])
def test_missing_then_there(session: AwsSession, outputs: Any, collect: Any) -> None:
    with AsyncEndpoint.from_outputs(outputs, session=session, config=ClientConfig(collect=collect)) as endpoint:
        late = endpoint.resume(dataclasses.replace(submitted(outputs, "late"), deadline_seconds=0))
        with pytest.raises(ResultNotReady):
            late.result()
        there = endpoint.resume(submitted(outputs, "one"))
        where = {"Bucket": outputs.storage.bucket, "Key": "output/one.out"}
        session.s3.put_object(**where, Body=b"{}", ContentType="application/json")
        completed = there.result()
    assert (completed.body, completed.content_type) == (b"{}", "application/json")


def test_own_messages_are_deleted_and_others_left(session: AwsSession, outputs: Any) -> None:
    queue_url = session.sqs.create_queue(QueueName=unique("results"))["QueueUrl"]
    theirs = [json.dumps({"invocationStatus": "Completed", "inferenceId": f"theirs-{number}"}) for number in range(12)]
    own = json.dumps({"invocationStatus": "Completed", "inferenceId": "one"})
    for body in (*theirs, own):
        session.sqs.send_message(QueueUrl=queue_url, MessageBody=body)
    found = find_notifications(session, queue_url, [submitted(outputs, "one")], seconds=30).notifications
    assert found["one"].status == "Completed"
    left: list[str] = []
    while messages := session.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        left += [message["Body"] for message in messages]
    assert sorted(left) == sorted(theirs)

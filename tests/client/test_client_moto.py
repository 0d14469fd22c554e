"""The calls to S3 and SQS against moto: real parameters, real error codes, real parts of an upload."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from moto import mock_aws

from async_endpoint.client.aws import AwsClients
from async_endpoint.client.collect import wait
from async_endpoint.client.inputs import upload
from async_endpoint.client.notifications import find_notifications
from async_endpoint.client.submit import Submitted
from async_endpoint.contract.errors import ResultNotReady, UsageError


@pytest.fixture
def clients(outputs: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsClients]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        clients = AwsClients.create(outputs.region)
        location = {"LocationConstraint": outputs.region}
        clients.s3.create_bucket(Bucket=outputs.storage.bucket, CreateBucketConfiguration=location)
        yield clients


def submitted(outputs: Any, name: str) -> Submitted:
    base = outputs.storage
    return Submitted(name, None, f"{base.output_uri}{name}.out", f"{base.failure_uri}{name}.out", 60, datetime.now(UTC))


def test_a_large_payload_goes_up_in_parts(clients: AwsClients, outputs: Any) -> None:
    location = upload(clients, outputs.storage, b"x" * 9_000_000, "text/csv", "one")
    head = clients.s3.head_object(Bucket=outputs.storage.bucket, Key="input/one.csv")
    assert location == f"{outputs.storage.input_uri}one.csv"
    assert head["ContentLength"] == 9_000_000
    assert head["ContentType"] == "text/csv"
    assert head["ETag"].endswith('-2"')


def test_an_empty_payload_goes_up(clients: AwsClients, outputs: Any) -> None:
    upload(clients, outputs.storage, b"", "image/png", "empty")
    assert clients.s3.head_object(Bucket=outputs.storage.bucket, Key="input/empty.png")["ContentLength"] == 0


def test_an_upload_without_a_bucket_is_one_sentence(clients: AwsClients, outputs: Any) -> None:
    gone = dataclasses.replace(outputs.storage, input_uri="s3://bucket-that-is-gone/input/")
    with pytest.raises(UsageError, match=r"s3:PutObject on s3://bucket-that-is-gone/input/one failed \(NoSuchBucket"):
        upload(clients, gone, b"x", "unheard/of", "one")


def test_missing_then_there(clients: AwsClients, outputs: Any) -> None:
    request = submitted(outputs, "one")
    with pytest.raises(ResultNotReady):
        wait(clients, request, outputs, deadline_seconds=0)
    clients.s3.put_object(Bucket=outputs.storage.bucket, Key="output/one.out", Body=b"{}", ContentType="application/json")
    completed = wait(clients, request, outputs, deadline_seconds=0)
    assert (completed.body, completed.content_type) == (b"{}", "application/json")


def test_own_messages_are_taken_and_others_left(clients: AwsClients, outputs: Any) -> None:
    queue_url = clients.sqs.create_queue(QueueName="results")["QueueUrl"]
    theirs = [json.dumps({"invocationStatus": "Completed", "inferenceId": f"theirs-{number}"}) for number in range(12)]
    ours = json.dumps({"invocationStatus": "Completed", "inferenceId": "one"})
    for body in (*theirs, ours):
        clients.sqs.send_message(QueueUrl=queue_url, MessageBody=body)
    found = find_notifications(clients, queue_url, [submitted(outputs, "one")], seconds=30)
    assert found["one"].status == "Completed"
    left: list[str] = []
    while messages := clients.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        left += [message["Body"] for message in messages]
    assert sorted(left) == sorted(theirs)

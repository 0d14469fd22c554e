"""The local AWS counts its calls by service and action."""

from __future__ import annotations

import threading
import urllib.request
from typing import Any

import pytest

from async_endpoint.emulator.call_counter import CallCounter
from support.common import refusal
from support.in_process_aws import AwsHarness


def signed(service: str, method: str = "POST", path: str = "/", **more: str) -> dict[str, Any]:
    scope = f"AWS4-HMAC-SHA256 Credential=key/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    return {"HTTP_AUTHORIZATION": scope, "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": ""} | more


def test_concurrent_calls_are_counted_once_each() -> None:
    calls = CallCounter(lambda *_: [b"answered"])

    def many() -> None:
        for _ in range(500):
            assert calls(signed("s3", "PUT", "/bucket/key"), lambda *_: None) == [b"answered"]
            calls(signed("sqs", HTTP_X_AMZ_TARGET="AmazonSQS.SendMessage"), lambda *_: None)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls.by_service() == {"s3": {"PutObject": 2_000}, "sqs": {"SendMessage": 2_000}}


def test_failed_calls_are_counted() -> None:
    def broken(*_: Any) -> Any:
        raise ConnectionAbortedError

    calls = CallCounter(broken)
    with pytest.raises(ConnectionAbortedError):
        calls(signed("monitoring", HTTP_X_AMZ_TARGET="GraniteServiceVersion20100801.PutMetricData"), lambda *_: None)
    assert calls.by_service() == {"cloudwatch": {"PutMetricData": 1}}


def test_calls_are_identified_in_every_protocol(remote_aws: AwsHarness) -> None:
    before = remote_aws.aws.status()["calls"]
    bucket, topic, queue = remote_aws.bucket(), remote_aws.topic(), remote_aws.queue()
    remote_aws.put(bucket, "a/key", b"")
    remote_aws.read(f"s3://{bucket}/a/key")
    assert remote_aws.keys(bucket) == ["a/key"]
    remote_aws.sns.publish(TopicArn=topic, Message="hello")
    assert queue.take() == []
    refusal(remote_aws.runtime.invoke_endpoint_async, EndpointName="none", Body=b"{}")
    status = urllib.request.Request(f"{remote_aws.url}/_local/status", headers=remote_aws.credentials.admin_headers())
    with urllib.request.urlopen(status, timeout=30):
        pass  # not signed
    after = remote_aws.aws.status()["calls"]
    new = {
        service: {
            action: number - before.get(service, {}).get(action, 0)
            for action, number in actions.items()
            if number != before.get(service, {}).get(action, 0)
        }
        for service, actions in after.items()
    }
    assert {service: actions for service, actions in new.items() if actions} == {
        "s3": {"CreateBucket": 1, "PutObject": 1, "GetObject": 1, "ListObjectsV2": 1},
        "sns": {"CreateTopic": 1, "Publish": 1},
        "sqs": {"CreateQueue": 1, "SetQueueAttributes": 1, "ReceiveMessage": 1},
        "sagemaker-runtime": {"InvokeEndpointAsync": 1},
    }

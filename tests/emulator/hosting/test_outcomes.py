"""Outcomes of a request: one object in S3, one notification, and the reason of a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core import limits
from async_endpoint.core.notifications import Notification, parse_notification
from async_endpoint.emulator.container import http_client
from async_endpoint.emulator.container.container import ContainerResponse, InvalidResponse
from support.common import until
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness
from support.sample_model import archive

LARGEST_BODY_IN_A_NOTIFICATION = 131_072


def notified(deployed: Deployed, word: str, inference_id: str) -> Notification:
    """The notification of one request among many."""
    while (found := deployed.queues[word].notification()).inference_id != inference_id:
        pass
    return found


def raw_message(deployed: Deployed, word: str, inference_id: str) -> dict[str, Any]:
    """A published notification, unparsed."""
    queue, found = deployed.queues[word], []

    def look() -> bool:
        found.extend(json.loads(json.loads(body)["Message"]) for body in queue.take())
        return any(message.get("inferenceId") == inference_id for message in found)

    until(look, f"the notification of {inference_id}")
    return next(message for message in found if message.get("inferenceId") == inference_id)


def test_a_success_notification_has_the_documented_shape(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    uri = local_aws.put(shared_endpoint.bucket, "input/shape.json", b'{"answer": "red"}')
    invoked = shared_endpoint.invoke(InputLocation=uri, ContentType="application/json", Accept="text/x", InferenceId="shape")
    assert shared_endpoint.outcome(invoked).body == b"red"
    message = raw_message(shared_endpoint, "Success", "shape")
    received, ended = (datetime.fromisoformat(message.pop(name)) for name in ("receivedTime", "eventTime"))
    assert received <= ended
    assert message == {
        "awsRegion": "eu-west-1",
        "invocationStatus": "Completed",
        "requestParameters": {
            "accept": "text/x",
            "contentType": "application/json",
            "endpointName": shared_endpoint.name,
            "inputLocation": uri,
        },
        "responseParameters": {"contentType": "text/x", "outputLocation": invoked.output},
        "responseBody": {"content": "red", "contentType": "text/x"},
        "inferenceId": "shape",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def test_an_error_notification_has_the_documented_shape(shared_endpoint: Deployed) -> None:
    invoked = shared_endpoint.invoke({"status": 400, "message": "not an image"}, InferenceId="bad-shape")
    reason = shared_endpoint.outcome(invoked).body.decode()
    message = raw_message(shared_endpoint, "Error", "bad-shape")
    assert {message.pop(name) != "" for name in ("receivedTime", "eventTime")} == {True}
    assert message == {
        "awsRegion": "eu-west-1",
        "invocationStatus": "Failed",
        "requestParameters": {"contentType": "application/json", "endpointName": shared_endpoint.name},
        "failureReason": reason,
        "failureLocation": invoked.failure,
        "responseBody": {"content": reason, "contentType": "text/plain"},
        "inferenceId": "bad-shape",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def test_both_notifications_are_parsed_by_core(shared_endpoint: Deployed) -> None:
    good, bad = shared_endpoint.invoke({"answer": "ok"}), shared_endpoint.invoke({"raise": "no"})
    success, error = (
        notified(shared_endpoint, "Success", good.inference_id),
        notified(shared_endpoint, "Error", bad.inference_id),
    )
    assert (success.status, success.output_location, success.failure_reason) == ("Completed", good.output, None)
    assert success.response_body == b"ok"
    assert (error.status, error.failure_location, error.output_location) == ("Failed", bad.failure, None)
    assert "no" in (error.failure_reason or "")


def test_a_response_too_large_for_a_message_is_still_uploaded(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    quotes = b'"' * 100_000  # 200 KB once escaped in the message, 400 KB once that is escaped in its envelope
    invoked = shared_endpoint.invoke(InputLocation=local_aws.put(shared_endpoint.bucket, "input/quotes", quotes))
    assert shared_endpoint.outcome(invoked).kind == "output"
    assert shared_endpoint.ask({"answer": "next"}).body == b"next"
    assert shared_endpoint.outcome(invoked).body == quotes


def test_the_response_is_in_the_notification_only_if_configured(deploy: Any) -> None:
    deployed = deploy(topics=True)
    invoked = deployed.invoke({"answer": "ok"})
    assert notified(deployed, "Success", invoked.inference_id).response_body is None


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"x" * LARGEST_BODY_IN_A_NOTIFICATION, b"x" * LARGEST_BODY_IN_A_NOTIFICATION),
        (b"x" * (LARGEST_BODY_IN_A_NOTIFICATION + 1), None),
        (b"\xff\x00", None),
        # Escaped it would be longer than a message of SNS may be.
        (b"\x01" * LARGEST_BODY_IN_A_NOTIFICATION, None),
    ],
    ids=["largest", "too large", "binary", "too large once escaped"],
)
def test_a_large_or_binary_response_is_not_in_the_notification(
    local_aws: AwsHarness, shared_endpoint: Deployed, answer: bytes, content: bytes | None
) -> None:
    invoked = shared_endpoint.invoke(InputLocation=local_aws.put(shared_endpoint.bucket, "input/answer", answer))
    assert shared_endpoint.outcome(invoked).body == answer
    assert notified(shared_endpoint, "Success", invoked.inference_id).response_body == content
    assert shared_endpoint.outcome(invoked).kind == "output"


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ({"status": 400, "message": "not an image"}, ["client error (400)", "not an image"]),
        ({"status": 503, "message": "busy"}, ["server error (503)", "busy"]),
        ({"status": 302, "message": "elsewhere"}, ["server error (302)", "elsewhere"]),  # A252
        ({"raise": "out of memory"}, ["server error (500)", "RuntimeError: out of memory"]),
        ({"raise": "ce n’est pas une image → 図"}, ["server error (500)", "→ 図"]),
        ({"raise": "x" * 100_000}, ["server error (500)", "xxx"]),
        ({"unfit": True}, ["server error (500)", "not JSON serializable"]),
    ],
)
def test_a_model_error_fails_the_request_with_its_reason(
    shared_endpoint: Deployed, orders: dict[str, Any], words: list[str]
) -> None:
    before = shared_endpoint.serving()
    reason = shared_endpoint.failure(orders)
    assert all(word in reason for word in words), reason
    assert [item["id"] for item in shared_endpoint.serving()] == [item["id"] for item in before], (
        "a model that answers with an error is not dead"
    )


@pytest.mark.parametrize(("answer", "sent"), [([1, 2], b"[\n  1,\n  2\n]"), (3, b"3"), (None, b"null")])
def test_a_non_text_result_is_sent_as_json(shared_endpoint: Deployed, answer: Any, sent: bytes) -> None:
    assert shared_endpoint.ask({"answer": {"unfit": answer}}).body == sent


def test_a_missing_input_is_distinguished_from_a_forbidden_one(local_aws: AwsHarness, deploy: Any) -> None:
    deployed = deploy()
    missing = f"s3://{deployed.bucket}/input/none"
    reason = deployed.failure(InputLocation=missing)
    assert (missing in reason, "NoSuchKey" in reason) == (True, True), reason
    deployed.role.allow(deployed.bucket, without=["list"])
    reason = deployed.failure(InputLocation=missing)
    assert ("AccessDenied" in reason, "s3:ListBucket" in reason) == (True, True), reason
    assert "NoSuchBucket" in deployed.failure(InputLocation="s3://no-such-bucket/input")
    until(lambda: sum(deployed.metric("RequestDownloadFailures")) == 3, "three failed downloads")


def test_an_input_the_role_may_not_read_fails(local_aws: AwsHarness, deploy: Any) -> None:
    deployed = deploy(topics=True)
    elsewhere = local_aws.put(local_aws.bucket(), "shirt.png", b"shirt")
    invoked = deployed.invoke(InputLocation=elsewhere)
    reason = deployed.outcome(invoked).body.decode()
    assert "is not authorized to perform: s3:GetObject" in reason
    assert f"assumed-role/{deployed.role.name}/" in reason
    assert notified(deployed, "Error", invoked.inference_id).failure_reason == reason


def test_an_oversized_input_or_response_fails(
    local_aws: AwsHarness, shared_endpoint: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With smaller limits than AWS's 1 GB."""
    monkeypatch.setattr(limits, "INPUT_OBJECT_BYTES", 1_000)
    large = local_aws.put(shared_endpoint.bucket, "input/large", b"x" * 1_001)
    assert "it has 1001 bytes; at most 1000 are accepted" in shared_endpoint.failure(InputLocation=large)
    monkeypatch.setattr(limits, "OUTPUT_OBJECT_BYTES", 500)
    assert "has more than the maximum of 500 bytes" in shared_endpoint.failure({"answer": "x" * 501})
    assert shared_endpoint.ask({"answer": "x" * 500}).kind == "output"


def responding(monkeypatch: pytest.MonkeyPatch, answer: Callable[[ContainerResponse], ContainerResponse]) -> None:
    """Replace what containers answer, as another server in them would."""
    request = http_client.ContainerClient.request

    def replaced(self: Any, method: str, path: str, *arguments: Any) -> ContainerResponse:
        response = request(self, method, path, *arguments)
        return answer(response) if path == "/invocations" else response

    monkeypatch.setattr(http_client.ContainerClient, "request", replaced)


def test_a_response_without_a_length_or_that_is_not_http_fails_its_request_only(
    shared_endpoint: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [item["id"] for item in shared_endpoint.serving()]
    with monkeypatch.context() as patch:
        responding(patch, lambda response: replace(response, has_length=False))
        assert shared_endpoint.failure({"answer": "chunks"}) == (
            "The response from container primary did not specify the required Content-Length header"
        )
    with monkeypatch.context() as patch:

        def not_http(_: ContainerResponse) -> ContainerResponse:
            raise InvalidResponse("The response from container {container} is not valid HTTP (nonsense).")

        responding(patch, not_http)
        assert shared_endpoint.failure({"answer": "x"}) == "The response from container primary is not valid HTTP (nonsense)."
    assert shared_endpoint.ask({"answer": "next"}).body == b"next"
    assert [item["id"] for item in shared_endpoint.serving()] == before


def test_without_a_failure_path_the_reason_is_only_in_the_notification(local_aws: AwsHarness, deploy: Any) -> None:
    first = deploy(topics=True)
    request = local_aws.config_request("no-failure-path", first.model, first.bucket, topics=first.topics)
    del request["AsyncInferenceConfig"]["OutputConfig"]["S3FailurePath"]
    local_aws.sagemaker.create_endpoint_config(**request)
    local_aws.sagemaker.update_endpoint(EndpointName=first.name, EndpointConfigName="no-failure-path")
    first.until_status("InService")
    answer = local_aws.runtime.invoke_endpoint_async(EndpointName=first.name, Body=b"{}", ContentType="application/json")
    assert "FailureLocation" not in answer
    answer = local_aws.runtime.invoke_endpoint_async(
        EndpointName=first.name, Body=b'{"raise": "no"}', ContentType="application/json", InferenceId="notified"
    )
    notification = notified(first, "Error", "notified")
    assert (notification.failure_location, "no" in (notification.failure_reason or "")) == (None, True)


def test_without_an_output_path_the_response_is_in_the_notification(local_aws: AwsHarness, deploy: Any) -> None:
    first = deploy(topics=True)
    request = local_aws.config_request("no-output-path", first.model, first.bucket, topics=first.topics)
    del request["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"]
    local_aws.sagemaker.create_endpoint_config(**request)
    local_aws.sagemaker.update_endpoint(EndpointName=first.name, EndpointConfigName="no-output-path")
    first.until_status("InService")
    answer = local_aws.runtime.invoke_endpoint_async(
        EndpointName=first.name, Body=b"shirt", InferenceId="notified", Filename="x"
    )
    assert "OutputLocation" not in answer
    assert notified(first, "Success", "notified").response_body == b"shirt"


def test_an_endpoint_publishes_a_test_notification(deploy: Any) -> None:
    test = {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}
    announced = deploy(topics=True).announced
    assert [[json.loads(json.loads(body)["Message"]) for body in bodies] for bodies in announced] == [[test], [test]]
    assert parse_notification(announced[0][0]) is None


def test_an_invocation_that_times_out_fails_and_its_late_response_is_dropped(shared_endpoint: Deployed, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    invoked = shared_endpoint.invoke({"until": str(gate), "answer": "late"}, InvocationTimeoutSeconds=1)
    outcome = shared_endpoint.outcome(invoked)
    assert (outcome.kind, "timed out" in outcome.body.decode()) == ("failure", True)
    gate.touch()
    assert shared_endpoint.ask({"answer": "next"}).body == b"next"
    assert shared_endpoint.outcome(invoked) == outcome


def test_a_request_not_served_within_its_ttl_expires(deploy: Any) -> None:
    deployed = deploy(topics=True).asleep()
    invoked = deployed.invoke({"answer": "never"}, RequestTTLSeconds=60)
    waits = deployed.invoke({"answer": "later"})
    outcome = deployed.outcome(invoked)
    assert (outcome.kind, "time to live of 60 seconds" in outcome.body.decode()) == ("failure", True)
    assert notified(deployed, "Error", invoked.inference_id).failure_reason == outcome.body.decode()
    until(lambda: sum(deployed.metric("ExpiredRequests")) == 1, "the expired request is counted")
    deployed.scale(1)
    assert deployed.outcome(waits).body == b"later"


def test_container_output_is_in_the_log_group(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    shared_endpoint.ask({"print": "a line of its own", "answer": ""})
    until(lambda: "a line of its own" in shared_endpoint.log_lines(), "the line")
    streams = local_aws.logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{shared_endpoint.name}")["logStreams"]
    instances = {f"primary/{item['id']}" for item in shared_endpoint.status()["instances"]}
    assert instances <= {stream["logStreamName"] for stream in streams}


def test_a_silent_model_has_a_log_group_once_in_service(local_aws: AwsHarness, deploy: Callable[..., Deployed]) -> None:
    """A model server logs its own start, so a metric filter can be put on the group of an endpoint that was just created."""
    silent = "def model_fn(model_dir): return 1\ndef transform_fn(model, data, content_type, accept): return data, accept\n"
    endpoint = deploy(archive(silent))
    local_aws.logs.put_metric_filter(
        logGroupName=f"/aws/sagemaker/Endpoints/{endpoint.name}",
        filterName="denied",
        filterPattern='{ $.errorCode = "AccessDenied" }',
        metricTransformations=[{"metricName": "Denied", "metricNamespace": "Test", "metricValue": "1"}],
    )


def test_the_platform_log_has_a_line_with_the_inference_id_for_each_failed_request(
    local_aws: AwsHarness, shared_endpoint: Deployed
) -> None:
    invoked = shared_endpoint.invoke({"status": 400, "message": "a fault of its own"})
    assert shared_endpoint.outcome(invoked).kind == "failure"
    group = f"/aws/sagemaker/Endpoints/{shared_endpoint.name}"

    def lines() -> list[Any]:
        found = local_aws.logs.filter_log_events(logGroupName=group, filterPattern=f'"{invoked.inference_id}"')["events"]
        return [event for event in found if f"[sagemaker logs] [{invoked.inference_id}] " in event["message"]]

    (line,) = until(lines, "the line")
    assert line["logStreamName"].endswith("/data-log")
    assert "Received client error (400) from primary" in line["message"]


def test_the_log_is_stored_however_far_the_scaled_clock_is_ahead(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    # Not set back afterwards: no minute would be evaluated until the clock is there again, and tests that wait for alarms fail.
    local_aws.aws.clock.jump(3 * 3_600)  # as eighteen seconds bring them here and three minutes at the default scale
    shared_endpoint.ask({"print": "three hours later", "answer": ""})
    until(lambda: "three hours later" in shared_endpoint.log_lines(), "the line")


def test_an_archive_without_handlers_still_answers(deploy: Any) -> None:
    code = "def model_fn(model_dir):\n    return lambda data: data\n\ndef predict_fn(data, model):\n    return data\n"
    outcome = deploy(archive(code)).ask(Body=b"[1, 2]", ContentType="application/json")
    assert (outcome.kind, outcome.document) == ("output", [1, 2])

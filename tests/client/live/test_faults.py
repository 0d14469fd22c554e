"""Injected faults of AWS: no result is lost, none comes twice, and no call hangs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import AsyncEndpoint, ClientConfig, State
from async_endpoint.core.errors import (
    EndpointNotReady,
    InvocationExpired,
    InvocationFailed,
    ResultNotReady,
    ResultUnreadable,
)
from async_endpoint.core.outputs import Limits
from support.client_against_emulator import JSON, Batch, Stage, orders
from support.common import until
from support.fault_injection import fault, put
from support.in_process_aws import AwsHarness

STOPPED = "Notifications have stopped"


# --- notifications -----------------------------------------------------------------------------------------------------


def test_duplicate_and_reordered_notifications_change_nothing(local_aws: AwsHarness, stage: Stage) -> None:
    with (
        fault(local_aws, "notification-duplicate", copies=2),
        fault(local_aws, "notification-shuffle", window=15, seconds=30, seed=3),
        stage.client() as client,
    ):
        Batch(client, 100).check()


def test_when_every_notification_is_lost_results_are_listed(local_aws: AwsHarness, stage: Stage) -> None:
    explanations: list[str] = []
    with fault(local_aws, "notification-loss"), stage.client(explain=explanations.append, notification_grace=1) as client:
        Batch(client, 60).check()
    assert [line for line in explanations if line.startswith(STOPPED)], explanations
    assert not any(stage.leases().values())


def test_lost_notifications_are_compensated_by_reconciliation(local_aws: AwsHarness, stage: Stage) -> None:
    with fault(local_aws, "notification-loss", rate=0.3, seed=5), stage.client(notification_grace=1) as client:
        Batch(client, 60).check()


def test_notifications_that_come_late_are_not_waited_for(local_aws: AwsHarness, stage: Stage) -> None:
    with fault(local_aws, "notification-delay", seconds=1_200), stage.client(notification_grace=1) as client:
        Batch(client, 20).check()


def test_a_response_that_a_notification_does_not_carry_is_read_from_s3(local_aws: AwsHarness, stage: Stage) -> None:
    body = bytes(range(256))
    with stage.counted() as calls, stage.client() as client:
        echoes = [client.submit(body, content_type="application/x-echo") for _ in range(5)]
        long = client.submit(orders(length=200_000), content_type=JSON)
        assert [echo.result().body for echo in echoes] == [body] * 5
        assert len(long.result().body) == 200_000
        assert calls()["s3:GetObject"] >= 6


@pytest.mark.parametrize("restricted", [True, False])
def test_what_others_publish_and_send_makes_no_result(
    local_aws: AwsHarness, stage: Stage, tmp_path: Path, restricted: bool
) -> None:
    """Without the statement that only the endpoint publishes, a message that is the endpoint's to the letter counts no more."""
    target, gate = replace(stage.target, publishers_restricted=restricted), tmp_path / "go"
    config = ClientConfig(deadline=90, collect="notifications")
    with AsyncEndpoint(target, endpoint_url=local_aws.url, config=config) as client:
        held = client.submit(orders(until=str(gate), answer=1), content_type=JSON)
        accepted = held.accepted(timeout=60)
        genuine = {
            "invocationStatus": "Completed",
            "inferenceId": accepted.inference_id,
            "requestParameters": {"endpointName": target.name},
            "responseParameters": {"outputLocation": accepted.output_location, "contentType": JSON},
        }
        elsewhere = {"responseParameters": {"outputLocation": f"s3://{stage.deployed.bucket}/elsewhere"}}
        forged = genuine | {"responseBody": {"content": '"forged"'}} | (elsewhere if restricted else {})
        failed = forged | {"invocationStatus": "Failed", "failureReason": "forged", "failureLocation": "s3://elsewhere/x"}
        queue = next(url for url in stage.queues() if url[-10:] == accepted.inference_id[:10])
        for message in (forged, failed):
            local_aws.sns.publish(TopicArn=target.topics[0], Message=json.dumps(message))
            local_aws.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(message))
        local_aws.sqs.send_message(QueueUrl=queue, MessageBody="[" * 100_000)
        until(lambda: client.skipped_messages == 1, "the last message has been received")
        assert not held.done()
        gate.touch()
        assert held.result(timeout=60).json() == 1


# --- calls -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collect", ["notifications", "listing"])
def test_throttling_and_server_errors_are_retried(local_aws: AwsHarness, stage: Stage, collect: str) -> None:
    with (
        fault(local_aws, "throttle", rate=0.15, seed=1),
        fault(local_aws, "error", rate=0.1, seed=2),
        fault(local_aws, "error", rate=0.1, status=503, seed=3),
        stage.client(collect=collect, attempts=30, backoff_cap=0.5) as client,
    ):
        Batch(client, 60).check()


@pytest.mark.parametrize("when", ["before", "after"])
def test_truncated_responses_lose_no_result_and_duplicate_none(local_aws: AwsHarness, stage: Stage, when: str) -> None:
    with (
        stage.client(attempts=30, backoff_cap=0.5) as client,
        fault(local_aws, "disconnect", rate=0.3, when=when, seed=4),
    ):
        batch = Batch(client, 40)
        batch.check()
    outputs = local_aws.keys(stage.deployed.bucket, f"output/{client.run}/")
    assert len(outputs) == 40, "a request that was sent twice has one output"


def test_a_network_interruption_loses_no_result(local_aws: AwsHarness, stage: Stage) -> None:
    with stage.client(attempts=30, backoff_cap=0.5) as client:
        first = Batch(client, 20)
        put(local_aws, "disconnect", duration=180)  # AWS seconds: three of this machine's
        second = Batch(client, 20)
        first.check()
        second.check()


def test_a_lasting_network_interruption_ends_the_wait(local_aws: AwsHarness, stage: Stage, tmp_path: Path) -> None:
    with stage.client(attempts=2, backoff_cap=0.2, unreachable_timeout=2) as client:
        held = client.submit(orders(until=str(tmp_path / "go"), answer=1), content_type=JSON)
        held.accepted()
        with fault(local_aws, "disconnect"):
            error = held.exception(timeout=60)
            assert held.status() is State.UNREACHABLE, error
            unsent = client.submit(orders(answer=2), content_type=JSON)
            unsent.exception(timeout=60)
            assert unsent.status() is State.NOT_SENT
        (tmp_path / "go").touch()


def test_many_threads_submit_through_a_network_interruption(local_aws: AwsHarness, stage: Stage) -> None:
    with stage.client(attempts=30, backoff_cap=0.5) as client, ThreadPoolExecutor(6) as threads:
        batches = [threads.submit(Batch, client, 15) for _ in range(6)]
        put(local_aws, "disconnect", duration=60)
        for batch in batches:
            batch.result().check()


def test_without_permission_to_create_a_queue_results_are_listed(local_aws: AwsHarness) -> None:
    explanations: list[str] = []
    stage = Stage(local_aws)
    with fault(local_aws, "error", service="sqs", action="CreateQueue"), stage.client(explain=explanations.append) as client:
        Batch(client, 20).check()
    assert "listing, not by notifications" in explanations[0]


# --- requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collect", ["notifications", "listing", "head"])
def test_requests_that_the_model_fails_on_fail_alone(stage: Stage, collect: str) -> None:
    bad: dict[int, dict[str, Any]] = {3: {"status": 400, "message": "not an image"}, 23: {"raise": "broken"}}
    with stage.client(collect=collect) as client:
        batch = Batch(client, 30, **{f"n{number}": what for number, what in bad.items()})
        batch.check(failed=bad)
        error = batch.invocations[3].exception()
        assert isinstance(error, InvocationFailed)
        assert "Received client error (400) from" in error.reason and "not an image" in error.reason
        assert error.failure_location == batch.invocations[3].accepted().failure_location
        assert batch.invocations[3].status() is State.FAILED


def test_a_request_the_model_is_too_slow_for_fails_and_says_so(stage: Stage, tmp_path: Path) -> None:
    brief = Limits(request_ttl_seconds=21_600, invocation_timeout_seconds=1, cold_start_seconds=60)
    with stage.client(limits=brief) as client:
        slow = client.submit(orders(until=str(tmp_path / "go"), answer=1), content_type=JSON)
        error = slow.exception(timeout=60)
    (tmp_path / "go").touch()
    assert isinstance(error, InvocationFailed)
    assert "timed out" in str(error)


@pytest.fixture(scope="module")
def asleep(local_aws: AwsHarness) -> Stage:
    """An endpoint at zero instances that nothing wakes."""
    stage = Stage(local_aws)
    stage.deployed.asleep()
    return stage


@pytest.mark.parametrize("collect", ["notifications", "listing"])
def test_a_request_without_an_instance_in_time_expires(asleep: Stage, collect: str) -> None:
    brief = Limits(request_ttl_seconds=60, invocation_timeout_seconds=60, cold_start_seconds=60)
    with asleep.client(limits=brief, collect=collect) as client:
        expired = client.submit(orders(answer=1), content_type=JSON)
        error = expired.exception(timeout=60)
        assert isinstance(error, InvocationExpired), error
        assert expired.status() is State.EXPIRED


@pytest.mark.parametrize("collect", ["notifications", "listing", "head"])
def test_an_output_that_never_comes_ends_by_the_deadline(asleep: Stage, collect: str) -> None:
    with asleep.client(collect=collect, deadline=2.0) as client:
        never = client.submit(orders(answer=1), content_type=JSON)
        with pytest.raises(ResultNotReady, match="has not ended after 2 s: there is neither s3://"):
            never.result(timeout=60)
        assert never.status() is State.TIMED_OUT


def test_what_is_pending_when_the_client_is_closed_is_abandoned(asleep: Stage) -> None:
    with asleep.client() as client:
        pending = [client.submit(orders(answer=n), content_type=JSON) for n in range(3)]
        where = [invocation.accepted().output_location for invocation in pending]
    for invocation, location in zip(pending, where, strict=True):
        with pytest.raises(ResultNotReady, match=location):
            invocation.result(timeout=0)
        assert invocation.status() is State.ABANDONED
    assert not any(asleep.leases().values())


def test_neither_output_nor_failure_can_be_written_and_the_notification_says_why(local_aws: AwsHarness, stage: Stage) -> None:
    with fault(local_aws, "s3-denial", action="PutObject"), stage.client() as client:
        error = client.submit(orders(answer=1), content_type=JSON).exception(timeout=60)
    assert isinstance(error, InvocationFailed)
    assert "AccessDenied" in error.reason
    assert error.failure_location is None


# --- rights and the endpoint -------------------------------------------------------------------------------------------


def test_a_revoked_permission_ends_the_requests_that_need_it(local_aws: AwsHarness) -> None:
    stage = Stage(local_aws, include=())
    bucket = stage.deployed.bucket
    with stage.client(access_denied_grace=1) as client:
        Batch(client, 10).check()
        reader = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/output/*"}
        local_aws.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [reader]}))
        refused = client.submit(orders(answer=1), content_type=JSON)
        with pytest.raises(ResultUnreadable, match=r"s3:GetObject on .* is denied"):
            refused.result(timeout=60)
        assert refused.status() is State.LOST_PERMISSION
        local_aws.s3.delete_bucket_policy(Bucket=bucket)
        assert client.submit(orders(answer=2), content_type=JSON).result(timeout=60).json() == 2


def test_requests_go_through_an_update_of_the_endpoint(local_aws: AwsHarness) -> None:
    stage = Stage(local_aws)
    deployed = stage.deployed
    config = local_aws.config(deployed.model, deployed.bucket, topics=deployed.topics)
    with stage.client() as client:
        first = Batch(client, 20)
        local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
        second = Batch(client, 20)
        first.check()
        second.check()
    deployed.until_status("InService")


def test_an_endpoint_that_is_deleted_fails_what_waits_and_refuses_what_comes(local_aws: AwsHarness) -> None:
    stage = Stage(local_aws)
    stage.deployed.asleep()
    with stage.client() as client:
        waiting = Batch(client, 5)
        for invocation in waiting.invocations:
            invocation.accepted()
        local_aws.sagemaker.delete_endpoint(EndpointName=stage.target.name)
        waiting.check(failed=range(5))
        until(lambda: not local_aws.endpoints(stage.target.name), "the endpoint is gone")
        refused = client.submit(orders(answer=1), content_type=JSON)
        with pytest.raises(EndpointNotReady, match="does not exist"):
            refused.result(timeout=60)
        assert refused.status() is State.NOT_SENT


def test_a_failed_endpoint_is_reported_with_its_reason(local_aws: AwsHarness, stage: Stage) -> None:
    deployed = stage.deployed
    name = f"{deployed.name}-failed"
    with fault(local_aws, "failed-start", endpoint=name):
        local_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=deployed.config)
        until(lambda: local_aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Failed", "it has failed")
    failed = object.__new__(Stage)
    failed.local_aws, failed.target = local_aws, stage.target.__class__(**(vars(stage.target) | {"name": name}))
    with failed.client() as client, pytest.raises(EndpointNotReady, match=f"Endpoint {name} has failed"):
        client.submit(orders(answer=1), content_type=JSON).result(timeout=60)
    local_aws.sagemaker.delete_endpoint(EndpointName=name)

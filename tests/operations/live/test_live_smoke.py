"""The smoke test of a live endpoint: its checks, where the time went, and a real-time endpoint of the same model beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.operations.smoke import smoke_test
from support.client_against_emulator import Stage, orders
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.synchronous_endpoint import INSTANCES, go_live


@pytest.fixture(scope="module")
def outputs(local_aws: AwsHarness, stage: Stage) -> AsyncEndpointOutputs:
    """What Terraform would say of the stage's endpoint, with one queue for both topics."""
    queue, target = local_aws.queue(), stage.target
    for topic in target.topics:
        local_aws.subscribe(topic, queue)
    bucket, name = stage.deployed.bucket, target.name
    return AsyncEndpointOutputs.parse(
        {
            "schema_version": 1,
            "environment": "test",
            "region": REGION,
            "account_id": ACCOUNT,
            "endpoint": {
                "name": name,
                "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
                "config_name": stage.deployed.config,
                "model_name": stage.deployed.model,
                "variant_name": "primary",
                "instance_type": "ml.m5.large",
                "max_concurrent_invocations_per_instance": 4,
                "execution_role_arn": stage.deployed.role.arn,
            },
            "storage": {
                "bucket": bucket,
                "input_uri": f"s3://{bucket}/input/",
                "output_uri": f"s3://{bucket}/output/",
                "failure_uri": f"s3://{bucket}/failure/",
                "kms_key_arn": None,
            },
            "notifications": {
                "success_topic_arn": target.topics[0],
                "error_topic_arn": target.topics[1],
                "results_queue_url": queue.url,
                "results_queue_arn": queue.arn,
                "dead_letter_queue_url": queue.url,
            },
            "scaling": {
                "resource_id": stage.deployed.resource_id,
                "min_instances": 0,
                "max_instances": 1,
                "target_backlog_per_instance": 5,
                "tracking_policy_name": "",
                "wake_policy_name": "",
                "wake_alarm_name": "",
            },
            "limits": {"request_ttl_seconds": 3_600, "invocation_timeout_seconds": 60, "cold_start_seconds": 60},
        }
    )


def test_a_healthy_endpoint_passes_and_the_time_is_split(
    local_aws: AwsHarness, stage: Stage, outputs: AsyncEndpointOutputs, tmp_path: Path
) -> None:
    good, bad = files(tmp_path, {"answer": {"score": 0.5}}, {"status": 400, "message": "not an image"})
    variant = INSTANCES | {"VariantName": "primary", "ModelName": stage.deployed.model}
    twin = go_live(local_aws, stage.deployed.bucket, stage.deployed.role, [variant])

    report = smoke_test(outputs, good, bad, endpoint_url=local_aws.url, deadline_seconds=90, compare_real_time=twin.name)

    assert report.passed, report
    assert [check.name for check in report.checks] == [
        "result object",
        "failure object",
        "same as real time",
        "success notification",
        "error notification",
        "scaling",
    ]
    known = report.latency.known
    assert known["upload"] == 0, "it went inline"
    assert known["accept"] > 0
    assert known["wake"] == 0, "an instance served"
    assert known["collect"] >= 0
    assert json.loads(json.dumps(report.as_dict()))["latency"]["accept"] == known["accept"]
    twin.delete()


def test_a_real_time_endpoint_without_response_fails_the_check(
    local_aws: AwsHarness, outputs: AsyncEndpointOutputs, tmp_path: Path
) -> None:
    good, bad = files(tmp_path, {"answer": 1}, {"status": 400, "message": "no"})
    report = smoke_test(outputs, good, bad, endpoint_url=local_aws.url, deadline_seconds=90, compare_real_time="not-there")
    [missed] = report.failed
    assert missed.name == "same as real time"
    assert "sagemaker:InvokeEndpoint on endpoint not-there" in missed.detail


def files(folder: Path, good: dict[str, Any], bad: dict[str, Any]) -> tuple[Path, Path]:
    for name, what in (("good.json", good), ("bad.json", bad)):
        (folder / name).write_bytes(orders(**what))
    return folder / "good.json", folder / "bad.json"

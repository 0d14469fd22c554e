"""The client against a local AWS in another process: they meet over HTTP only, as a customer and AWS do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from async_endpoint.core.outputs import AsyncEndpointOutputs
from support.client_against_emulator import Stage
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.remote_aws import running

TIME_SCALE = 60.0


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsHarness]:
    home = tmp_path_factory.mktemp("home")
    with running(home, TIME_SCALE) as aws:
        remote: Any = aws
        yield AwsHarness(remote, home)


@pytest.fixture(scope="session")
def stage(local_aws: AwsHarness) -> Stage:
    """An endpoint whose notifications include the response; shared by the tests of a worker, none of which may change it."""
    return Stage(local_aws)


@pytest.fixture(scope="session")
def stage_outputs(stage: Stage) -> AsyncEndpointOutputs:
    """What Terraform would say of the stage's endpoint."""
    return outputs_of(stage.deployed)


@pytest.fixture(autouse=True)
def nothing_stays(local_aws: AwsHarness) -> Iterator[None]:
    """No fault; reply queues stay, as they do on AWS."""
    yield
    Stage.clear_faults(local_aws)


@pytest.fixture(autouse=True)
def filters_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """This local AWS applies filter policies at once, and the client knows it."""
    monkeypatch.setattr("async_endpoint.client.reply_queue.FILTER_DELAY_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def credentials_of_the_local_aws(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client, which is given a URL alone, finds what to sign with: as after `async-endpoint local env`."""
    for name, value in local_aws.credentials.environment(REGION).items():
        monkeypatch.setenv(name, value)


def outputs_of(deployed: Deployed, concurrency: int = 4) -> AsyncEndpointOutputs:
    """What Terraform would say of an endpoint with two topics, with one queue for both."""
    aws = deployed.local_aws
    queue, topics = aws.queue(), [deployed.topics[f"{word}Topic"] for word in ("Success", "Error")]
    for topic in topics:
        aws.subscribe(topic, queue)
    bucket, name = deployed.bucket, deployed.name
    return AsyncEndpointOutputs.parse(
        {
            "schema_version": 1,
            "environment": "test",
            "region": REGION,
            "account_id": ACCOUNT,
            "endpoint": {
                "name": name,
                "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
                "config_name": deployed.config,
                "model_name": deployed.model,
                "variant_name": "primary",
                "instance_type": "ml.m5.large",
                "max_concurrent_invocations_per_instance": concurrency,
                "execution_role_arn": deployed.role.arn,
            },
            "storage": {
                "bucket": bucket,
                "input_uri": f"s3://{bucket}/input/",
                "output_uri": f"s3://{bucket}/output/",
                "failure_uri": f"s3://{bucket}/failure/",
                "kms_key_arn": None,
            },
            "notifications": {
                "success_topic_arn": topics[0],
                "error_topic_arn": topics[1],
                "results_queue_url": queue.url,
                "results_queue_arn": queue.arn,
                "dead_letter_queue_url": queue.url,
            },
            "scaling": {
                "resource_id": deployed.resource_id,
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

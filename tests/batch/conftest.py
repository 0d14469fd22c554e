"""Batches against a local AWS in a process of its own, as a person's runs on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.batch.batch import run_batch
from async_endpoint.batch.report import BatchReport
from async_endpoint.core.outputs import AsyncEndpointOutputs
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, REGION, AwsHarness
from support.remote_aws import RemoteAws, running
from support.sample_model import archive

# Answers with what it was sent, unless that says otherwise: {"needs": path} fails until that file is there.
MODEL = """
import json, os
from sagemaker_inference.errors import BaseInferenceToolkitError

def model_fn(model_dir):
    return None

def input_fn(data, content_type):
    return data

def predict_fn(data, model):
    orders = json.loads(data)
    if "status" in orders:
        raise BaseInferenceToolkitError(orders["status"], "not this one", "refused")
    if "needs" in orders and not os.path.exists(orders["needs"]):
        raise RuntimeError("not mended yet")
    return data

def output_fn(prediction, accept):
    return prediction, accept
"""


@dataclass(frozen=True)
class EchoEndpoint:
    """An endpoint that answers with what it is sent, and what Terraform would say of it."""

    local_aws: AwsHarness
    deployed: Deployed
    outputs: AsyncEndpointOutputs

    def run(self, source: Any, out: Path, **options: Any) -> BatchReport:
        return run_batch(self.outputs, str(source), out, endpoint_url=self.local_aws.url, **options)

    def invocations(self) -> int:
        """How often this local AWS has been asked to invoke asynchronously."""
        calls: dict[str, dict[str, int]] = self.local_aws.aws.status()["calls"]
        return calls.get("sagemaker-runtime", {}).get("InvokeEndpointAsync", 0)

    def outcomes(self) -> list[str]:
        """Every output and failure that there is in S3."""
        pages = self.local_aws.s3.get_paginator("list_objects_v2").paginate(Bucket=self.deployed.bucket)
        keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return [key for key in keys if key.startswith(("output/", "failure/"))]


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteAws]:
    with running(tmp_path_factory.mktemp("aws"), time_scale=60) as aws:
        yield aws


@pytest.fixture(scope="session")
def local_aws(aws: Any, tmp_path_factory: pytest.TempPathFactory) -> AwsHarness:
    return AwsHarness(aws, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def shared_endpoint(local_aws: AwsHarness) -> EchoEndpoint:
    included = ("SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC")
    deployed = local_aws.endpoint(archive(MODEL), topics=True, include=included)
    return EchoEndpoint(local_aws, deployed, outputs_of(deployed))


def outputs_of(deployed: Deployed) -> AsyncEndpointOutputs:
    """The output `async_endpoint` that a root with this endpoint would have."""
    name, queue = deployed.name, deployed.queues["Success"]
    prefixes = {f"{word}_uri": f"s3://{deployed.bucket}/{word}/" for word in ("input", "output", "failure")}
    return AsyncEndpointOutputs.parse(
        {
            "schema_version": 1,
            "environment": "local",
            "region": REGION,
            "account_id": ACCOUNT,
            "endpoint": {
                "name": name,
                "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
                "config_name": deployed.config,
                "model_name": deployed.model,
                "variant_name": "primary",
                "instance_type": "ml.m5.large",
                "max_concurrent_invocations_per_instance": 4,
                "execution_role_arn": deployed.role.arn,
            },
            "storage": {"bucket": deployed.bucket, "kms_key_arn": None} | prefixes,
            "notifications": {
                "success_topic_arn": deployed.topics["SuccessTopic"],
                "error_topic_arn": deployed.topics["ErrorTopic"],
                "results_queue_url": queue.url,
                "results_queue_arn": queue.arn,
                "dead_letter_queue_url": queue.url,
            },
            "scaling": {
                "resource_id": deployed.resource_id,
                "min_instances": 0,
                "max_instances": 2,
                "target_backlog_per_instance": 5,
                "tracking_policy_name": "none",
                "wake_policy_name": "none",
                "wake_alarm_name": "none",
            },
            "limits": {"request_ttl_seconds": 21_600, "invocation_timeout_seconds": 900, "cold_start_seconds": 60},
        }
    )


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Six small inputs in two folders."""
    for number in range(6):
        path = tmp_path / "inputs" / ("even" if number % 2 == 0 else "odd") / f"{number}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"number": number}))
    return tmp_path / "inputs"


@pytest.fixture(autouse=True)
def credentials_of_the_local_aws(local_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the client, which is given a URL alone, finds what to sign with: as after `async-endpoint local env`."""
    for name, value in local_aws.credentials.environment(REGION).items():
        monkeypatch.setenv(name, value)

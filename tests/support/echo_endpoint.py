"""An endpoint on a local AWS in a process of its own that answers with what it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.batch.batch import run_batch
from async_endpoint.batch.report import BatchReport
from async_endpoint.core.outputs import AsyncEndpointOutputs
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, REGION, AwsHarness

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
        raise RuntimeError("not fixed yet")
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

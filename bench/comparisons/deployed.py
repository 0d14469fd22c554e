"""An endpoint of the harness, described as Terraform describes one to the Python side."""

from __future__ import annotations

from typing import Any

from bench.harness import ACCOUNT, Endpoint
from bench.program import REGION


def outputs_of(endpoint: Endpoint) -> dict[str, Any]:
    """The output `async_endpoint` that a root with this endpoint would have."""
    name, harness = endpoint.name, endpoint.harness
    below = f"s3://{harness.bucket}/{name}"
    return {
        "schema_version": 1,
        "environment": "bench",
        "region": REGION,
        "account_id": ACCOUNT,
        "endpoint": {
            "name": name,
            "arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}",
            "config_name": name,
            "model_name": name,
            "variant_name": "primary",
            "instance_type": "ml.m5.large",
            "max_concurrent_invocations_per_instance": endpoint.concurrency,
            "execution_role_arn": harness.role,
        },
        "storage": {
            "bucket": harness.bucket,
            "input_uri": f"{below}/input/",
            "output_uri": f"{below}/output/",
            "failure_uri": f"{below}/failure/",
            "kms_key_arn": None,
        },
        "notifications": {
            "success_topic_arn": harness.topics["SuccessTopic"],
            "error_topic_arn": harness.topics["ErrorTopic"],
            "results_queue_url": harness.queue,
            "results_queue_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:bench",
            "dead_letter_queue_url": harness.queue,
            "publishers_restricted": True,
        },
        "scaling": {
            "resource_id": f"endpoint/{name}/variant/primary",
            "min_instances": 0,
            "max_instances": 2,
            "target_backlog_per_instance": 5,
            "tracking_policy_name": "none",
            "wake_policy_name": "none",
            "wake_alarm_name": "none",
        },
        "limits": {"request_ttl_seconds": 21_600, "invocation_timeout_seconds": 900, "cold_start_seconds": 60},
    }

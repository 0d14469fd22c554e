"""Detecting suspended scaling: an endpoint at zero then never scales out, and its requests expire."""

from __future__ import annotations

from typing import Any

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.suspension import TAG_KEY, SuspensionRecord, describe_suspension, suspensions


def suspended_scaling(session: AwsSession, outputs: AsyncEndpointOutputs) -> tuple[list[str], str | None]:
    """What is suspended (see `suspensions`), and a sentence about it and how to resume, None if scaling is active.

    Needs application-autoscaling:DescribeScalableTargets and ListTagsForResource; raises what `translate_errors` raises.
    """
    resource = outputs.scaling.resource_id
    with translate_errors(session, "application-autoscaling:DescribeScalableTargets", resource):
        found = session.scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
    for target in found["ScalableTargets"][:1]:
        return suspensions(target), describe_suspension(target, _record(session, target), _apply_command(session, outputs))
    return [], None


def _record(session: AwsSession, target: dict[str, Any]) -> SuspensionRecord | None:
    arn = target.get("ScalableTargetARN")
    if arn is None:  # [M] not required in the response
        return None
    with translate_errors(session, "application-autoscaling:ListTagsForResource", arn):
        return SuspensionRecord.parse(session.scaling.list_tags_for_resource(ResourceARN=arn)["Tags"].get(TAG_KEY))


def _apply_command(session: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    local = " --local" if session.endpoint_url and outputs.environment != "local" else ""
    return f"async-endpoint apply {outputs.environment}{local}"

"""The scalable target, its policies and its scheduled actions; nothing that was not planned scales the endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs, Schedule
from async_endpoint.core.suspension import TAG_KEY, SuspensionRecord, describe_suspension, suspensions
from async_endpoint.core.text import joined
from async_endpoint.deploy.verification.findings import Difference, compare, not_repaired, only, pages, raise_any

DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"


def scaling_range(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That the scalable target has the planned bounds, or those of a schedule, and that nothing of it is suspended."""
    planned = outputs.scaling
    subject = f"scalable target {planned.resource_id}"
    found = aws.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[planned.resource_id]
    )
    live = only(subject, found["ScalableTargets"])
    low, high = live["MinCapacity"], live["MaxCapacity"]
    differences = _suspension(aws, outputs, live)
    scheduled = (low, high) in [(schedule.min_instances, schedule.max_instances) for schedule in planned.schedules]
    if not scheduled:
        bounds = {"minimum": (planned.min_instances, low), "maximum": (planned.max_instances, high)}
        differences += compare(subject, bounds, _bounds_remedy(outputs))
    raise_any(differences)
    return f"{low} to {high} instances{', as scheduled' if scheduled else ''}"


def policies(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That both policies are attached, follow the planned target, and are the only ones."""
    planned, found = outputs.scaling, live_policies(aws, outputs)
    tracking = found.get(planned.tracking_policy_name, {})
    wake = found.get(planned.wake_policy_name, {})
    target = tracking.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue")
    subject = f"scaling of {planned.resource_id}"
    differences = compare(
        subject,
        {
            f"policy {planned.tracking_policy_name}": ("TargetTrackingScaling", tracking.get("PolicyType")),
            f"policy {planned.wake_policy_name}": ("StepScaling", wake.get("PolicyType")),
            "tracking target": (planned.target_backlog_per_instance, target),
        },
    )
    own = {planned.tracking_policy_name, planned.wake_policy_name}
    delete = "delete-scaling-policy", "policy-name"
    raise_any(differences + _unplanned(planned.resource_id, "policy", (name for name in found if name not in own), *delete))
    return f"{planned.tracking_policy_name} and {planned.wake_policy_name} attached"


def schedules(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That the planned scheduled actions set the planned bounds, and are the only ones."""
    planned = outputs.scaling
    live = {
        action["ScheduledActionName"]: action.get("ScalableTargetAction", {})
        for action in pages(
            aws, "application-autoscaling", "describe_scheduled_actions", "ScheduledActions",
            ServiceNamespace="sagemaker", ResourceId=planned.resource_id,
        )
    }  # fmt: skip
    differences = compare(
        f"scaling of {planned.resource_id}",
        {
            f"scheduled action {one.action_name}": ((one.min_instances, one.max_instances), _bounds(live, one))
            for one in planned.schedules
        },
    )
    own = {one.action_name for one in planned.schedules}
    delete = "delete-scheduled-action", "scheduled-action-name"
    extra = (name for name in live if name not in own)
    raise_any(differences + _unplanned(planned.resource_id, "scheduled action", extra, *delete))
    return joined([schedule.action_name for schedule in planned.schedules]) or "none, as planned"


def live_policies(aws: AwsSession, outputs: AsyncEndpointOutputs) -> dict[str, Mapping[str, Any]]:
    """The scaling policies of the endpoint's variant, by name."""
    found = pages(
        aws, "application-autoscaling", "describe_scaling_policies", "ScalingPolicies",
        ServiceNamespace="sagemaker", ResourceId=outputs.scaling.resource_id,
    )  # fmt: skip
    return {policy["PolicyName"]: policy for policy in found}


def command(resource_id: str, verb: str, *options: str) -> str:
    """A command of the AWS CLI on a scalable target."""
    target = f"--service-namespace sagemaker --scalable-dimension {DIMENSION} --resource-id {resource_id}"
    return " ".join(["aws application-autoscaling", verb, target, *options])


def _suspension(aws: AwsSession, outputs: AsyncEndpointOutputs, live: Mapping[str, Any]) -> list[Difference]:
    """What is suspended. An apply resumes what a killed command left suspended, and nothing that has no record of one."""
    found = suspensions(live)
    if not found:
        return []
    tags = aws.client("application-autoscaling").list_tags_for_resource(ResourceARN=live["ScalableTargetARN"])["Tags"]
    record = SuspensionRecord.parse(tags.get(TAG_KEY))
    sentence = describe_suspension(live, record, f"async-endpoint apply {outputs.environment}")
    remedy = None if record is not None else not_repaired(str(sentence).rstrip("."))
    subject, words = f"scalable target {live['ResourceId']}", f"is suspended: {', '.join(found)}"
    return [Difference(subject, words, remedy, transitional=record is not None)]


def _bounds_remedy(outputs: AsyncEndpointOutputs) -> str | None:
    """Terraform leaves the bounds of a target with schedules alone (modules/endpoint/autoscaling.tf)."""
    planned = outputs.scaling
    if not planned.schedules:
        return None
    bounds = f"--min-capacity {planned.min_instances} --max-capacity {planned.max_instances}"
    return not_repaired(command(planned.resource_id, "register-scalable-target", bounds))


def _bounds(live: Mapping[str, Mapping[str, Any]], planned: Schedule) -> tuple[Any, Any]:
    action = live.get(planned.action_name, {})
    return action.get("MinCapacity"), action.get("MaxCapacity")


def _unplanned(resource_id: str, kind: str, names: Iterable[str], verb: str, option: str) -> list[Difference]:
    return [
        Difference(
            f"scaling of {resource_id}",
            f"has {kind} {name}, which was not planned",
            not_repaired(f"delete it with: {command(resource_id, verb, f'--{option} {name}')}"),
        )
        for name in sorted(names)
    ]

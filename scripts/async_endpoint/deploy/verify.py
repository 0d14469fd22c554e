"""Check that what is live is what was applied.

Terraform does not see a silent rollback: apply ends well with the old configuration serving (provider issues 48997, 46663).
So after every apply the service itself is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.contract.errors import VerificationFailed
from async_endpoint.contract.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.aws import Aws
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import SCALING_SETTLES, TRANSITIONAL_STATES


@dataclass(frozen=True)
class Check:
    """One thing that was checked and holds."""

    name: str
    detail: str


def verify(aws: Aws, outputs: AsyncEndpointOutputs, poller: Poller = SCALING_SETTLES) -> list[Check]:
    """Compare the live endpoint, configuration, scaling, schedules and alarms with `outputs`.

    Raises VerificationFailed naming every difference.
    """
    checks: dict[str, Callable[[], str]] = {
        "endpoint": lambda: _endpoint(aws, outputs, poller),
        "configuration": lambda: _configuration(aws, outputs),
        "scaling range": lambda: _scalable_target(aws, outputs),
        "scaling policies": lambda: _policies(aws, outputs),
        "wake alarm": lambda: _wake_alarm(aws, outputs),
    }
    if outputs.scaling.schedules:
        checks["schedules"] = lambda: _schedules(aws, outputs)
    if outputs.monitoring.alarm_names:
        checks["alarms"] = lambda: _alarms(aws, outputs)
    passed, differences = [], []
    for name, check in checks.items():
        try:
            passed.append(Check(name, check()))
        except _Different as difference:
            differences.append(str(difference))
    if differences:
        raise VerificationFailed(f"Verification failed: {'; '.join(differences)}. Fix the cause, then apply again.")
    return passed


class _Different(Exception):
    pass


def _endpoint(aws: Aws, outputs: AsyncEndpointOutputs, poller: Poller) -> str:
    planned, live = outputs.endpoint, _settled_endpoint(aws, outputs.endpoint.name, poller)
    reason = f" ({live['FailureReason']})" if live.get("FailureReason") else ""
    _same(
        f"endpoint {planned.name}{reason}",
        {
            "state": ("InService", live["EndpointStatus"]),
            "configuration": (planned.config_name, live.get("EndpointConfigName")),
        },
    )
    return f"{planned.name} is InService with configuration {planned.config_name}"


def _settled_endpoint(aws: Aws, name: str, poller: Poller) -> Mapping[str, Any]:
    def describe() -> Mapping[str, Any]:
        return _found(f"endpoint {name}", lambda: aws.client("sagemaker").describe_endpoint(EndpointName=name))

    return poller.wait(describe, lambda live: live["EndpointStatus"] not in TRANSITIONAL_STATES)


def _configuration(aws: Aws, outputs: AsyncEndpointOutputs) -> str:
    planned, name = outputs.endpoint, outputs.endpoint.config_name
    subject = f"endpoint configuration {name}"
    live = _found(subject, lambda: aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=name))
    variant: Mapping[str, Any] = next(
        (one for one in live["ProductionVariants"] if one["VariantName"] == planned.variant_name), {}
    )
    asynchronous = live.get("AsyncInferenceConfig", {})
    output, client = asynchronous.get("OutputConfig", {}), asynchronous.get("ClientConfig", {})
    topics = output.get("NotificationConfig", {})
    _same(
        subject,
        {
            "variant": (planned.variant_name, variant.get("VariantName")),
            "model": (planned.model_name, variant.get("ModelName")),
            "instance type": (planned.instance_type, variant.get("InstanceType")),
            "output path": (_path(outputs.storage.output_uri), _path(output.get("S3OutputPath"))),
            "failure path": (_path(outputs.storage.failure_uri), _path(output.get("S3FailurePath"))),
            "success topic": (outputs.notifications.success_topic_arn, topics.get("SuccessTopic")),
            "error topic": (outputs.notifications.error_topic_arn, topics.get("ErrorTopic")),
            "concurrent invocations per instance": (
                planned.max_concurrent_invocations_per_instance,
                client.get("MaxConcurrentInvocationsPerInstance"),
            ),
        },
    )
    return f"asynchronous, model {planned.model_name} on {planned.instance_type}"


def _scalable_target(aws: Aws, outputs: AsyncEndpointOutputs) -> str:
    planned = outputs.scaling
    subject = f"scalable target {planned.resource_id}"
    scaling = aws.client("application-autoscaling")
    found = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[planned.resource_id])
    live = _only(subject, found["ScalableTargets"])
    low, high = live["MinCapacity"], live["MaxCapacity"]
    if (low, high) in [(schedule.min_instances, schedule.max_instances) for schedule in planned.schedules]:
        return f"{low} to {high} instances, as scheduled"
    _same(subject, {"minimum": (planned.min_instances, low), "maximum": (planned.max_instances, high)})
    return f"{low} to {high} instances"


def _schedules(aws: Aws, outputs: AsyncEndpointOutputs) -> str:
    planned = outputs.scaling
    actions = aws.client("application-autoscaling").describe_scheduled_actions(
        ServiceNamespace="sagemaker", ResourceId=planned.resource_id
    )["ScheduledActions"]
    live = {action["ScheduledActionName"]: action["ScalableTargetAction"] for action in actions}
    none: Mapping[str, Any] = {}
    _same(
        f"scaling of {planned.resource_id}",
        {
            f"scheduled action {one.action_name}": (
                (one.min_instances, one.max_instances),
                (live.get(one.action_name, none).get("MinCapacity"), live.get(one.action_name, none).get("MaxCapacity")),
            )
            for one in planned.schedules
        },
    )
    return " and ".join(schedule.action_name for schedule in planned.schedules)


def _policies(aws: Aws, outputs: AsyncEndpointOutputs) -> str:
    planned, policies = outputs.scaling, _live_policies(aws, outputs)
    tracking = policies.get(planned.tracking_policy_name, {})
    wake = policies.get(planned.wake_policy_name, {})
    target = tracking.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue")
    _same(
        f"scaling of {planned.resource_id}",
        {
            f"policy {planned.tracking_policy_name}": ("TargetTrackingScaling", tracking.get("PolicyType")),
            f"policy {planned.wake_policy_name}": ("StepScaling", wake.get("PolicyType")),
            "tracking target": (planned.target_backlog_per_instance, target),
        },
    )
    return f"{planned.tracking_policy_name} and {planned.wake_policy_name} attached"


def _wake_alarm(aws: Aws, outputs: AsyncEndpointOutputs) -> str:
    planned = outputs.scaling
    subject = f"alarm {planned.wake_alarm_name}"
    live = _only(subject, aws.client("cloudwatch").describe_alarms(AlarmNames=[planned.wake_alarm_name])["MetricAlarms"])
    policy = _live_policies(aws, outputs).get(planned.wake_policy_name, {}).get("PolicyARN", planned.wake_policy_name)
    if not live.get("ActionsEnabled", True) or policy not in live["AlarmActions"]:
        raise _Different(f"{subject} does not act on {policy}")
    return f"{planned.wake_alarm_name} acts on {planned.wake_policy_name}"


def _alarms(aws: Aws, outputs: AsyncEndpointOutputs) -> str:
    planned = outputs.monitoring.alarm_names
    pages = aws.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{outputs.endpoint.name}-")
    live = {alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"] if alarm.get("ActionsEnabled", True)}
    if missing := [name for name in planned if name not in live]:
        raise _Different(f"alarms that do not exist, or do not act: {', '.join(missing)}")
    return f"{len(planned)} watch {outputs.endpoint.name}"


def _live_policies(aws: Aws, outputs: AsyncEndpointOutputs) -> dict[str, Mapping[str, Any]]:
    policies = aws.client("application-autoscaling").describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=outputs.scaling.resource_id
    )["ScalingPolicies"]
    return {policy["PolicyName"]: policy for policy in policies}


def _same(subject: str, pairs: Mapping[str, tuple[object, object]]) -> None:
    """`pairs` are name to (planned, live)."""
    wrong = [f"{name} {live} instead of {planned}" for name, (planned, live) in pairs.items() if live != planned]
    if wrong:
        raise _Different(f"{subject} has {', '.join(wrong)}")


def _path(uri: str | None) -> str | None:
    return uri.rstrip("/") if uri else None


def _only(subject: str, found: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    if not found:
        raise _Different(f"{subject} does not exist")
    return found[0]


def _found(subject: str, describe: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        return describe()
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":  # SageMaker's way of saying not found
            raise _Different(f"{subject} does not exist") from error
        raise

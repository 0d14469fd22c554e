"""What scales an endpoint, put back after an update that was rolled back.

SageMaker refuses another instance type while a scalable target is registered, so Terraform deregisters it, with its policies
and scheduled actions, before such an update, and registers it after it. Where the update fails it stops in between: what serves
would neither scale nor, once asleep, wake until the next apply. That apply deregisters what is put back here before it updates
the endpoint again (rollback.py), because Terraform no longer has it in its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from async_endpoint.aws import AwsSession

_NAMESPACE = "sagemaker"


@dataclass(frozen=True)
class ScalingSnapshot:
    """Scalable targets, policies, scheduled actions, and the alarms that drive the policies, as AWS describes them."""

    targets: list[Mapping[str, Any]]
    policies: list[Mapping[str, Any]]
    actions: list[Mapping[str, Any]]
    alarms: list[Mapping[str, Any]]


def scaling_snapshot(aws: AwsSession, described: Mapping[str, Any]) -> ScalingSnapshot:
    """What scales the endpoint that DescribeEndpoint described."""
    resources = [
        f"endpoint/{described['EndpointName']}/variant/{variant['VariantName']}"
        for variant in described.get("ProductionVariants", ())
    ]
    targets, policies, actions = [], [], []
    scaling = aws.client("application-autoscaling")
    for resource in resources:
        named = {"ServiceNamespace": _NAMESPACE, "ResourceId": resource}
        targets += scaling.describe_scalable_targets(ServiceNamespace=_NAMESPACE, ResourceIds=[resource])["ScalableTargets"]
        policies += scaling.describe_scaling_policies(**named)["ScalingPolicies"]
        actions += scaling.describe_scheduled_actions(**named)["ScheduledActions"]
    # Target tracking makes its own alarms.
    driven = [policy["PolicyARN"] for policy in policies if policy["PolicyType"] == "StepScaling"]
    alarms = [alarm for policy in driven for alarm in _alarms_on(aws, policy)]
    return ScalingSnapshot(targets, policies, actions, alarms)


def restore_scaling(aws: AwsSession, snapshot: ScalingSnapshot) -> list[str]:
    """Register again each target of `snapshot` that is gone, with all that belongs to it; return their resource ids."""
    scaling, restored = aws.client("application-autoscaling"), []
    for target in snapshot.targets:
        resource = target["ResourceId"]
        if scaling.describe_scalable_targets(ServiceNamespace=_NAMESPACE, ResourceIds=[resource])["ScalableTargets"]:
            continue
        # Not its suspension: the apply that quiesced it resumes it.
        put_described(scaling, "RegisterScalableTarget", target, leave_out={"SuspendedState", "RoleARN"})
        for policy in _of(resource, snapshot.policies):
            arn = put_described(scaling, "PutScalingPolicy", policy)["PolicyARN"]
            for alarm in snapshot.alarms:
                if policy["PolicyARN"] in alarm["AlarmActions"]:
                    acts = [arn if action == policy["PolicyARN"] else action for action in alarm["AlarmActions"]]
                    put_described(aws.client("cloudwatch"), "PutMetricAlarm", {**alarm, "AlarmActions": acts})
        for action in _of(resource, snapshot.actions):
            put_described(scaling, "PutScheduledAction", action)
        restored.append(resource)
    return restored


def _alarms_on(aws: AwsSession, policy_arn: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = aws.client("cloudwatch").describe_alarms(ActionPrefix=policy_arn)["MetricAlarms"]
    return found


def _of(resource: str, described: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in described if one["ResourceId"] == resource]


def put_described(
    client: Any, operation: str, described: Mapping[str, Any], leave_out: frozenset[str] | set[str] = frozenset()
) -> Any:
    """Call `operation` with those members of a description that it takes."""
    from botocore import xform_name  # noqa: PLC0415

    takes = client.meta.service_model.operation_model(operation).input_shape.members
    given = {member: value for member, value in described.items() if member in takes and member not in leave_out}
    return getattr(client, xform_name(operation))(**given)

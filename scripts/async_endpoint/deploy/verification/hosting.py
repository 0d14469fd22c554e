"""The endpoint, its variant and its configuration.

Terraform does not see a silent rollback: apply ends well with the old configuration serving (provider issues 48997, 46663).
Nor does it see the weight and the instance count of a variant, which UpdateEndpointWeightsAndCapacities sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from async_endpoint.aws import AwsSession
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.quiesce import TRANSITIONAL_STATES
from async_endpoint.deploy.verification.findings import Difference, compare, existing, not_repaired, raise_any

# Scaling corrects a count that is out of bounds by itself (A62 in docs/assumptions.md).
COUNT_SETTLES_SECONDS: Final = 300.0


def endpoint(aws: AwsSession, outputs: AsyncEndpointOutputs, poller: Poller) -> str:
    """That the endpoint is InService with the planned configuration."""
    planned, live = outputs.endpoint, _settled_endpoint(aws, outputs.endpoint.name, poller)
    reason = f" ({live['FailureReason']})" if live.get("FailureReason") else ""
    subject, state = f"endpoint {planned.name}{reason}", live["EndpointStatus"]
    wait = "wait until nothing is in progress, then verify again"
    read = "read the failure reason and the container's logs, correct the cause, then apply"
    remedy = not_repaired(wait if state in TRANSITIONAL_STATES else read)
    raise_any(
        compare(subject, {"state": ("InService", state)}, remedy, transitional=state in TRANSITIONAL_STATES - {"Deleting"})
        + compare(subject, {"configuration": (planned.config_name, live.get("EndpointConfigName"))})
    )
    return f"{planned.name} is InService with configuration {planned.config_name}"


def variant(aws: AwsSession, outputs: AsyncEndpointOutputs, poller: Poller) -> str:
    """That the variant takes requests, and has a count of instances that its scaling allows."""
    planned, target = outputs.endpoint, _scalable_target(aws, outputs)
    low, high = target.get("MinCapacity", 0), target.get("MaxCapacity", 0)

    def describe() -> Mapping[str, Any]:
        live = _describe(aws, planned.name)
        named = (one for one in live.get("ProductionVariants", ()) if one["VariantName"] == planned.variant_name)
        none: Mapping[str, Any] = {}
        return next(named, none)

    def count_allowed(live: Mapping[str, Any]) -> bool:
        return not target or low <= live.get("DesiredInstanceCount", low) <= high

    suspended = any(target.get("SuspendedState", {}).values())
    settle_seconds = 0.0 if suspended else min(poller.deadline, COUNT_SETTLES_SECONDS)
    live = replace(poller, deadline=settle_seconds).wait(
        describe, count_allowed, f"the instance count of {planned.name} to come within its bounds"
    )
    subject = f"variant {planned.variant_name} of endpoint {planned.name}"
    if not live:
        raise_any([Difference(subject, "does not exist")])
    differences = compare(
        subject,
        {"weight": (_planned_weight(aws, outputs), float(live.get("DesiredWeight", live.get("CurrentWeight", 1))))},
        not_repaired(_set(outputs, f"DesiredWeight={_planned_weight(aws, outputs):g}")),
    )
    if not count_allowed(live):
        found = f"wants {live['DesiredInstanceCount']} instances, and scaling allows {low} to {high}"
        nearest = min(max(live["DesiredInstanceCount"], low), high)
        differences.append(Difference(subject, found, not_repaired(_set(outputs, f"DesiredInstanceCount={nearest}"))))
    raise_any(differences)
    weight, count = _planned_weight(aws, outputs), live.get("DesiredInstanceCount", 0)
    return f"{planned.variant_name} has weight {weight:g} and {count} instances"


def configuration(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That the planned configuration exists and says what was planned."""
    planned, name = outputs.endpoint, outputs.endpoint.config_name
    subject = f"endpoint configuration {name}"
    live = existing(subject, lambda: aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=name))
    of_variant = _variant_of(live, planned.variant_name)
    asynchronous = live.get("AsyncInferenceConfig", {})
    output, client = asynchronous.get("OutputConfig", {}), asynchronous.get("ClientConfig", {})
    topics = output.get("NotificationConfig", {})
    differences = compare(
        subject,
        {
            "variant": (planned.variant_name, of_variant.get("VariantName")),
            "model": (planned.model_name, of_variant.get("ModelName")),
            "instance type": (planned.instance_type, of_variant.get("InstanceType")),
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
    raise_any(differences)
    return f"asynchronous, model {planned.model_name} on {planned.instance_type}"


def model(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That the model exists, with its role and its archives: without it the endpoint cannot start another instance."""
    planned, subject = outputs.endpoint, f"model {outputs.endpoint.model_name}"
    live = existing(subject, lambda: aws.client("sagemaker").describe_model(ModelName=planned.model_name))
    pairs: dict[str, tuple[object, object]] = {
        "execution role": (planned.execution_role_arn, live.get("ExecutionRoleArn")),
    }
    if outputs.model is not None and outputs.model.archives:
        containers = live.get("Containers") or [live.get("PrimaryContainer", {})]
        urls = {one.get("ModelDataUrl") for one in containers}
        pairs["archives"] = ([], [one.uri for one in outputs.model.archives if one.uri not in urls])
    raise_any(compare(subject, pairs))
    return f"{planned.model_name} acts as {planned.execution_role_arn.rpartition('/')[2]}"


def _settled_endpoint(aws: AwsSession, name: str, poller: Poller) -> Mapping[str, Any]:
    return poller.wait(
        lambda: _describe(aws, name),
        lambda live: live["EndpointStatus"] not in TRANSITIONAL_STATES,
        f"endpoint {name} to finish what is in progress",
    )


def _describe(aws: AwsSession, name: str) -> Mapping[str, Any]:
    return existing(f"endpoint {name}", lambda: aws.client("sagemaker").describe_endpoint(EndpointName=name))


def _planned_weight(aws: AwsSession, outputs: AsyncEndpointOutputs) -> float:
    """Of the configuration, which is immutable; 1 where it says nothing (API reference, ProductionVariant). See A61."""
    name = outputs.endpoint.config_name
    live = existing(
        f"endpoint configuration {name}", lambda: aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
    )
    return float(_variant_of(live, outputs.endpoint.variant_name).get("InitialVariantWeight", 1))


def _variant_of(configuration: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    none: Mapping[str, Any] = {}
    return next((one for one in configuration["ProductionVariants"] if one["VariantName"] == name), none)


def _scalable_target(aws: AwsSession, outputs: AsyncEndpointOutputs) -> Mapping[str, Any]:
    found = aws.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[outputs.scaling.resource_id]
    )["ScalableTargets"]
    return found[0] if found else {}


def _set(outputs: AsyncEndpointOutputs, setting: str) -> str:
    return (
        f"aws sagemaker update-endpoint-weights-and-capacities --endpoint-name {outputs.endpoint.name} "
        f"--desired-weights-and-capacities VariantName={outputs.endpoint.variant_name},{setting}"
    )


def _path(uri: str | None) -> str | None:
    return uri.rstrip("/") if uri else None

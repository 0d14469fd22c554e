"""The response of DescribeEndpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.hosted_config import ServerlessConfig, VariantSpec
from async_endpoint.emulator.hosting.variant import Variant
from async_endpoint.emulator.sagemaker.resources import Described, Resource


def describe(endpoint: HostedEndpoint, resource: Resource) -> Described:
    """The response for one endpoint, without empty members."""
    live, described = endpoint.variants, endpoint.deployment.described
    answer: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointArn": resource.arn,
        "EndpointConfigName": endpoint.deployment.config_name,
        "EndpointStatus": endpoint.status,
        "CreationTime": endpoint.created_at,
        "LastModifiedTime": endpoint.modified_at,
        "FailureReason": endpoint.failure_reason,
        "ProductionVariants": [_summary(variant, resource.created_at) for variant in live if not variant.shadow],
        "ShadowProductionVariants": [_summary(variant, resource.created_at) for variant in live if variant.shadow],
        "PendingDeploymentSummary": _pending(endpoint),
        "LastDeploymentConfig": resource.request.get("DeploymentConfig"),
        "AsyncInferenceConfig": described.get("AsyncInferenceConfig"),
        "DataCaptureConfig": _capture(described),
    }
    return {member: value for member, value in answer.items() if value}


def _summary(variant: Variant, resolved_at: float) -> Described:
    spec = variant.spec
    summary: dict[str, Any] = {
        "VariantName": spec.name,
        "DeployedImages": _images(spec, resolved_at),
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
    }
    if spec.serverless is not None:
        return summary | {
            "CurrentInstanceCount": 0,
            "CurrentServerlessConfig": _serverless(spec.serverless, min(variant.capacity, variant.serving)),
            "DesiredServerlessConfig": _serverless(spec.serverless, variant.capacity),
        }
    return summary | {"CurrentInstanceCount": variant.serving, "DesiredInstanceCount": variant.desired}


def _pending(endpoint: HostedEndpoint) -> Described | None:
    """PendingDeploymentSummary: the deployment in progress, if it differs from the live one."""
    target = endpoint.target
    if endpoint.status not in ("Creating", "Updating") or (target is endpoint.deployment and endpoint.variants):
        return None
    stage, incoming = endpoint.incoming
    serving = {variant.name: len(variant.fleet.receiving_traffic) for variant in incoming}
    variants = [
        {
            "VariantName": spec.name,
            "DeployedImages": _images(spec, endpoint.modified_at),
            "CurrentInstanceCount": serving.get(spec.name, 0),
            "DesiredWeight": spec.weight,
            "VariantStatus": [{"Status": stage or "Creating", "StartTime": endpoint.modified_at}],
        }
        | (
            {"DesiredServerlessConfig": _serverless(spec.serverless, spec.serverless.provisioned)}
            if spec.serverless
            else _wanted(spec)
        )
        for spec in target.variants
    ]
    return {"EndpointConfigName": target.config_name, "ProductionVariants": variants, "StartTime": endpoint.modified_at}


def _wanted(spec: VariantSpec) -> Described:
    return {"DesiredInstanceCount": spec.initial_count, "InstanceType": spec.instance_type}


def _images(spec: VariantSpec, when: float) -> list[Described]:
    images = [container.image for container in spec.model.containers]
    return [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": when} for image in images]


def _serverless(settings: ServerlessConfig, warm: int) -> Described:
    provisioned = {"ProvisionedConcurrency": warm} if settings.provisioned and warm else {}
    return {"MemorySizeInMB": settings.memory_mb, "MaxConcurrency": settings.concurrency} | provisioned


def _capture(described: Mapping[str, Any]) -> Described | None:
    """DataCaptureConfigSummary; None without data capture."""
    capture = described.get("DataCaptureConfig")
    if not capture:
        return None
    return {
        "EnableCapture": capture.get("EnableCapture", True),
        "CaptureStatus": "Started" if capture.get("EnableCapture", True) else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }

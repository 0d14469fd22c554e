"""Preconditions of CreateEndpointConfig, beyond the request's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.hosting_rules import has_local_storage, is_marketplace
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.hosting.data_capture import DataCaptureConfig
from async_endpoint.emulator.hosting.model_spec import ModelSpec
from async_endpoint.emulator.sagemaker.protocol import validation_exception

MAX_VARIANTS = 10  # CreateEndpointConfig.ProductionVariants
SERVERLESS_MEMORY_MB = range(1_024, 6_145, 1_024)  # developer guide, "Serverless Inference"
_OF_INSTANCES = {"InferenceAmiVersion", "InitialInstanceCount", "InstanceType", "RoutingConfig", "VolumeSizeInGB"}

Described = Mapping[str, Any]


def check_config(request: Described, model: Callable[[str], Described]) -> None:
    """Raise ValidationException for what SageMaker refuses, and for what this local AWS does not support.

    `model` returns the CreateModel request of a name, or raises.
    """
    variants, shadows = request["ProductionVariants"], request.get("ShadowProductionVariants") or []
    names = [variant["VariantName"] for variant in (*variants, *shadows)]
    if "AsyncInferenceConfig" in request and len(names) != 1:
        raise validation_exception("An asynchronous endpoint has exactly one production variant and no shadow variant.")
    if len(names) > MAX_VARIANTS or len(set(names)) < len(names):
        raise validation_exception(
            f"A configuration has at most {MAX_VARIANTS} variants with distinct names; found {', '.join(names)}."
        )
    if shadows and (len(variants), len(shadows)) != (1, 1):
        raise validation_exception("A shadow variant requires exactly one production variant, and no other shadow variant.")
    _check_data_capture(request)
    for variant in (*variants, *shadows):
        if "ModelName" not in variant:
            raise validation_exception(
                f"Variant {variant['VariantName']} has no ModelName; the local AWS does not support inference components."
            )
        if "ManagedInstanceScaling" in variant:  # as quoted in terraform-provider-aws, pull request 45926
            raise validation_exception("ManagedInstanceScaling is only supported for inference component endpoints.")
        spec = ModelSpec.read(model(variant["ModelName"]))
        if "AsyncInferenceConfig" in request:
            _check_async(request, variant, spec)
        if "ServerlessConfig" in variant:
            _check_serverless(variant, spec, alone=len(names) == 1)
        else:
            _check_instances(variant, request)


def _check_data_capture(request: Described) -> None:
    try:
        capture = DataCaptureConfig.read(request.get("DataCaptureConfig"))
    except InvalidInput as error:
        raise validation_exception(f"DataCaptureConfig.DestinationS3Uri: {error}") from error
    if "DataCaptureConfig" in request and any("ServerlessConfig" in variant for variant in request["ProductionVariants"]):
        raise validation_exception("Data capture is not supported for serverless variants.")
    if capture is not None and "AsyncInferenceConfig" in request:  # its guide is "Capture data from real-time endpoint"
        raise validation_exception("The local AWS does not support DataCaptureConfig with AsyncInferenceConfig; remove it.")


def _check_instances(variant: Described, request: Described) -> None:
    if "InstanceType" not in variant:
        raise validation_exception(
            f"Variant {variant['VariantName']} requires InstanceType or ServerlessConfig; it has neither."
        )
    if variant.get("InitialInstanceCount", 0) < 1:
        raise validation_exception(
            f"InitialInstanceCount of variant {variant['VariantName']} must be at least 1; an asynchronous endpoint "
            "scales in to zero after its creation."
        )
    for member, given in (("KmsKeyId", request), ("VolumeSizeInGB", variant)):
        if member in given and has_local_storage(variant["InstanceType"]):  # A84
            raise validation_exception(
                f"{member} cannot be specified with instance type {variant['InstanceType']}, which has local storage."
            )


def _check_serverless(variant: Described, model: ModelSpec, *, alone: bool) -> None:
    """Source: developer guide, "Serverless Inference", feature exclusions."""
    name, config = variant["VariantName"], variant["ServerlessConfig"]
    if not alone:
        raise validation_exception(f"Serverless variant {name} must be the only variant of its configuration.")
    if _OF_INSTANCES & variant.keys():
        raise validation_exception(
            f"Serverless variant {name} has no instances: give either ServerlessConfig or "
            f"{' and '.join(sorted(_OF_INSTANCES & variant.keys()))}."
        )
    if config["MemorySizeInMB"] not in SERVERLESS_MEMORY_MB:
        raise validation_exception(
            f"MemorySizeInMB of variant {name} is {config['MemorySizeInMB']}; use {[*SERVERLESS_MEMORY_MB]}."
        )
    if config.get("ProvisionedConcurrency", 0) > config["MaxConcurrency"]:
        raise validation_exception(
            f"ProvisionedConcurrency of variant {name} is above its MaxConcurrency of {config['MaxConcurrency']}."
        )
    if any(is_marketplace(container.image) for container in model.containers):
        raise validation_exception(f"Serverless variant {name} requires a model that is not of AWS Marketplace.")
    if len(model.containers) > 1 or model.multi_model:
        raise validation_exception(f"Serverless variant {name} requires a model of one container in SingleModel mode.")
    if any(container.from_data_source for container in model.containers):  # ContainerDefinition.ModelDataSource
        raise validation_exception(
            f"Serverless variant {name} requires a model with ModelDataUrl; ModelDataSource is not supported."
        )
    if model.vpc is not None or model.isolated or any(container.private_registry for container in model.containers):
        raise validation_exception(
            f"Serverless variant {name} requires a model without VPC, network isolation and private registry."
        )


def _check_async(request: Described, variant: Described, model: ModelSpec) -> None:
    if "ServerlessConfig" in variant or "InstanceType" not in variant:
        raise validation_exception(
            "An asynchronous endpoint requires an instance-based variant: give InstanceType, not ServerlessConfig."
        )
    if model.multi_model or model.direct:  # InvokeEndpointAsync has neither TargetModel nor TargetContainerHostname
        raise validation_exception(
            "An asynchronous endpoint requires a single container or a serial pipeline: InvokeEndpointAsync has no target."
        )
    if any(is_marketplace(container.image) for container in model.containers):  # as quoted in sagemaker-python-sdk, issue 3969
        raise validation_exception("Marketplace images are not supported when specifying an AsyncInferenceConfig.")
    output = request["AsyncInferenceConfig"]["OutputConfig"]
    for path in ("S3OutputPath", "S3FailurePath"):
        try:
            S3Uri.parse(output.get(path, "s3://absent"))
        except InvalidInput as error:
            raise validation_exception(f"{path}: {error}") from error

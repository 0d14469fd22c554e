"""What CreateEndpointConfig refuses of an asynchronous configuration, beyond the shape of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_endpoint.contract.errors import InvalidInput
from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local.sagemaker.wire import validation

# Families whose instances have local NVMe storage, which KmsKeyId does not cover (AWS: CreateEndpointConfig, KmsKeyId).
LOCAL_STORAGE_FAMILIES = frozenset(
    {"c5d", "g4dn", "g5", "g6", "g6e", "m5d", "p4d", "p4de", "p5", "p5e", "r5d", "trn1", "trn1n"}
)


def check_async_config(request: Mapping[str, Any]) -> None:
    """Raise ValidationException for what SageMaker refuses, and for what this local AWS cannot run."""
    if "AsyncInferenceConfig" not in request:
        raise validation("The local AWS runs asynchronous endpoints only; this configuration has no AsyncInferenceConfig.")
    variants = request["ProductionVariants"]
    if len(variants) != 1 or request.get("ShadowProductionVariants"):
        raise validation("An asynchronous endpoint takes exactly one production variant and no shadow variant.")
    variant = variants[0]
    if "ServerlessConfig" in variant or "InstanceType" not in variant:
        raise validation("An asynchronous endpoint takes an instance-based variant: give InstanceType, not ServerlessConfig.")
    if variant.get("InitialInstanceCount", 0) < 1:
        raise validation(
            "InitialInstanceCount of an asynchronous endpoint's variant is at least 1; scale in to zero after creation."
        )
    family = variant["InstanceType"].split(".")[1]
    if "KmsKeyId" in request and family in LOCAL_STORAGE_FAMILIES:
        raise validation(f"KmsKeyId cannot be specified with instance type {variant['InstanceType']}, which has local storage.")
    output = request["AsyncInferenceConfig"]["OutputConfig"]
    for path in ("S3OutputPath", "S3FailurePath"):
        try:
            S3Uri.parse(output.get(path, "s3://absent"))
        except InvalidInput as error:
            raise validation(f"{path}: {error}") from error

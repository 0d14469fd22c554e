"""What CreateModel and CreateEndpointConfig refuse, beyond the shape of the request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from async_endpoint.contract.errors import InvalidInput
from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local.hosting.role import AccessDenied, ExecutionRole
from async_endpoint.local.sagemaker.wire import validation
from async_endpoint.local.stores import NoSuchThing

# Instances with local NVMe storage, which KmsKeyId does not cover (AWS: CreateEndpointConfig, KmsKeyId): a d among the
# family's attributes (m5d, g4dn, p4de), or a family that always has it (g5, g6, p5, trn1).
_LOCAL_STORAGE = re.compile(r"ml\.(?:[a-z]+\d+[a-z]*d[a-z]*|gr?[56]e?|p5[a-z]*|trn[12][a-z]*)\.")


def check_model(region: str, request: Mapping[str, Any]) -> None:
    """Raise ValidationException when the role may not be assumed, or may not read the model data, as CreateModel does."""
    containers = request.get("Containers") or ([request["PrimaryContainer"]] if "PrimaryContainer" in request else [])
    if len(containers) != 1:
        raise validation("The local AWS runs models of exactly one container; give it as PrimaryContainer.")
    role = ExecutionRole(request["ExecutionRoleArn"], region)
    data = containers[0].get("ModelDataUrl")
    try:
        role.assume()
        if data:
            role.get_object(S3Uri.parse(data))
    except InvalidInput as error:
        raise validation(str(error)) from error
    except NoSuchThing as error:
        raise validation(f"Could not find model data at {data}. ({error})") from error
    except AccessDenied as error:
        raise validation(
            f'Could not access model data at {data}. Please ensure that the role "{role.arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
            f'Also ensure that the role has "s3:GetObject" permissions and that the object is located in {region}. ({error})'
        ) from error


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
    if "KmsKeyId" in request and _LOCAL_STORAGE.match(variant["InstanceType"]):
        raise validation(f"KmsKeyId cannot be specified with instance type {variant['InstanceType']}, which has local storage.")
    output = request["AsyncInferenceConfig"]["OutputConfig"]
    for path in ("S3OutputPath", "S3FailurePath"):
        try:
            S3Uri.parse(output.get(path, "s3://absent"))
        except InvalidInput as error:
            raise validation(f"{path}: {error}") from error

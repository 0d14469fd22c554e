"""What CreateModel and UpdateEndpoint refuse, beyond the shape of the request. Configurations are in config_rules.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_endpoint.contract.errors import InvalidInput
from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local import stores
from async_endpoint.local.hosting import quota
from async_endpoint.local.hosting.deployment import Deployment, containers_of
from async_endpoint.local.hosting.endpoint import Endpoint
from async_endpoint.local.hosting.role import AccessDenied, ExecutionRole
from async_endpoint.local.sagemaker.wire import ApiError, validation
from async_endpoint.local.stores import NoSuchThing

PIPELINE_CONTAINERS = 15  # CreateModel.Containers


def check_model(region: str, request: Mapping[str, Any]) -> None:
    """Raise ValidationException when the role may not be assumed, or may not read the model data, as CreateModel does."""
    containers = containers_of(request)
    _check_containers(request, containers)
    role = ExecutionRole(request["ExecutionRoleArn"], region)
    for container in containers:
        _check_data(role, container)


def _check_containers(request: Mapping[str, Any], containers: list[Mapping[str, Any]]) -> None:
    if "PrimaryContainer" in request and request.get("Containers"):
        raise validation("Give either PrimaryContainer or Containers; this request has both.")
    if not 1 <= len(containers) <= PIPELINE_CONTAINERS:
        raise validation(f"A model has 1 to {PIPELINE_CONTAINERS} containers; this request has {len(containers)}.")
    for container in containers:
        unknown = [member for member in ("ModelPackageName", "ModelDataSource") if member in container]
        if unknown or "Image" not in container:
            raise validation(
                "The local AWS runs containers given by Image, with ModelDataUrl or without model data; this one has "
                f"{' and '.join(unknown) or 'no Image'}."
            )
        if container.get("Mode") == "MultiModel" and not container.get("ModelDataUrl"):
            raise validation("A container in MultiModel mode takes a ModelDataUrl: the prefix its models lie under.")
        if container.get("Mode") == "MultiModel" and len(containers) > 1:
            raise validation("The local AWS runs a multi-model container by itself, not in a pipeline.")
    hostnames = [container["ContainerHostname"] for container in containers if "ContainerHostname" in container]
    if len(set(hostnames)) < len(hostnames):
        raise validation(f"The ContainerHostname of each container is its own; these are {', '.join(hostnames)}.")
    direct = (request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct"
    if direct and (len(containers) < 2 or len(hostnames) < len(containers)):
        raise validation("InferenceExecutionConfig Direct takes at least two containers, each with a ContainerHostname.")


def _check_data(role: ExecutionRole, container: Mapping[str, Any]) -> None:
    data = container.get("ModelDataUrl")
    try:
        role.assume()
        uri = S3Uri.parse(data) if data else None
        if uri is not None and container.get("Mode") != "MultiModel":  # there it is a prefix, read when a model is called
            role.get_object(uri)
    except InvalidInput as error:
        raise validation(str(error)) from error
    except NoSuchThing as error:
        raise validation(f"Could not find model data at {data}. ({error})") from error
    except AccessDenied as error:
        raise validation(
            f'Could not access model data at {data}. Please ensure that the role "{role.arn}" exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". '
            'Also ensure that the role has "s3:GetObject" permissions and that the object is located in '
            f"{role.region}. ({error})"
        ) from error


def check_counts(deployment: Deployment) -> None:
    """Raise ResourceLimitExceeded for more instances than there may be."""
    for spec in deployment.specs:
        reason = quota.over(spec, spec.initial_count)
        if reason:
            raise ApiError("ResourceLimitExceeded", reason)


def check_capacity(endpoint: Endpoint, wanted: Mapping[str, Any]) -> None:
    """Raise ValidationException for a weight or instance count that a variant cannot have, or ResourceLimitExceeded."""
    name, count = wanted["VariantName"], wanted.get("DesiredInstanceCount")
    variant = endpoint.variant(name)
    if variant is None:
        raise validation(f'The variant name "{name}" does not exist for endpoint "{endpoint.name}".')
    if count is not None and variant.spec.serverless is not None:
        raise validation(f'Variant "{name}" of endpoint "{endpoint.name}" is serverless and has no instances to count.')
    reason = quota.refusal(endpoint, name, count or 0)
    if reason:
        raise ApiError("ResourceLimitExceeded", reason)


def check_update(endpoint: Endpoint, deployment: Deployment) -> None:
    """Raise ValidationException for a new configuration that this endpoint cannot take."""
    if (endpoint.deployment.async_settings is None) is not (deployment.async_settings is None):
        raise validation(
            f'Endpoint "{endpoint.name}" cannot be updated between asynchronous and real-time inference: '
            "AsyncInferenceConfig can be neither added nor removed."
        )
    wanted = {spec.name: spec.instance_type for spec in deployment.variants}
    for variant in endpoint.variants:
        registered = stores.scalable_target(endpoint.region, variant.resource_id) is not None
        if registered and wanted.get(variant.name, variant.spec.instance_type) != variant.spec.instance_type:
            raise validation(
                f'The instance type of endpoint "{endpoint.name}" cannot change while its variant is registered with '
                "Application Auto Scaling; deregister the scalable target, update, and register it again."
            )

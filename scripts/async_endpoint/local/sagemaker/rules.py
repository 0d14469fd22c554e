"""What CreateEndpoint and UpdateEndpoint refuse, beyond the shape of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_endpoint.local import stores
from async_endpoint.local.hosting import quota
from async_endpoint.local.hosting.deployment import Deployment
from async_endpoint.local.hosting.endpoint import Endpoint
from async_endpoint.local.sagemaker.wire import ApiError, validation


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

"""Preconditions of CreateEndpoint, UpdateEndpoint and UpdateEndpointWeightsAndCapacities, beyond the request's shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from async_endpoint.core.hosting_rules import MAX_EXECUTION_SECONDS, STEP_PERCENT, step_fits
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.error_messages import quota_error
from async_endpoint.emulator.hosting.guardrails import SIZE_MEMBER, Guardrails
from async_endpoint.emulator.hosting.hosted_config import HostedConfig
from async_endpoint.emulator.sagemaker.protocol import ApiError, validation_exception


def check_counts(deployment: HostedConfig) -> None:
    """Raise ResourceLimitExceeded for a variant above the instance quota."""
    for spec in deployment.specs:
        reason = quota_error(spec.instance_type, spec.initial_count)
        if reason:
            raise ApiError("ResourceLimitExceeded", reason)


def check_capacity(endpoint: HostedEndpoint, wanted: Mapping[str, Any]) -> None:
    """Raise ValidationException for an unknown variant or an instance count of a serverless one, or ResourceLimitExceeded."""
    name, count = wanted["VariantName"], wanted.get("DesiredInstanceCount")
    variant = endpoint.variant(name)
    if variant is None:
        raise validation_exception(f'The variant name "{name}" does not exist for endpoint "{endpoint.name}".')
    if count is not None and variant.spec.serverless is not None:
        raise validation_exception(f'Variant "{name}" of endpoint "{endpoint.name}" is serverless and has no instance count.')
    if count == 0 and endpoint.deployment.async_settings is None:  # A156
        raise validation_exception(
            f'The desired instance count of variant "{name}" of endpoint "{endpoint.name}" must be at least 1: only '
            "asynchronous endpoints can have no instances."
        )
    reason = quota_error(variant.spec.instance_type, count or 0, variant.desired)
    if reason:
        raise ApiError("ResourceLimitExceeded", reason)


def check_update(endpoint: HostedEndpoint, deployment: HostedConfig) -> None:
    """Raise ValidationException for a configuration that this endpoint cannot be updated to."""
    if (endpoint.deployment.async_settings is None) is not (deployment.async_settings is None):
        raise validation_exception(
            f'Endpoint "{endpoint.name}" cannot be updated between asynchronous and real-time inference: '
            "AsyncInferenceConfig can be neither added nor removed."
        )
    wanted = {spec.name: spec.instance_type for spec in deployment.variants}
    for variant in endpoint.variants:
        registered = moto_backends.scalable_target(endpoint.region, variant.resource_id) is not None
        if registered and wanted.get(variant.name, variant.spec.instance_type) != variant.spec.instance_type:
            raise validation_exception(
                f'The instance type of endpoint "{endpoint.name}" cannot change while its variant is registered with '
                "Application Auto Scaling; deregister the scalable target, update, and register it again."
            )


def check_guardrails(
    config: Mapping[str, Any] | None, deployment: HostedConfig, endpoint: HostedEndpoint | None = None
) -> None:
    """Raise ValidationException for an inconsistent DeploymentConfig, or one that does not fit the variants or `endpoint`."""
    if not config:
        return
    if "RollingUpdatePolicy" in config and "BlueGreenUpdatePolicy" in config:
        raise validation_exception("Give either BlueGreenUpdatePolicy or RollingUpdatePolicy; this DeploymentConfig has both.")
    guardrails = Guardrails.read(config)
    wanted = SIZE_MEMBER.get(guardrails.mode)
    routing = (config.get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration") or {}
    misplaced = [member for member in SIZE_MEMBER.values() if member in routing and member != wanted]
    if misplaced or (wanted and guardrails.step is None):
        raise validation_exception(
            f"Traffic routing of type {guardrails.mode.value} requires {wanted or 'no size'}; "
            f"found {' and '.join(misplaced) or 'none'}."
        )
    on_instances = [spec for spec in deployment.specs if spec.serverless is None]
    for spec in on_instances:
        if guardrails.step is not None and not step_fits(guardrails.mode, guardrails.step, spec.initial_count):
            low, high = STEP_PERCENT[guardrails.mode]
            raise validation_exception(
                f"{wanted} of {guardrails.step.value} is not between {low} and {high} percent of the {spec.initial_count} "
                f"instances of variant {spec.name}, or is less than one of them."
            )
    _check_waits(guardrails, [spec.initial_count for spec in on_instances])
    if endpoint is not None:  # "Exclusions" of the developer guide
        before = {spec.name for spec in endpoint.deployment.specs}
        after = {spec.name for spec in deployment.specs}
        if before != after:
            raise validation_exception(
                f"An update with a DeploymentConfig cannot change the variant names: they are {', '.join(sorted(before))} and "
                f"would become {', '.join(sorted(after))}."
            )


def _check_waits(guardrails: Guardrails, totals: list[int]) -> None:
    waits = guardrails.waiting_seconds(totals)
    limit = min(guardrails.max_execution_seconds, MAX_EXECUTION_SECONDS)
    if limit <= waits:
        raise validation_exception(
            f"MaximumExecutionTimeoutInSeconds of {limit:.0f} must be larger than the total waiting "
            f"time of the deployment, {waits:.0f} seconds."
        )

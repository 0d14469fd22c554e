"""Checks of scalable targets: the endpoint must exist, bounds must be valid, and deregistering deletes policies and actions.

moto does none of this, accepts policies without a target, and lacks AWS's ObjectNotFoundException.
"""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError

from async_endpoint.core.hosting_rules import is_burstable
from async_endpoint.emulator.hosting.hosted_config import VariantSpec
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.moto_backends import DIMENSION, DIMENSIONS, PROVISIONED
from async_endpoint.emulator.moto_patches.application_autoscaling import ApplicationAutoscalingBackend, AWSValidationException
from async_endpoint.emulator.scaling.minute_scheduler import MinuteScheduler

_register = ApplicationAutoscalingBackend.register_scalable_target
_deregister = ApplicationAutoscalingBackend.deregister_scalable_target
_delete_policy = ApplicationAutoscalingBackend.delete_scaling_policy


def apply(hosting: Hosting, scheduler: MinuteScheduler) -> None:
    def register(
        self: Any, namespace: str, r_id: str, dimension: str, min_capacity: int | None, max_capacity: int | None, **rest: Any
    ) -> Any:
        least = least_capacity(hosting, self.region_name, r_id, dimension)
        before = self.targets.get(dimension, {}).get(r_id)
        _check_bounds(
            before.min_capacity if min_capacity is None and before else min_capacity,
            before.max_capacity if max_capacity is None and before else max_capacity,
            least,
        )
        return _register(self, namespace, r_id, dimension, min_capacity=min_capacity, max_capacity=max_capacity, **rest)

    def deregister(self: Any, namespace: str, r_id: str, dimension: str) -> None:
        _deregister_scalable_target(self, namespace, r_id, dimension)
        if dimension in DIMENSIONS:
            scheduler.targets.fail_activities_of(self.region_name, r_id, hosting.clock.now())

    ApplicationAutoscalingBackend.register_scalable_target = register
    ApplicationAutoscalingBackend.deregister_scalable_target = deregister
    ApplicationAutoscalingBackend.delete_scaling_policy = _delete_scaling_policy


def check_registered(backend: Any, namespace: str, r_id: str, dimension: str) -> None:
    """Raise ObjectNotFoundException if the scalable target is not registered."""
    if r_id not in backend.targets.get(dimension, {}):
        raise not_found(
            f"No scalable target registered for service namespace: {namespace}, resource ID: {r_id}, scalable dimension: "
            f"{dimension}"
        )


def least_capacity(hosting: Hosting, region: str, resource_id: str, dimension: str) -> int:
    """The smallest allowed MinCapacity: 0 for an asynchronous variant, 1 for a real-time one. Raises ValidationException."""
    if dimension not in DIMENSIONS:
        return 0
    parts = resource_id.split("/")
    endpoint = hosting.get(region, parts[1]) if len(parts) == 4 else None
    specs: tuple[VariantSpec, ...] = endpoint.target.specs if endpoint else ()
    spec = next((spec for spec in specs if spec.name == parts[3]), None)
    if endpoint is None or spec is None:
        raise AWSValidationException(f"The resource {resource_id} does not exist: no SageMaker endpoint variant of that name.")
    if dimension == PROVISIONED and (spec.serverless is None or not spec.serverless.provisioned):
        raise AWSValidationException(f"Variant {spec.name} has no provisioned concurrency; {PROVISIONED} does not scale it.")
    if dimension == DIMENSION and spec.serverless is not None:
        raise AWSValidationException(f"Variant {spec.name} is serverless and has no instances; {DIMENSION} does not scale it.")
    if dimension == DIMENSION and is_burstable(spec.instance_type):  # the documentation names no message
        raise AWSValidationException(
            f"Automatic scaling does not support burstable instances: variant {spec.name} has {spec.instance_type}."
        )
    return 0 if endpoint.target.async_settings is not None else 1


def not_found(message: str) -> JsonRESTError:
    return JsonRESTError("ObjectNotFoundException", message)


def _deregister_scalable_target(self: Any, namespace: str, r_id: str, dimension: str) -> None:
    """Deregister, and delete the target's policies and scheduled actions."""
    if r_id not in self.targets.get(dimension, {}):
        raise not_found(
            f"No scalable target found for service namespace: {namespace}, resource ID: {r_id}, scalable dimension: {dimension}"
        )
    _deregister(self, namespace, r_id, dimension)
    for policy in list(self.policies.values()):
        if (policy.resource_id, policy.scalable_dimension) == (r_id, dimension):
            self.delete_scaling_policy(policy.policy_name, namespace, r_id, dimension)
    self.scheduled_actions = [
        action for action in self.scheduled_actions if (action.resource_id, action.scalable_dimension) != (r_id, dimension)
    ]


def _delete_scaling_policy(self: Any, *args: Any, **kwargs: Any) -> None:
    try:
        _delete_policy(self, *args, **kwargs)
    except AWSValidationException as error:
        raise not_found(error.message) from error


def _check_bounds(low: int | None, high: int | None, least: int) -> None:
    if low is None or high is None:
        raise AWSValidationException("Both MinCapacity and MaxCapacity must be specified for a new scalable target.")
    if low > high:
        raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")
    if low < least:
        raise AWSValidationException(f"Minimum capacity cannot be less than {least}; it is {low}.")

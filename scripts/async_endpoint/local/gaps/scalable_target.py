"""moto registers a target for an endpoint that does not exist, and keeps the policies of one that is deregistered."""

from __future__ import annotations

from typing import Any

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend

from async_endpoint.local.hosting.service import Hosting
from async_endpoint.local.stores import DIMENSION

_register = ApplicationAutoscalingBackend.register_scalable_target
_deregister = ApplicationAutoscalingBackend.deregister_scalable_target


def mend(hosting: Hosting) -> None:
    def register(self: Any, namespace: str, r_id: str, dimension: str, *args: Any, **kwargs: Any) -> Any:
        if dimension == DIMENSION:
            _check_variant(hosting, self.region_name, r_id)
        return _register(self, namespace, r_id, dimension, *args, **kwargs)

    def deregister(self: Any, namespace: str, r_id: str, dimension: str) -> None:
        _deregister(self, namespace, r_id, dimension)
        for policy in list(self.policies.values()):
            if (policy.resource_id, policy.scalable_dimension) == (r_id, dimension):
                self.delete_scaling_policy(policy.policy_name, namespace, r_id, dimension)

    ApplicationAutoscalingBackend.register_scalable_target = register
    ApplicationAutoscalingBackend.deregister_scalable_target = deregister


def _check_variant(hosting: Hosting, region: str, resource_id: str) -> None:
    parts = resource_id.split("/")
    endpoint = hosting.get(region, parts[1]) if len(parts) == 4 else None
    if endpoint is None or endpoint.deployment.variant_name != parts[3]:
        raise AWSValidationException(f"The resource {resource_id} does not exist: no SageMaker endpoint variant of that name.")

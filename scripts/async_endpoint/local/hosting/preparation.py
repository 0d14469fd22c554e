"""What an endpoint needs before its first instance: roles that may be assumed, images that may be pulled, archives."""

from __future__ import annotations

from collections.abc import Callable

from async_endpoint.local.container.spec import ContainerSpec, Workload
from async_endpoint.local.faults.faults import Faults
from async_endpoint.local.hosting.deployment import ContainerSource, ModelSpec
from async_endpoint.local.hosting.role import AccessDenied, ExecutionRole
from async_endpoint.local.stores import NoSuchThing


class DeploymentFailed(Exception):
    """A deployment cannot serve; the text becomes the endpoint's FailureReason."""


def prepare(model: ModelSpec, region: str, faults: Faults) -> Workload:
    """Check the model's role and fetch its archives; raises DeploymentFailed with the reason in AWS's words."""
    role = ExecutionRole(model.role_arn, region, faults)
    try:
        role.assume()
        return Workload(tuple(_container(container, role) for container in model.containers), model.direct)
    except (AccessDenied, NoSuchThing) as error:
        raise DeploymentFailed(str(error)) from error


def _container(source: ContainerSource, role: ExecutionRole) -> ContainerSpec:
    role.pull_image(source.image)
    data = source.model_data
    return ContainerSpec(
        archive=role.get_object(data).body if data and not source.multi_model else None,
        environment=source.environment,
        image=source.image,
        hostname=source.hostname,
        models=_lookup(source, role) if source.multi_model else None,
    )


def _lookup(source: ContainerSource, role: ExecutionRole) -> Callable[[str], bytes]:
    """A function from TargetModel to its archive, read with the role as it is then; raises AccessDenied or NoSuchThing."""
    prefix = source.model_data
    assert prefix is not None  # check_model() refuses a multi-model container without one
    return lambda target: role.get_object(prefix.join(target)).body

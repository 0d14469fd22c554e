"""Models made from model packages: a container that names a package stands for the package's own containers.

The packages and their groups are moto's. What a package says is read when the model is made, and kept with it.
"""

from __future__ import annotations

from typing import Any

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.hosting.model_spec import Described, containers_of
from async_endpoint.emulator.sagemaker.protocol import validation_exception

_TAKEN = ("Image", "ModelDataUrl", "ModelDataSource")  # of ModelPackageContainerDefinition


def resolved(region: str, request: Described) -> dict[str, Any]:
    """A CreateModel request without model packages; raises ValidationException for one that is not there, or empty."""
    if "PrimaryContainer" in request and request.get("Containers"):
        raise validation_exception("Give either PrimaryContainer or Containers; this request has both.")
    containers = [own for container in containers_of(request) for own in _containers(region, container)]
    rest = {member: value for member, value in request.items() if member not in ("PrimaryContainer", "Containers")}
    return rest | ({"Containers": containers} if "Containers" in request or len(containers) > 1 else _primary(containers))


def _primary(containers: list[Described]) -> dict[str, Any]:
    return {"PrimaryContainer": containers[0]} if containers else {}


def _containers(region: str, container: Described) -> list[Described]:
    name = container.get("ModelPackageName")
    if name is None:
        return [container]
    both = [member for member in _TAKEN if member in container]
    if both:
        raise validation_exception(f"Give either ModelPackageName or {' and '.join(both)}; this container has both.")
    try:
        packaged = moto_backends.model_package(name, region)
    except moto_backends.ResourceNotFound as error:
        raise validation_exception(str(error)) from error
    if not packaged:
        raise validation_exception(f"ModelPackage {name} has no InferenceSpecification with containers; it cannot be hosted.")
    own = {member: value for member, value in container.items() if member != "ModelPackageName"}
    return [
        own
        | {member: item[member] for member in _TAKEN if item.get(member)}
        | ({"ContainerHostname": item["ContainerHostname"]} if item.get("ContainerHostname") else {})
        | {"Environment": {**(item.get("Environment") or {}), **(own.get("Environment") or {})}}
        for item in packaged
    ]

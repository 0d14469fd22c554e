"""Actions on kinds of resources that the local AWS does not have: none can be created, so lists are empty and nothing is found.

SDKs, the provider and consoles call them when they clean up. Creating such a resource is refused by name (error_responses.py).
"""

from __future__ import annotations

import re
from typing import Final

from async_endpoint.emulator.sagemaker.protocol import ApiError, service_model, validation_exception
from async_endpoint.emulator.sagemaker.resources import Described

# What moto answers: the model registry, and Search of it.
SERVED_BY_MOTO: Final = frozenset(
    {
        "CreateModelPackage", "CreateModelPackageGroup", "DescribeModelPackage", "DescribeModelPackageGroup",
        "ListModelPackageGroups", "ListModelPackages", "Search", "UpdateModelPackage",
    }
)  # fmt: skip
_ON_EXISTING: Final = ("Delete", "Describe", "Get", "Stop", "Update")


def answers(action: str) -> bool:
    """Whether the answer to an action follows from there being no such resource: it lists, or it names one."""
    if action in SERVED_BY_MOTO or action not in service_model("sagemaker").operation_names:
        return False
    return action.startswith("List") or (action.startswith(_ON_EXISTING) and bool(_required(action)))


def answer(action: str, request: Described) -> Described:
    """The empty list of a List action; raises AWS's error of a missing resource for one that names a resource."""
    if not action.startswith("List") or _required(action):
        raise _not_found(action, request)
    output = service_model("sagemaker").operation_model(action).output_shape
    return {name: [] for name, shape in output.members.items() if shape.type_name == "list"}


def _required(action: str) -> list[str]:
    shape = service_model("sagemaker").operation_model(action).input_shape
    return list(shape.required_members) if shape is not None else []


def _not_found(action: str, request: Described) -> ApiError:
    """ResourceNotFound where the service model has it for the action, ValidationException otherwise."""
    member = _required(action)[0]
    what = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"(?:Name|Arn|Id)$", "", member)).lower()
    message = f'Could not find {what} "{request[member]}".'
    errors = {shape.name for shape in service_model("sagemaker").operation_model(action).error_shapes}
    return ApiError("ResourceNotFound", message) if "ResourceNotFound" in errors else validation_exception(message)

"""Actions of the model registry that moto lacks: deletion, and policies of groups, of which there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.sagemaker.protocol import ApiError, validation_exception
from async_endpoint.emulator.sagemaker.resources import Described
from async_endpoint.emulator.sagemaker.tags import as_pairs, from_pairs
from async_endpoint.local_aws import ACCOUNT_ID


@dataclass
class RegistryItem:
    """A model package or a group of them, as moto stores it."""

    stored: Any

    @classmethod
    def find(cls, arn: str, region: str) -> RegistryItem | None:
        """The item of an ARN; None if there is none."""
        stored = moto_backends.registry_item(arn, region)
        return None if stored is None else cls(stored)

    @property
    def tags(self) -> dict[str, str]:
        return from_pairs(self.stored.tags)

    @tags.setter
    def tags(self, tags: dict[str, str]) -> None:
        self.stored.tags = as_pairs(tags)


def delete_model_package(region: str, request: Described) -> Described:
    """DeleteModelPackage, by name or ARN. Versions of a group are deleted by ARN and their numbers are not used again."""
    try:
        moto_backends.delete_model_package(request["ModelPackageName"], region)
    except moto_backends.ResourceNotFound as error:
        raise validation_exception(str(error)) from error
    return {}


def delete_model_package_group(region: str, request: Described) -> Described:
    """DeleteModelPackageGroup. A group with versions is a ConflictException (service model); the text is the local AWS's."""
    name: str = request["ModelPackageGroupName"].rpartition("/")[2]
    versions: list[Any] = moto_backends.model_package_versions(name, region)
    if versions:
        raise ApiError(
            "ConflictException",
            f"Model Package Group {name} cannot be deleted: it contains {len(versions)} model packages; delete them first.",
        )
    try:
        moto_backends.delete_model_package_group(name, region)
    except moto_backends.ResourceNotFound as error:
        raise validation_exception(str(error)) from error
    return {}


def absent_group_policy(region: str, request: Described) -> Described:
    """GetModelPackageGroupPolicy, DeleteModelPackageGroupPolicy: no group has a policy, because Put is refused by name.

    The texts are in the tests of AWS's own resource provider for CloudFormation (ModelPackageGroup).
    """
    name = request["ModelPackageGroupName"].rpartition("/")[2]
    arn = f"arn:aws:sagemaker:{region}:{ACCOUNT_ID}:model-package-group/{name}"
    if moto_backends.registry_item(arn, region) is None:
        raise validation_exception(f"Cannot find Model Package Group: {arn}")
    raise validation_exception(f"Cannot find resource policy for: {arn}")

"""A name of a model package group that exists is refused, and a version's number is not used again after its deletion.

moto replaces the group, and numbers a version by counting those that are left, so that it overwrites one after a deletion.
"""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import ModelPackage, SageMakerModelBackend

_create_group = SageMakerModelBackend.create_model_package_group
_initialize = ModelPackage.__init__


def apply() -> None:
    SageMakerModelBackend.create_model_package_group = _create_new_group
    ModelPackage.__init__ = _initialize_numbered


def _create_new_group(self: Any, model_package_group_name: str, *args: Any, **kwargs: Any) -> str:
    existing = self.model_package_groups.get(model_package_group_name)
    if existing is not None:
        raise AWSValidationException(f"Model Package Group already exists: {existing.arn}")
    arn: str = _create_group(self, model_package_group_name, *args, **kwargs)
    return arn


def _initialize_numbered(self: Any, **package: Any) -> None:
    """Number a version one above the latest of its group, which remembers it."""
    name = package["model_package_group_name"]
    if name:
        backend = get_backend("sagemaker")[package["account_id"]][package["region_name"]]
        group = backend.model_package_groups[name]
        group.latest_version = package["model_package_version"] = getattr(group, "latest_version", 0) + 1
    _initialize(self, **package)

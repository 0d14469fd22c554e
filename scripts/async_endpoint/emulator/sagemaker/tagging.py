"""The Resource Groups Tagging API: adds hosting's models, configurations and endpoints to moto's implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from moto.core.resource_tagging import TaggedResource
from moto.resourcegroupstaggingapi import models

from async_endpoint.emulator.sagemaker.resources import Described, Resource

_backends: Callable[[str, str], Iterator[Any]] = models.iter_taggable_backends


class TaggableResources(Protocol):
    """The tag actions of the control plane."""

    def resources(self, region: str) -> Iterable[tuple[str, Resource]]: ...

    def has(self, arn: str) -> bool: ...

    def handle(self, action: str, region: str, request: Described) -> Described: ...


class HostingTagBackend:
    """Hosting's resources of one region, as a backend of the tagging API."""

    def __init__(self, tagged: TaggableResources, region: str) -> None:
        self._tagged = tagged
        self._region = region

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        for word, resource in self._tagged.resources(self._region):
            yield TaggedResource(arn=resource.arn, tags=dict(resource.tags), resource_type=f"sagemaker:{word}")

    def owns_arn(self, arn: str) -> bool:
        return self._tagged.has(arn)

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        self._tagged.handle("AddTags", self._region, {"ResourceArn": arn, "Tags": pairs})

    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        self._tagged.handle("DeleteTags", self._region, {"ResourceArn": arn, "TagKeys": tag_keys})


def patch_tagging_api(tagged: TaggableResources) -> None:
    """Make GetResources, GetTagKeys, GetTagValues, TagResources and UntagResources include the resources of `tagged`."""

    def with_hosting(account_id: str, region_name: str) -> Iterator[Any]:
        yield HostingTagBackend(tagged, region_name)  # first: moto's SageMaker owns every ARN of the service
        yield from _backends(account_id, region_name)

    models.iter_taggable_backends = with_hosting

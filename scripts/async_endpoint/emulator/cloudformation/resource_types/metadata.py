"""AWS::CDK::Metadata, which the CDK adds to its templates: usage statistics, with nothing behind it on AWS either."""

from __future__ import annotations

from typing import Final

from async_endpoint.emulator.cloudformation.resource_types.base import Context, Created, Existing, ResourceType, Values


class CdkMetadata(ResourceType):
    mutable = frozenset(("Analytics",))

    def create(self, context: Context, properties: Values) -> Created:
        return Created(context.name(None, 128), {})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        """Nothing to update."""

    def delete(self, context: Context, existing: Existing) -> None:
        """Nothing to delete."""


TYPES: Final = {"AWS::CDK::Metadata": CdkMetadata()}

"""AWS::KMS::Key and Alias. Ref returns the key's id and the alias's name."""

from __future__ import annotations

from typing import ClassVar, Final

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    DOCUMENT,
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_document,
    as_list,
    scalar,
)

_WAITING_DAYS: Final = 30
_LEAST_WAITING_DAYS: Final = 7


class Key(ResourceType):
    """A key. Deleting the resource schedules the key's deletion."""

    mutable = frozenset(("Description", "EnableKeyRotation", "Enabled", "KeyPolicy", "PendingWindowInDays", "Tags"))
    replacing = frozenset(("KeySpec", "KeyUsage", "MultiRegion", "Origin"))
    attributes = frozenset(("Arn", "KeyId"))
    structures: ClassVar = {"KeyPolicy": DOCUMENT, "Tags": "JSONArray"}

    def check(self, properties: Values) -> None:
        super().check(properties)
        days = scalar("integer", properties.get("PendingWindowInDays", _WAITING_DAYS), "#/PendingWindowInDays")
        if not _LEAST_WAITING_DAYS <= days <= _WAITING_DAYS:
            raise ResourceFailed(
                f"Properties validation failed: #/PendingWindowInDays: {days} is not from {_LEAST_WAITING_DAYS} to "
                f"{_WAITING_DAYS}"
            )

    def create(self, context: Context, properties: Values) -> Created:
        optional: Values = {
            key: properties[key] for key in ("Description", "KeySpec", "KeyUsage", "Origin") if key in properties
        }
        if "KeyPolicy" in properties:
            optional["Policy"] = as_document(properties["KeyPolicy"])
        tags = as_list(context.all_tags(properties.get("Tags")), "TagKey", "TagValue")
        multi_region = scalar("boolean", properties.get("MultiRegion", False), "#/MultiRegion")
        key = context.client("kms").create_key(Tags=tags, MultiRegion=multi_region, **optional)["KeyMetadata"]
        return Created(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self._switch(context, created.physical_id, {}, properties)

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, key, before = context.client("kms"), existing.physical_id, existing.properties
        if before.get("Description") != after.get("Description"):
            client.update_key_description(KeyId=key, Description=after.get("Description", ""))
        if "KeyPolicy" in after and before.get("KeyPolicy") != after["KeyPolicy"]:
            client.put_key_policy(KeyId=key, PolicyName="default", Policy=as_document(after["KeyPolicy"]))
        self._switch(context, key, before, after)
        context.change_tags(
            before.get("Tags"),
            after.get("Tags"),
            lambda tags: client.tag_resource(KeyId=key, Tags=as_list(tags, "TagKey", "TagValue")),
            lambda keys: client.untag_resource(KeyId=key, TagKeys=keys),
        )

    @staticmethod
    def _switch(context: Context, key: str, before: Values, after: Values) -> None:
        """Enable or disable the key and its rotation."""
        client = context.client("kms")
        was, is_on = (scalar("boolean", of.get("EnableKeyRotation", False), "#/EnableKeyRotation") for of in (before, after))
        if was != is_on:
            (client.enable_key_rotation if is_on else client.disable_key_rotation)(KeyId=key)
        was, is_on = (scalar("boolean", of.get("Enabled", True), "#/Enabled") for of in (before, after))
        if was != is_on:
            (client.enable_key if is_on else client.disable_key)(KeyId=key)

    def delete(self, context: Context, existing: Existing) -> None:
        days = scalar("integer", existing.properties.get("PendingWindowInDays", _WAITING_DAYS), "#/PendingWindowInDays")
        context.client("kms").schedule_key_deletion(KeyId=existing.physical_id, PendingWindowInDays=days)


class Alias(ResourceType):
    named_by = "AliasName"
    mutable = frozenset(("TargetKeyId",))
    replacing = frozenset(("AliasName",))
    required = frozenset(("AliasName", "TargetKeyId"))
    structures: ClassVar = {}

    def create(self, context: Context, properties: Values) -> Created:
        context.client("kms").create_alias(AliasName=properties["AliasName"], TargetKeyId=properties["TargetKeyId"])
        return Created(properties["AliasName"], {})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        context.client("kms").update_alias(AliasName=existing.physical_id, TargetKeyId=after["TargetKeyId"])

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("kms").delete_alias(AliasName=existing.physical_id)


TYPES: Final = {"AWS::KMS::Key": Key(), "AWS::KMS::Alias": Alias()}

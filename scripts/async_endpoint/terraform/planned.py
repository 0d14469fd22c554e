"""The resource changes of a plan, as `terraform show -json` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ResourceChange:
    """One resource that a plan changes. `before` is empty for a creation, `after` for a deletion; unknown values are absent."""

    address: str
    type: str
    actions: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    replace_paths: tuple[tuple[str | int, ...], ...] = ()  # attributes whose change forces a replacement

    @property
    def deletes(self) -> bool:
        """Whether the resource of `before` is deleted, by itself or as part of a replacement."""
        return "delete" in self.actions

    @property
    def creates(self) -> bool:
        return "create" in self.actions

    @property
    def replaces(self) -> bool:
        return self.deletes and self.creates


def resource_changes(document: Mapping[str, Any]) -> list[ResourceChange]:
    """Managed resources that the plan creates, updates or deletes; unchanged ones and data sources are left out."""
    return [
        ResourceChange(
            item["address"],
            item["type"],
            tuple(item["change"]["actions"]),
            item["change"].get("before") or {},
            item["change"].get("after") or {},
            tuple(tuple(path) for path in item["change"].get("replace_paths", ())),
        )
        for item in document.get("resource_changes", ())
        if item.get("mode") == "managed" and item["change"]["actions"] not in (["no-op"], ["read"])
    ]

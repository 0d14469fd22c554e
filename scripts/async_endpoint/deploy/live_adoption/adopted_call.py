"""The call of module async-inference that describes an endpoint, while it is put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from async_endpoint.deploy.live_adoption.described import Import
from async_endpoint.deploy.live_adoption.inventory import Inventory
from async_endpoint.deploy.live_adoption.module_settings import Naming
from async_endpoint.deploy.live_adoption.resources import LiveResource
from async_endpoint.deploy.live_adoption.sharing import Sharing


@dataclass
class AdoptedCall:
    """The call of the module while it is put together."""

    inventory: Inventory
    sharing: Sharing
    naming: Naming
    names: dict[str, Any] = field(default_factory=dict)
    imports: list[Import] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def add(self, address: str, resource: LiveResource) -> None:
        self.imports.append(Import(f"module.{self.naming.call}.{address}", resource))

    @property
    def variant(self) -> Mapping[str, Any]:
        return self.inventory.variants[0]

    @property
    def variant_name(self) -> str:
        return str(self.variant["VariantName"])

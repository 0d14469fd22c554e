"""Tags of a live endpoint as the one set of tags that a module takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from async_endpoint.core.suspension import TAG_KEY
from async_endpoint.deploy.live_adoption.inventory import Inventory
from async_endpoint.deploy.live_adoption.resources import LiveResource

_RESERVED = ("aws:", f"{TAG_KEY.partition(':')[0]}:")


def described_tags(
    inventory: Inventory, default_tags: Mapping[str, str], imported: Sequence[LiveResource]
) -> tuple[dict[str, str], list[str]]:
    """The tags of endpoint and `imported` together, and a sentence for each whose value changes.

    The endpoint's value wins; the provider's `default_tags` have precedence, since the environment's resources are found by
    them.
    """
    union: dict[str, str] = {}
    for resource in (*reversed(imported), inventory.endpoint):
        union |= {name: value for name, value in resource.tags.items() if not name.startswith(_RESERVED)}
    notes = []
    for resource in (inventory.endpoint, *imported):
        for name, value in sorted(resource.tags.items()):
            planned = default_tags.get(name, union.get(name, value))
            if planned != value and not name.startswith(_RESERVED):
                notes.append(f"Tag {name} of {resource} changes from {value} to {planned}.")
    return {name: union[name] for name in sorted(union) if name not in default_tags}, notes

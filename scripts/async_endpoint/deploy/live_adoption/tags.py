"""Tags of a live endpoint as the one set of tags that a module takes."""

from __future__ import annotations

from collections.abc import Mapping

from async_endpoint.core.suspension import TAG_KEY
from async_endpoint.deploy.live_adoption.inventory import Inventory

_RESERVED = ("aws:", f"{TAG_KEY.partition(':')[0]}:")


def described_tags(inventory: Inventory, default_tags: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The tags of the endpoint and its log group together, and a sentence for each whose value changes.

    The endpoint's value wins; the provider's `default_tags` have precedence, since the environment's resources are found by
    them. An imported role, bucket or topic keeps its own tags and gets none.
    """
    tagged = [inventory.endpoint, *([inventory.log_group] if inventory.log_group else [])]
    union: dict[str, str] = {}
    for resource in reversed(tagged):
        union |= {name: value for name, value in resource.tags.items() if not name.startswith(_RESERVED)}
    notes = []
    for resource in tagged:
        for name, value in sorted(resource.tags.items()):
            planned = default_tags.get(name, union.get(name, value))
            if planned != value and not name.startswith(_RESERVED):
                notes.append(f"Tag {name} of {resource} changes from {value} to {planned}.")
    return {name: union[name] for name in sorted(union) if name not in default_tags}, notes

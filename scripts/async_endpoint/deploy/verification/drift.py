"""Everything else that Terraform manages: what a plan says that an apply would change, by address and attribute.

A plan refreshes, so that what was changed outside Terraform is in it, and so is a configuration that has not been applied yet.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from async_endpoint.deploy.verification.findings import Difference
from async_endpoint.terraform.plan_document import ResourceChange, changed_outputs, resource_changes, resource_drift, top_module

LONGEST_VALUE: Final = 60  # characters of a value in a message; of a longer one the attribute is named


def drift(document: Mapping[str, Any], ignored_modules: Collection[str] = ()) -> list[Difference]:
    """The differences in the JSON of a plan. An apply repairs each: what it leaves alone is compared elsewhere.

    `ignored_modules` are calls in the root module whose resources are left out.
    """
    drifted = {change.address: change for change in resource_drift(document)}
    everything = resource_changes(document)
    changes = [change for change in everything if top_module(change.address) not in ignored_modules]
    found = [Difference(change.address, _found(change, drifted.get(change.address))) for change in changes]
    if not everything:
        found = [Difference(f"output {name}", "was not applied as it is configured") for name in changed_outputs(document)]
    return found


def _found(change: ResourceChange, drifted: ResourceChange | None) -> str:
    """`drifted` is what the refresh found of the resource, None for nothing."""
    if not change.deletes and change.creates:
        return "was deleted outside Terraform" if drifted else "has not been applied"
    if change.deletes and not change.creates:
        return "exists and is no longer configured"
    outside = drifted is not None and any(
        name in change.changed or name not in change.after for name in drifted.changed if _differs(drifted, name)
    )
    how = "was changed outside Terraform" if outside else "is not as it is configured"
    attributes = [_attribute(change, name) for name in change.changed if _differs(change, name)]
    if change.replaces:
        return f"{how}, and an apply replaces it: {', '.join(attributes) or 'what it depends on differs'}"
    return f"{how}: {', '.join(attributes) or 'what it depends on differs'}"


def _differs(change: ResourceChange, name: str) -> bool:
    """Whether an attribute has another value; after a refresh the provider has `{}` where the state has null."""
    return any(values[name] not in (None, {}, []) for values in (change.before, change.after))


def _attribute(change: ResourceChange, name: str) -> str:
    if name in change.sensitive:
        return name
    live, planned = (json.dumps(values[name]) for values in (change.before, change.after))
    return name if len(live + planned) > LONGEST_VALUE else f"{name} {live} instead of {planned}"

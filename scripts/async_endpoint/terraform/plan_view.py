"""A plan as the driver sees it: what it would create, and what the state already has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from async_endpoint.core.outputs import OUTPUT_NAME
from async_endpoint.terraform.planned import ResourceChange, resource_changes

# Attributes that identify a resource to its service, by any of which it may be met again.
_IDENTIFIERS = ("arn", "id", "name", "url", "bucket", "key_id")


@dataclass(frozen=True)
class PlanView:
    """`creations` are resources that the plan creates, without replacements; `state` is (type, attributes) of what exists."""

    creations: tuple[ResourceChange, ...]
    state: tuple[tuple[str, Mapping[str, Any]], ...]
    region: str | None

    @cached_property
    def _known(self) -> frozenset[tuple[str, str]]:
        found = ((kind, values.get(name)) for kind, values in self.state for name in _IDENTIFIERS)
        return frozenset((kind, value) for kind, value in found if isinstance(value, str))

    def has(self, kind: str, *identifiers: str) -> bool:
        """Whether the state has a resource of this type with one of these names, ids or ARNs."""
        return any((kind, identifier) in self._known for identifier in identifiers)

    def attributes(self, kind: str) -> list[Mapping[str, Any]]:
        """What is known of every resource of this type, in the state or to be created."""
        there = [values for type_, values in self.state if type_ == kind]
        return there + [creation.after for creation in self.creations if creation.type == kind]

    @cached_property
    def tags(self) -> dict[str, str]:
        """The tags that all taggable resources have in common: the provider's default tags; empty where there are none."""
        every = [values["tags_all"] for values in self._all_attributes() if values.get("tags_all")]
        return (
            {name: value for name, value in every[0].items() if all(other.get(name) == value for other in every)}
            if every
            else {}
        )

    def after_apply(self, state: Mapping[str, Any]) -> PlanView:
        """The same plan beside a newer `state`, as `terraform show` prints it: what is in it is not to be created any more."""
        values = state.get("values") or {}
        there = {item["address"] for item in _resources(values.get("root_module") or {}) if item["mode"] == "managed"}
        creations = tuple(creation for creation in self.creations if creation.address not in there)
        return replace(self, creations=creations, state=_managed(values))

    def _all_attributes(self) -> Iterator[Mapping[str, Any]]:
        yield from (values for _, values in self.state)
        yield from (creation.after for creation in self.creations)


def plan_view(document: Mapping[str, Any]) -> PlanView:
    """The view of a plan that `terraform show -json` printed."""
    changes = resource_changes(document)
    prior = (document.get("prior_state") or {}).get("values") or {}
    # Deposed objects are in the state too; a plan shows them as deletions only.
    deposed = tuple((change.type, change.before) for change in changes if change.deletes)
    creations = tuple(change for change in changes if change.creates and not change.deletes)
    return PlanView(creations, (*_managed(prior), *deposed), _region(document, prior))


def _managed(values: Mapping[str, Any]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    found = _resources(values.get("root_module") or {})
    return tuple((item["type"], item.get("values") or {}) for item in found if item["mode"] == "managed")


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from _resources(child)


def _region(document: Mapping[str, Any], prior: Mapping[str, Any]) -> str | None:
    """The region of the provider, a data source or the output; None where none of them says."""
    provider = ((document.get("configuration") or {}).get("provider_config") or {}).get("aws") or {}
    region = (provider.get("expressions") or {}).get("region") or {}
    if isinstance(region.get("constant_value"), str):
        return str(region["constant_value"])
    for reference in region.get("references", ()):
        variable = (document.get("variables") or {}).get(reference.removeprefix("var."))
        if reference.startswith("var.") and variable and isinstance(variable.get("value"), str):
            return str(variable["value"])
    for item in _resources(prior.get("root_module") or {}):
        if item["type"] == "aws_region" and item["mode"] == "data":
            return str(item["values"]["name"])
    output = (document.get("output_changes") or {}).get(OUTPUT_NAME) or {}
    for side in ("after", "before"):
        for endpoint in (output.get(side) or {}).values():
            if isinstance(endpoint, Mapping) and endpoint.get("region"):
                return str(endpoint["region"])
    return None

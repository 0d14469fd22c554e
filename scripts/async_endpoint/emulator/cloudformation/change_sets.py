"""Computation of a change set: what an update would do, without doing it."""

from __future__ import annotations

from async_endpoint.emulator.cloudformation.intrinsics import Scope
from async_endpoint.emulator.cloudformation.references import in_order
from async_endpoint.emulator.cloudformation.resource_types import resource_type
from async_endpoint.emulator.cloudformation.stacks import Stack, Values


def changes_of(stack: Stack, scope: Scope, *, new_tags: bool) -> list[Values]:
    """The changes from a stack's resources to the template of `scope`, in the form of DescribeChangeSet.

    The values of resources that will be created or replaced are not known; what refers to one counts as changed.
    """
    included = {logical_id: item for logical_id, item in scope.template.resources.items() if scope.included(item)}
    live = {logical_id: resource for logical_id, resource in stack.resources.items() if resource.status != "DELETE_COMPLETE"}
    changes: list[Values] = []
    unknown: set[str] = set()
    scope.attribute = lambda logical_id, name: (
        f"(known after the change: {logical_id}.{name})"
        if logical_id in unknown
        else live[logical_id].attributes.get(name, f"({logical_id}.{name})")
    )
    for logical_id in in_order(scope.template, included):
        kind, old = resource_type(included[logical_id]["Type"]), live.get(logical_id)
        scope.resources[logical_id] = old.physical_id if old is not None else ""
        if old is None:
            unknown.add(logical_id)
            scope.resources[logical_id] = f"(known after the change: {logical_id})"
            changes.append(_change("Add", logical_id, included[logical_id]["Type"]))
            continue
        properties = scope.resolve(included[logical_id].get("Properties", {}))
        changed = sorted(name for name in {*properties, *old.properties} if properties.get(name) != old.properties.get(name))
        if not changed and not new_tags:
            continue
        replaced = kind is not None and bool(kind.replaced_by(old.properties, properties))
        if replaced:
            unknown.add(logical_id)
            scope.resources[logical_id] = f"(known after the change: {logical_id})"
        change = _change("Modify", logical_id, old.type, old.physical_id)
        change["ResourceChange"] |= {
            "Replacement": str(replaced),
            "Details": _details(changed, kind.replacing if kind else frozenset()),
        }
        change["ResourceChange"]["Scope"] = ["Properties"] if changed else ["Tags"]
        changes.append(change)
    removed = [resource for logical_id, resource in live.items() if logical_id not in included]
    return changes + [_change("Remove", item.logical_id, item.type, item.physical_id) for item in removed]


def _details(changed: list[str], replacing: frozenset[str]) -> list[Values]:
    return [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": name,
                "RequiresRecreation": "Always" if name in replacing else "Never",
            },
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
        for name in changed
    ]


def _change(action: str, logical_id: str, kind: str, physical_id: str = "") -> Values:
    change: Values = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": kind, "Scope": [], "Details": []}
    return {"Type": "Resource", "ResourceChange": change | ({"PhysicalResourceId": physical_id} if physical_id else {})}

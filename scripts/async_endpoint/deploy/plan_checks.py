"""What a plan is refused for before anything changes: two resources of one name, and an endpoint that no output lists.

AWS does not refuse the first: CreateTopic, CreateQueue and all Put* calls accept what exists, so that two addresses would share
one resource, and the removal of either deletes it. Terraform accepts the second, but no command would verify that endpoint.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.outputs import MODULE_OUTPUT_NAME, OUTPUT_NAME
from async_endpoint.core.text import joined
from async_endpoint.deploy.endpoints import ENDPOINT_TYPE
from async_endpoint.deploy.resource_kinds import KINDS
from async_endpoint.terraform.plan_document import ManagedResource, managed_after, module_calls, provider_key, top_module

Name = Callable[[Mapping[str, Any]], str | None]


def _parts(*attributes: str) -> Name:
    """The name of a resource that several attributes identify together; None while one is unknown."""

    def name(values: Mapping[str, Any]) -> str | None:
        parts = [values.get(attribute) for attribute in attributes]
        return " of ".join(map(str, parts)) if all(parts) else None

    return name


# Label and name by type: those that can be orphans, and those that a Put* call overwrites.
_NAMED: Final[Mapping[str, tuple[str, Name]]] = {kind.type: (kind.label, kind.name) for kind in KINDS.values()} | {
    "aws_appautoscaling_policy": ("scaling policy", _parts("name", "resource_id")),
    "aws_appautoscaling_scheduled_action": ("scheduled action", _parts("name", "resource_id")),
    "aws_appautoscaling_target": ("scalable target", _parts("resource_id")),
    "aws_cloudwatch_dashboard": ("dashboard", _parts("dashboard_name")),
}
_PLURALS: Final = {"policy": "policies", "alias": "aliases"}
_NUMBERS: Final = {2: "two", 3: "three"}


def require_unique_names(environment: str, document: Mapping[str, Any]) -> None:
    """Raise InvalidInput when a resource that the plan creates has the name of another one that is there afterwards.

    `document` is the plan as `terraform show -json` prints it. Names that are unknown until the apply are not compared, nor
    those of resources with different provider configurations: another region or account may have the same.
    """
    groups: dict[tuple[str, str, str], list[ManagedResource]] = defaultdict(list)
    for resource in managed_after(document):
        name = _NAMED[resource.type][1](resource.values) if resource.type in _NAMED else None
        if name:
            groups[resource.type, name, provider_key(document, resource.address)].append(resource)
    shared = [
        (kind, name, sorted(one.address for one in group))
        for (kind, name, _), group in groups.items()
        if len(group) > 1 and any(one.created for one in group)
    ]
    # Two endpoints of one name have topics, queues and alarms of one name too; one cause is reported once.
    endpoints = [one for one in shared if one[0] == ENDPOINT_TYPE]
    if shared:
        kind, name, addresses = min(endpoints or shared)
        raise InvalidInput(
            f"{environment} has {_NUMBERS.get(len(addresses), len(addresses))} {_plural(_NAMED[kind][0])} named {name}: "
            f"{joined(_shown(addresses))}; rename one in envs/{environment}/main.tf."
        )


def _shown(addresses: list[str]) -> list[str]:
    """The module calls of resources where these distinguish them, else the addresses."""
    calls = [top_module(address) for address in addresses]
    return calls if all(calls) and len(set(calls)) == len(calls) else addresses


def _plural(label: str) -> str:
    *words, last = label.split()
    return " ".join([*words, _PLURALS.get(last, f"{last}s")])


@dataclass(frozen=True)
class _Listed:
    """What the planned output `async_endpoints` has.

    `names` are those of its endpoints on SageMaker, None where one is unknown until the apply; `references` what its expression
    refers to.
    """

    names: frozenset[str] | None
    references: frozenset[str]

    def has(self, name: str | None, call: str) -> bool:
        if self.names is not None and name is not None:
            return name in self.names
        return any(reference == call or reference.startswith((f"{call}.", f"{call}[")) for reference in self.references)

    def is_certain(self, name: str | None) -> bool:
        """Whether what `has` denies is not in the output: a local value in the expression may refer to any module."""
        if self.names is not None and name is not None:
            return True
        return all(reference.startswith("module.") for reference in self.references)


def unlisted_endpoints(environment: str, document: Mapping[str, Any]) -> list[str]:
    """One sentence for each endpoint that may be missing in output `async_endpoints`.

    Only endpoints of modules that have an output `async_endpoint` are compared: what a root does with other modules' is its
    own. Raises InvalidInput when one is certainly missing.
    """
    listed, notices = _listed(document), []
    for call, name in _endpoint_modules(document):
        if listed.has(name, call.partition("[")[0]):
            continue
        text = f"envs/{environment}/outputs.tf does not list {call}, so that no command would verify or find its endpoint; add"
        remedy = f"{text} to output {OUTPUT_NAME}: {_key(call)} = {call}.{MODULE_OUTPUT_NAME}"
        if listed.is_certain(name):
            raise InvalidInput(remedy)
        notices.append(f"{remedy} (unless a local value does so).")
    return notices


def _endpoint_modules(document: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """The calls in the root module, with their keys, that have an endpoint after the apply, and its name where it is known."""
    with_output = {
        f"module.{name}"
        for name, call in module_calls(document).items()
        if MODULE_OUTPUT_NAME in ((call.get("module") or {}).get("outputs") or {})
    }
    for resource in managed_after(document):
        call = top_module(resource.address)
        if resource.type == ENDPOINT_TYPE and call.partition("[")[0] in with_output:
            yield call, resource.values.get("name")


def _listed(document: Mapping[str, Any]) -> _Listed:
    change = (document.get("output_changes") or {}).get(OUTPUT_NAME) or {}
    root = (document.get("configuration") or {}).get("root_module") or {}
    expression = ((root.get("outputs") or {}).get(OUTPUT_NAME) or {}).get("expression") or {}
    return _Listed(_names(change) if change or expression else frozenset(), frozenset(_references(expression)))


def _names(change: Mapping[str, Any]) -> frozenset[str] | None:
    after = change.get("after")
    if change.get("after_unknown") is True or not isinstance(after, Mapping):
        return None
    names = [((value or {}).get("endpoint") or {}).get("name") for value in after.values() if isinstance(value, Mapping)]
    return frozenset(map(str, names)) if len(names) == len(after) and all(names) else None


def _references(expression: Any) -> Iterator[str]:
    """The references of an expression and of those nested in it."""
    if isinstance(expression, Mapping):
        yield from expression.get("references", ())
        yield from _references_of(expression.values())
    elif isinstance(expression, list):
        yield from _references_of(expression)


def _references_of(parts: Iterable[Any]) -> Iterator[str]:
    for part in parts:
        yield from _references(part)


def _key(call: str) -> str:
    """The name to list a module call under: its key, or its own with hyphens."""
    key = re.search(r'\["(.*)"\]$', call)
    return key[1] if key else re.sub(r"^module\.|\[.*$", "", call).replace("_", "-")

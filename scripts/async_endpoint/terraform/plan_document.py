"""A plan, and the state that it was made for, as `terraform show -json` prints them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from async_endpoint.core.outputs import OUTPUT_NAME

_TOP_MODULE: Final = re.compile(r'module\.[\w-]+(?:\["(?:[^"\\]|\\.)*"\]|\[\d+\])?(?=\.)')
_IMPORTED: Final = re.compile(r"\.imported(?:\[[^\]]*\])?$")
_KEY: Final = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[\d+\]')


@dataclass(frozen=True)
class ResourceChange:
    """One resource that a plan changes. `before` is empty for a creation, `after` for a deletion; unknown values are absent."""

    address: str
    type: str
    actions: tuple[str, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    replace_paths: tuple[tuple[str | int, ...], ...] = ()  # attributes whose change forces a replacement
    sensitive: frozenset[str] = frozenset()  # attributes whose values must not be printed
    deposed: str = ""  # the key of an object that a replacement has left behind, whose address is its successor's

    @property
    def changed(self) -> list[str]:
        """The attributes that differ and are known in both."""
        return sorted(name for name in self.before.keys() & self.after.keys() if self.before[name] != self.after[name])

    @property
    def deletes(self) -> bool:
        """Whether the resource of `before` is deleted, by itself or as part of a replacement."""
        return "delete" in self.actions

    @property
    def creates(self) -> bool:
        return "create" in self.actions

    @property
    def action(self) -> str:
        """`create`, `update`, `replace` or `delete`."""
        if self.replaces:
            return "replace"
        return next((action for action in ("create", "delete") if action in self.actions), "update")

    @property
    def replaces(self) -> bool:
        return self.deletes and self.creates


def top_module(address: str) -> str:
    """The call in the root module that a resource belongs to, with its key: `module.text["a"]`; empty for the root's own."""
    found = _TOP_MODULE.match(address)
    return found[0] if found else ""


def is_imported(address: str) -> bool:
    """Whether a resource existed before its deployment: modules call it `imported`, and others may use it too (ADR 0098)."""
    return _IMPORTED.search(address) is not None


def resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources of a module of a state, and of all modules below it."""
    yield from module.get("resources", ())
    for child in module.get("child_modules", ()):
        yield from resources(child)


def prior_resources(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The managed resources of the state that a plan was made for."""
    values = (document.get("prior_state") or {}).get("values") or {}
    return (item for item in resources(values.get("root_module") or {}) if item["mode"] == "managed")


def data_sources(document: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    """What the data sources of one type found, for the state that a plan was made for."""
    values = (document.get("prior_state") or {}).get("values") or {}
    found = resources(values.get("root_module") or {})
    return (item.get("values") or {} for item in found if item["mode"] == "data" and item["type"] == kind)


@dataclass(frozen=True)
class ManagedResource:
    """A managed resource as it is after a plan; values that are unknown until then are absent. `created` also when replaced."""

    address: str
    type: str
    values: Mapping[str, Any]
    created: bool


def managed_before(document: Mapping[str, Any]) -> list[ManagedResource]:
    """The managed resources that a plan was made for, by address."""
    return [
        ManagedResource(item["address"], item["type"], item.get("values") or {}, created=False)
        for item in sorted(prior_resources(document), key=lambda item: str(item["address"]))
    ]


def managed_after(document: Mapping[str, Any]) -> list[ManagedResource]:
    """The managed resources that there are once a plan is applied, by address."""
    there = {
        item["address"]: ManagedResource(item["address"], item["type"], item.get("values") or {}, created=False)
        for item in prior_resources(document)
    }
    for item in document.get("resource_changes", ()):  # also those that are only moved
        if item.get("mode") == "managed":
            there.pop(item.get("previous_address"), None)
    for change in resource_changes(document):
        if change.deposed:
            continue
        there.pop(change.address, None)
        if change.creates or not change.deletes:
            there[change.address] = ManagedResource(change.address, change.type, change.after, created=change.creates)
    return [there[address] for address in sorted(there)]


def module_calls(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The configuration of each module call of the root module, by its name."""
    calls: Mapping[str, Any] = _root_module(document).get("module_calls") or {}
    return calls


def imported_endpoints(document: Mapping[str, Any]) -> set[str]:
    """The endpoints that existed before, by the literal `names.endpoint` of the root's module calls."""
    stated = ((call.get("expressions") or {}).get("names") or {} for call in module_calls(document).values())
    names = [names.get("constant_value") for names in stated]
    return {str(one["endpoint"]) for one in names if isinstance(one, Mapping) and one.get("endpoint")}


def resources_from_before(document: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Buckets, roles and topics, by type and name, that existed before: imported, supplied, or released from the state.

    By addresses of the state and by literals of the root's module calls: what was released is in these alone.
    """
    imported = [item for item in prior_resources(document) if is_imported(str(item["address"]))]
    found = {(str(item["type"]), _own_name(item.get("values") or {})) for item in imported}
    found |= {("aws_s3_bucket", str(values.get("bucket"))) for values in data_sources(document, "aws_s3_bucket")}
    for call in module_calls(document).values():
        arguments = {
            name: one.get("constant_value") for name, one in (call.get("expressions") or {}).items() if "constant_value" in one
        }
        for kind, *path in _FROM_BEFORE:
            value: Any = arguments
            for name in path:
                value = value.get(name) if isinstance(value, Mapping) else None
            if isinstance(value, str):
                found.add((kind, re.split("[:/]", value)[-1]))  # of an ARN its last part
    return frozenset(found)


# Where module calls name them, by ARN or name.
_FROM_BEFORE: Final = (
    ("aws_s3_bucket", "names", "bucket"),
    ("aws_s3_bucket", "storage", "existing", "bucket", "name"),
    ("aws_iam_role", "names", "role"),
    ("aws_iam_role", "model", "role", "existing", "arn"),
    ("aws_sns_topic", "names", "error_topic"),
    ("aws_sns_topic", "names", "success_topic"),
    *(("aws_sns_topic", "notifications", "topics", outcome, "arn") for outcome in ("both", "error", "success")),
)


def _own_name(values: Mapping[str, Any]) -> str:
    return str(values.get("bucket") or values.get("name"))


def provider_key(document: Mapping[str, Any], address: str) -> str:
    """Names the provider configuration of a resource, by which its region and account are set; empty where it is unknown."""
    return str(_configuration(document, address).get("provider_config_key", ""))


def arguments(document: Mapping[str, Any], address: str) -> Mapping[str, Any]:
    """The arguments that the configuration of a resource sets, by name, as expressions; empty where it is unknown."""
    expressions: Mapping[str, Any] = _configuration(document, address).get("expressions") or {}
    return expressions


def _configuration(document: Mapping[str, Any], address: str) -> Mapping[str, Any]:
    *modules, kind, name = _KEY.sub("", address).split(".")
    module = _root_module(document)
    for call in modules[1::2]:
        module = ((module.get("module_calls") or {}).get(call) or {}).get("module") or {}
    found = (item for item in module.get("resources", ()) if (item.get("type"), item.get("name")) == (kind, name))
    none: Mapping[str, Any] = {}
    return next(found, none)


def _root_module(document: Mapping[str, Any]) -> Mapping[str, Any]:
    root: Mapping[str, Any] = (document.get("configuration") or {}).get("root_module") or {}
    return root


def missing_modules(document: Mapping[str, Any], kind: str) -> list[str]:
    """The calls in the root module that declare a resource of type `kind` and have an instance without one in the state."""
    declaring = {f"module.{name}" for name, call in module_calls(document).items() if _declares(call.get("module") or {}, kind)}
    there = {top_module(item["address"]): False for item in prior_resources(document)}
    there |= {top_module(item["address"]): True for item in prior_resources(document) if item["type"] == kind}
    calls_there = {module.partition("[")[0] for module in there}
    half = {module for module, complete in there.items() if not complete and module.partition("[")[0] in declaring}
    return sorted(half | (declaring - calls_there))


def _declares(module: Mapping[str, Any], kind: str) -> bool:
    if any(item.get("type") == kind for item in module.get("resources", ())):
        return True
    return any(_declares(call.get("module") or {}, kind) for call in (module.get("module_calls") or {}).values())


def resource_changes(document: Mapping[str, Any]) -> list[ResourceChange]:
    """Managed resources that the plan creates, updates or deletes; unchanged ones and data sources are left out."""
    return _changes(document, "resource_changes")


def resource_drift(document: Mapping[str, Any]) -> list[ResourceChange]:
    """Managed resources that are not as the state has them: `before` is the state, `after` what the refresh found.

    Also those whose difference a plan leaves alone: computed attributes, and those that `ignore_changes` names.
    """
    return _changes(document, "resource_drift")


def changed_outputs(document: Mapping[str, Any]) -> list[str]:
    """The names of root outputs that an apply would change."""
    changes = document.get("output_changes", {})
    return sorted(name for name, change in changes.items() if change["actions"] != ["no-op"])


def _changes(document: Mapping[str, Any], member: str) -> list[ResourceChange]:
    return [
        ResourceChange(
            item["address"],
            item["type"],
            tuple(item["change"]["actions"]),
            item["change"].get("before") or {},
            item["change"].get("after") or {},
            tuple(tuple(path) for path in item["change"].get("replace_paths", ())),
            _names(item["change"].get("before_sensitive")) | _names(item["change"].get("after_sensitive")),
            str(item.get("deposed") or ""),
        )
        for item in document.get(member, ())
        if item.get("mode") == "managed" and item["change"]["actions"] not in (["no-op"], ["read"])
    ]


def _names(marks: Any) -> frozenset[str]:
    """The attributes of which all or a part is marked sensitive: Terraform marks with true, in the place of the value."""
    return frozenset(name for name, mark in marks.items() if _marked(mark)) if isinstance(marks, Mapping) else frozenset()


def _marked(mark: Any) -> bool:
    if isinstance(mark, Mapping):
        return any(map(_marked, mark.values()))
    return any(map(_marked, mark)) if isinstance(mark, list) else mark is True


# Attributes that identify a resource to its service; a lookup may find it by any of them.
_IDENTIFIERS = ("arn", "id", "name", "url", "bucket", "key_id")


@dataclass(frozen=True)
class PlanView:
    """`creations` are resources that the plan creates, without replacements; `state` is (type, attributes) of what exists.

    `before` are (type, name) of buckets, roles and topics that existed before the deployment.
    """

    creations: tuple[ResourceChange, ...]
    state: tuple[tuple[str, Mapping[str, Any]], ...]
    region: str | None
    before: frozenset[tuple[str, str]] = frozenset()

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
        """The tags that all taggable resources have in common: the provider's default tags; empty where there are none.

        Those that existed before keep their own.
        """
        every = [values["tags_all"] for values in self._all_attributes() if values.get("tags_all")]
        return (
            {name: value for name, value in every[0].items() if all(other.get(name) == value for other in every)}
            if every
            else {}
        )

    def after_apply(self, state: Mapping[str, Any]) -> PlanView:
        """The same plan beside a newer `state`, as `terraform show` prints it: what is in it is not to be created any more."""
        values = state.get("values") or {}
        there = {item["address"] for item in resources(values.get("root_module") or {}) if item["mode"] == "managed"}
        creations = tuple(creation for creation in self.creations if creation.address not in there)
        return replace(self, creations=creations, state=_managed(values))

    def _all_attributes(self) -> Iterator[Mapping[str, Any]]:
        every = [*self.state, *((creation.type, creation.after) for creation in self.creations)]
        yield from (values for kind, values in every if (kind, _own_name(values)) not in self.before)


def plan_view(document: Mapping[str, Any]) -> PlanView:
    """The view of a plan that `terraform show -json` printed."""
    changes = resource_changes(document)
    prior = (document.get("prior_state") or {}).get("values") or {}
    # Deposed objects are in the state too; a plan shows them as deletions only.
    deposed = tuple((change.type, change.before) for change in changes if change.deletes)
    creations = tuple(change for change in changes if change.creates and not change.deletes)
    return PlanView(creations, (*_managed(prior), *deposed), _region(document, prior), resources_from_before(document))


def _managed(values: Mapping[str, Any]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    found = resources(values.get("root_module") or {})
    return tuple((item["type"], item.get("values") or {}) for item in found if item["mode"] == "managed")


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
    for item in resources(prior.get("root_module") or {}):
        if item["type"] == "aws_region" and item["mode"] == "data":
            return str(item["values"]["id"])
    output = (document.get("output_changes") or {}).get(OUTPUT_NAME) or {}
    for side in ("after", "before"):
        endpoints = output.get(side)
        for endpoint in endpoints.values() if isinstance(endpoints, Mapping) else ():
            if isinstance(endpoint, Mapping) and endpoint.get("region"):
                return str(endpoint["region"])
    return None

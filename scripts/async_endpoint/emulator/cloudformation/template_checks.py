"""What CloudFormation refuses of a template before anything is created: names, attributes, functions, policies, limits.

Sources: user guide, "AWS CloudFormation quotas" and the pages of the intrinsic functions. Texts: cfn-lint issue 1632
(Export), LocalStack issue 2372 (attributes), serverless issue 4535 (references), aws-sam-cli issue 6786 (types). Those of
conditions, mappings and sizes are not verified.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from async_endpoint.emulator.cloudformation.errors import StackError, validation_error
from async_endpoint.emulator.cloudformation.intrinsics import FUNCTIONS, Scope
from async_endpoint.emulator.cloudformation.resource_types import resource_type
from async_endpoint.emulator.cloudformation.template import Template, Values, references, substituted

PSEUDO: Final = ("AccountId", "NoValue", "NotificationARNs", "Partition", "Region", "StackId", "StackName", "URLSuffix")
_LIMITS: Final = {"parameters": 200, "mappings": 200, "resources": 500, "outputs": 200}
MAX_DESCRIPTION_BYTES: Final = 1_024
_NOT_IN_EXPORTS: Final = ("Fn::GetAtt", "Fn::GetAZs", "Fn::ImportValue")


def check_template(template: Template) -> None:
    """Raise StackError for what a template refers to without having it, and for more than CloudFormation takes."""
    _check_limits(template)
    for block, items in (("Resources", template.resources), ("Outputs", template.outputs)):
        for name, item in items.items():
            _check_condition(template, name, item, block)
            for function, argument in _functions(item.get("Properties", item.get("Value"))):
                _check_function(template, function, argument)
        _check_references(template, block, items)
    for name, output in template.outputs.items():
        _check_export(template, name, output.get("Export"))
    for logical_id, item in template.resources.items():
        _check_policies(logical_id, item)


def check_included(template: Template, scope: Scope) -> None:
    """Raise StackError when a resource or output refers to a resource whose condition is false."""
    absent = {name for name, item in template.resources.items() if not scope.included(item)}
    for block, items in (("Resources", template.resources), ("Outputs", template.outputs)):
        for item in items.values():
            if scope.included(item):
                wanted = set(references(_chosen(item.get("Properties", item.get("Value")), scope)))
                _refuse_unresolved(wanted & absent, block)


def check_types(template: Template, existing: Mapping[str, str]) -> None:
    """Raise StackError when an update changes the type of a resource; `existing` has the types by logical id."""
    changed = [name for name, item in template.resources.items() if existing.get(name, item["Type"]) != item["Type"]]
    if changed:
        raise validation_error(
            "Update of resource type is not permitted. The new template modifies resource type of the following resources: "
            f"[{', '.join(changed)}]"
        )


def _check_limits(template: Template) -> None:
    for section, most in _LIMITS.items():
        found = len(getattr(template, section))
        if found > most:
            raise validation_error(
                f"Template format error: Number of {section}, {found}, is greater than maximum allowed, {most}"
            )
    size = len(template.description.encode())
    if size > MAX_DESCRIPTION_BYTES:
        raise validation_error(
            f"Template format error: 'Description' length is greater than {MAX_DESCRIPTION_BYTES}. It has {size} bytes."
        )


def _check_condition(template: Template, name: str, item: Values, block: str) -> None:
    condition = item.get("Condition")
    if condition is not None and not (isinstance(condition, str) and condition in template.conditions):
        raise validation_error(
            f"Template format error: Condition {condition} of {block}/{name} is not in the Conditions block of the template"
        )


def _check_function(template: Template, function: str, argument: Any) -> None:
    if function not in FUNCTIONS and function not in ("Ref", "Condition"):
        raise validation_error(f"Template error: the function {function} is not emulated by the local AWS.")
    if function == "Fn::GetAtt":
        _check_attribute(template, argument)
    elif function == "Fn::Sub":
        for name in substituted(argument):
            resource, _, attribute = name.partition(".")
            if attribute and resource in template.resources and not _has_attribute(template, resource, attribute):
                raise validation_error(f"Template error: instance of Fn::Sub references invalid resource attribute {name}")
    elif isinstance(argument, list) and argument and isinstance(argument[0], str):
        if function == "Fn::If" and argument[0] not in template.conditions:
            raise validation_error(f"Template error: unresolved condition dependency {argument[0]} in Fn::If")
        if function == "Fn::FindInMap" and argument[0] not in template.mappings:
            raise validation_error(
                f"Template error: Mapping named '{argument[0]}' is not present in the 'Mappings' section of template."
            )


def _check_attribute(template: Template, argument: Any) -> None:
    path = argument.split(".", maxsplit=1) if isinstance(argument, str) else argument
    if not isinstance(path, list) or len(path) != 2 or not isinstance(path[0], str):
        raise validation_error(
            "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name "
            "and the resource attribute"
        )
    name, attribute = path
    if name not in template.resources:
        raise validation_error(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
    if isinstance(attribute, str) and not _has_attribute(template, name, attribute):
        raise unsupported_attribute(name, attribute)


def unsupported_attribute(logical_id: str, name: str) -> StackError:
    """The error for an attribute that the type of a resource does not have."""
    return validation_error(f"Template error: resource {logical_id} does not support attribute type {name} in Fn::GetAtt")


def _has_attribute(template: Template, logical_id: str, name: str) -> bool:
    """Whether the type of a resource has an attribute; a type that is not emulated fails its resource by name later."""
    kind = resource_type(template.resources[logical_id]["Type"])
    return kind is None or name in kind.attributes


def _check_references(template: Template, block: str, items: dict[str, Values]) -> None:
    known = {*template.parameters, *template.resources, *(f"AWS::{name}" for name in PSEUDO)}
    named = {name for item in items.values() for name in references(item.get("Properties", item.get("Value")))}
    for item in items.values() if block == "Resources" else ():
        listed = item.get("DependsOn", [])
        named |= set([listed] if isinstance(listed, str) else listed)
    _refuse_unresolved(named - known, block)


def _refuse_unresolved(names: set[str], block: str) -> None:
    if names:
        raise validation_error(
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(names))}] in the "
            f"{block} block of the template"
        )


def _check_export(template: Template, name: str, export: Any) -> None:
    if export is None:
        return
    if not isinstance(export, dict) or set(export) != {"Name"}:
        raise validation_error(f"Template format error: Output {name} is malformed. Export needs a Name, and nothing else.")
    depends = any(function in _NOT_IN_EXPORTS for function, _ in _functions(export["Name"]))
    if depends or set(references(export["Name"])) & set(template.resources):
        raise validation_error(
            f"Template format error: Output {name} is malformed. The Name field of Export must not depend on any resources, "
            "imported values, or Fn::GetAZs."
        )


def _check_policies(logical_id: str, item: Values) -> None:
    """Of the emulated types none has snapshots, and RetainExceptOnCreate is for DeletionPolicy only."""
    if resource_type(item["Type"]) is None:
        return
    for attribute, refused in (
        ("DeletionPolicy", ("Snapshot",)),
        ("UpdateReplacePolicy", ("Snapshot", "RetainExceptOnCreate")),
    ):
        if item.get(attribute) in refused:
            words = "deletion policy" if attribute == "DeletionPolicy" else "update replace policy"
            raise validation_error(f"Template error: resource type {item['Type']} does not support {words} {item[attribute]}")


def _functions(value: Any) -> Iterator[tuple[str, Any]]:
    """Every function in a value, by name with its argument."""
    if isinstance(value, list):
        for item in value:
            yield from _functions(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if len(value) == 1 and (key.startswith("Fn::") or key == "Ref"):
                yield key, item
            yield from _functions(item)


def _chosen(value: Any, scope: Scope) -> Any:
    """A value with the branch that is taken in the place of each Fn::If."""
    if isinstance(value, list):
        return [_chosen(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    branches = value.get("Fn::If") if len(value) == 1 else None
    if isinstance(branches, list) and len(branches) == 3:
        return _chosen(branches[1] if scope.condition(branches[0]) else branches[2], scope)
    return {key: _chosen(item, scope) for key, item in value.items()}

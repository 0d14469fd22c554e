"""Templates: JSON and YAML with the short forms of functions, their sections, and the values of parameters."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from async_endpoint.emulator.cloudformation.errors import validation_error

Values = dict[str, Any]
MAX_BODY_BYTES: Final = 51_200  # of TemplateBody
MAX_TEMPLATE_BYTES: Final = 1_048_576  # of an object in S3
_SECTIONS: Final = frozenset(
    (
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
    )
)
_UNSUPPORTED_SECTIONS: Final = ("Transform", "Hooks")
_ATTRIBUTES: Final = frozenset(
    ("Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Metadata")
)
_UNSUPPORTED_ATTRIBUTES: Final = ("CreationPolicy", "UpdatePolicy")
_DELETION_POLICIES: Final = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
_LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]+")
_TYPE: Final = re.compile(r"[A-Za-z0-9]+(::[A-Za-z0-9]+){2,3}|Custom::[\w@-]+")
_PARAMETER_TYPE: Final = re.compile(r"String|Number|CommaDelimitedList|List<(String|Number|AWS::[\w:]+)>|AWS::[\w:]+(<.+>)?")
_VERSION: Final = "2010-09-09"
SSM_TYPE: Final = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")


@dataclass(frozen=True)
class Template:
    """A parsed template; sections are empty where it has none."""

    text: str
    description: str
    metadata: Values
    parameters: dict[str, Values]
    rules: dict[str, Values]
    mappings: Values
    conditions: Values
    resources: dict[str, Values]
    outputs: dict[str, Values]

    @classmethod
    def parse(cls, text: str) -> Template:
        """Raises StackError with CloudFormation's text for a template that it refuses."""
        document = _document(text)
        unknown = sorted(set(document) - _SECTIONS - set(_UNSUPPORTED_SECTIONS))
        if unknown:
            raise validation_error(f"Invalid template property or properties [{', '.join(unknown)}]")
        for section in _UNSUPPORTED_SECTIONS:
            if document.get(section):
                raise validation_error(f"The section {section} of a template is not emulated by the local AWS.")
        sections = {name: _section(document, name) for name in _SECTIONS - {"AWSTemplateFormatVersion", "Description"}}
        if not sections["Resources"]:
            raise validation_error("Template format error: At least one Resources member must be defined.")
        version = document.get("AWSTemplateFormatVersion", _VERSION)
        if version != _VERSION:
            raise validation_error(f"Template format error: {version} is not a supported value for AWSTemplateFormatVersion.")
        _check_resources(sections["Resources"])
        _check_parameters(sections["Parameters"], sections["Resources"])
        for name, output in sections["Outputs"].items():
            if "Value" not in output:
                raise validation_error(
                    f"Template format error: [/Outputs/{name}] Every Outputs member must contain a Value object"
                )
        description = document.get("Description", "")
        if not isinstance(description, str):
            raise validation_error("Template format error: Description must be a string.")
        return cls(text, description, **{name.lower(): section for name, section in sections.items()})

    def dependencies(self, logical_id: str, resources: Iterable[str]) -> set[str]:
        """The `resources` that a resource refers to or depends on."""
        resource = self.resources[logical_id]
        listed = resource.get("DependsOn", [])
        named = set([listed] if isinstance(listed, str) else listed)
        return (named | set(references(resource.get("Properties", {})))) & set(resources)


def _document(text: str) -> Values:
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, Loader=_Loader)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        kind = "JSON" if text.lstrip().startswith("{") else "YAML"
        raise validation_error(f"Template format error: {kind} not well-formed. ({str(error).splitlines()[0]})") from error
    if not isinstance(document, dict):
        raise validation_error("Template format error: unsupported structure.")
    return document


def _section(document: Values, name: str) -> Values:
    section = document.get(name) or {}
    if not isinstance(section, dict) or not all(isinstance(key, str) for key in section):
        raise validation_error(f"Template format error: {name} must be an object.")
    if name in ("Parameters", "Rules", "Resources", "Outputs") and not all(isinstance(one, dict) for one in section.values()):
        raise validation_error(f"Template format error: [/{name}] Every {name} member must be an object.")
    return section


def _check_resources(resources: dict[str, Values]) -> None:
    for logical_id, resource in resources.items():
        if not _LOGICAL_ID.fullmatch(logical_id):
            raise validation_error(f"Template format error: Resource name {logical_id} is non alphanumeric.")
        kind = resource.get("Type")
        if not isinstance(kind, str):
            raise validation_error(
                f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member."
            )
        if not _TYPE.fullmatch(kind):
            raise validation_error(f"Template format error: Unrecognized resource types: [{kind}]")
        for attribute in _UNSUPPORTED_ATTRIBUTES:
            if attribute in resource:
                raise validation_error(f"The attribute {attribute} of resource {logical_id} is not emulated by the local AWS.")
        unknown = sorted(set(resource) - _ATTRIBUTES)
        if unknown:
            raise validation_error(f"Invalid template resource property '{unknown[0]}'")
        for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(attribute, "Delete") not in _DELETION_POLICIES:
                raise validation_error(
                    f"Template format error: Unrecognized {attribute} {resource[attribute]} for resource {logical_id}"
                )


def _check_parameters(parameters: dict[str, Values], resources: dict[str, Values]) -> None:
    for name, parameter in parameters.items():
        if "Type" not in parameter:
            raise validation_error(
                f"Template format error: [/Parameters/{name}] Every Parameters object must contain a Type member."
            )
        if not _PARAMETER_TYPE.fullmatch(str(parameter["Type"])):
            raise validation_error(f"Template format error: Unrecognized parameter type: {parameter['Type']}")
        if name in resources:
            raise validation_error(f"Template format error: {name} names both a parameter and a resource.")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML 1.1 without dates, and with the short forms of functions."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> Values:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name == "Fn::GetAtt" and isinstance(value, str):
        value = value.split(".", maxsplit=1)
    return {name: value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)

_SUBSTITUTED: Final = re.compile(r"\$\{(!?)([^}]+)\}")


def references(value: Any) -> Iterable[str]:
    """The names of resources and parameters that a value refers to, by Ref, Fn::GetAtt and Fn::Sub."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" and isinstance(item, str):
                yield item
            elif key == "Fn::GetAtt":
                yield str(item[0] if isinstance(item, list) and item else item).split(".", maxsplit=1)[0]
            elif key == "Fn::Sub":
                yield from (name.split(".", maxsplit=1)[0] for name in substituted(item))
                yield from references(item[1] if isinstance(item, list) and len(item) == 2 else {})
            else:
                yield from references(item)


def substituted(item: Any) -> Iterable[str]:
    """What the argument of Fn::Sub refers to outside its own map: NAME, or RESOURCE.ATTRIBUTE."""
    text, given = (item[0], item[1]) if isinstance(item, list) and len(item) == 2 else (item, {})
    for literal, name in _SUBSTITUTED.findall(text if isinstance(text, str) else ""):
        if not literal and name not in given:
            yield name.strip()


# --- parameters -------------------------------------------------------------------------------------------------------


def parameter_values(
    template: Template,
    given: Mapping[str, str],
    previous: Mapping[str, str],
    stored: Callable[[str], str],
) -> dict[str, str]:
    """The value of each parameter as text: `given`, or `previous` where it says so, or its default.

    `stored` reads a parameter of Systems Manager by its name. Raises StackError for a missing, unknown or invalid value.
    """
    unknown = sorted(set(given) - set(template.parameters))
    if unknown:
        raise validation_error(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: given.get(name, previous.get(name, _default(one))) for name, one in template.parameters.items()}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise validation_error(f"Parameters: [{', '.join(missing)}] must have values")
    for name, parameter in template.parameters.items():
        _check_value(name, str(values[name]), parameter)
    for name, parameter in template.parameters.items():
        if SSM_TYPE.fullmatch(str(parameter.get("Type", ""))):
            stored(str(values[name]))
    return {name: str(value) for name, value in values.items()}


def _default(parameter: Values) -> str | None:
    default = parameter.get("Default")
    return str(default).lower() if isinstance(default, bool) else None if default is None else str(default)


def _check_value(name: str, value: str, parameter: Values) -> None:
    def refuse(rule: str) -> None:
        said = parameter.get("ConstraintDescription")
        raise validation_error(f"Parameter '{name}' {said if said else rule}" if said else f"Parameter {name} {rule}")

    kind = str(parameter.get("Type", "String"))
    if kind in ("Number", "List<Number>"):
        for item in value.split(",") if kind.startswith("List") else [value]:
            _check_number(name, item.strip(), parameter)
    items = value.split(",") if kind == "CommaDelimitedList" or kind.startswith("List<") else [value]
    allowed = parameter.get("AllowedValues")
    if allowed is not None and any(item.strip() not in map(str, allowed) for item in items):
        refuse("must be one of AllowedValues")
    pattern = parameter.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        refuse(f"must match pattern {pattern}")
    if len(value) < int(parameter.get("MinLength", 0)):
        refuse(f"must contain at least {parameter['MinLength']} characters")
    if len(value) > int(parameter.get("MaxLength", 4096)):
        refuse(f"must contain at most {parameter.get('MaxLength', 4096)} characters")


def _check_number(name: str, value: str, parameter: Values) -> None:
    try:
        number = float(value)
    except ValueError as error:
        raise validation_error(f"Parameter '{name}' must be a number.") from error
    if "MinValue" in parameter and number < float(parameter["MinValue"]):
        raise validation_error(f"Parameter '{name}' must be a number not less than {parameter['MinValue']}")
    if "MaxValue" in parameter and number > float(parameter["MaxValue"]):
        raise validation_error(f"Parameter '{name}' must be a number not greater than {parameter['MaxValue']}")

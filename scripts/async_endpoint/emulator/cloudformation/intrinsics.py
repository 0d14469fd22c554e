"""Evaluation of a template's functions (Ref, Fn::GetAtt, Fn::Sub, Fn::If, …), conditions, rules and dynamic references."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from async_endpoint.emulator.cloudformation.errors import validation_error
from async_endpoint.emulator.cloudformation.template import SSM_TYPE, Template

NO_VALUE: Final = object()  # AWS::NoValue: the property or list item is left out
_SUBSTITUTED: Final = re.compile(r"\$\{(!?)\s*([\w:.]+)\s*\}")
_DYNAMIC: Final = re.compile(r"\{\{resolve:([\w-]+):([^}]*)\}\}")


@dataclass
class Scope:
    """What a template's functions refer to.

    `resources` maps a logical id to its value of Ref; `attribute` returns that of Fn::GetAtt; `imported` that of an exported
    output; `stored` a parameter of Systems Manager.
    """

    template: Template
    pseudo: Mapping[str, Any]
    parameters: Mapping[str, str]
    attribute: Callable[[str, str], Any]
    imported: Callable[[str], str]
    stored: Callable[[str], str]
    zones: Callable[[], list[str]]
    resources: dict[str, str] = field(default_factory=dict)
    _conditions: dict[str, bool] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """`value` with every function evaluated; NO_VALUE for AWS::NoValue. Raises StackError for one that cannot be."""
        if isinstance(value, list):
            return [item for given in value if (item := self.resolve(given)) is not NO_VALUE]
        if isinstance(value, str):
            return self._dynamic(value)
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Ref":
                return self._ref(argument)
            if name in self._functions:
                return self._functions[name](self, argument)
            if name.startswith("Fn::"):
                raise validation_error(f"Template error: the function {name} is not emulated by the local AWS.")
        return {key: item for key, given in value.items() if (item := self.resolve(given)) is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """The value of a condition of the template."""
        if name not in self._conditions:
            if name not in self.template.conditions:
                raise validation_error(
                    f"Template format error: Unresolved condition dependency {name} in the Conditions block of the template"
                )
            try:
                self._conditions[name] = self._truth(self.template.conditions[name])
            except (RecursionError, TypeError, LookupError) as error:  # a circle, or arguments that are not a list
                raise validation_error(f"Template format error: Condition {name} cannot be evaluated.") from error
        return self._conditions[name]

    def included(self, item: Mapping[str, Any]) -> bool:
        """Whether the condition of a resource or output, if it has one, is true."""
        return "Condition" not in item or self.condition(item["Condition"])

    def check_rules(self) -> None:
        """Raise StackError when an assertion of a rule fails."""
        for rule in self.template.rules.values():
            if "RuleCondition" in rule and not self._truth(rule["RuleCondition"]):
                continue
            for assertion in rule.get("Assertions", []):
                if not self._truth(assertion.get("Assert")):
                    raise validation_error(
                        f"Template validation error: {assertion.get('AssertDescription', 'a rule of the template failed')}"
                    )

    # --- functions -----------------------------------------------------------------------------------------------------

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self._parameter(name)
        if name in self.resources:
            return self.resources[name]
        raise validation_error(
            f"Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
        )

    def _parameter(self, name: str) -> Any:
        kind, value = str(self.template.parameters[name].get("Type", "String")), self.parameters[name]
        stored = SSM_TYPE.fullmatch(kind)
        if stored:
            kind, value = stored[1], self.stored(value)
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [item.strip() for item in value.split(",")]
        return value

    def _get_att(self, argument: Any) -> Any:
        path = argument.split(".", maxsplit=1) if isinstance(argument, str) else argument
        if not isinstance(path, list) or len(path) != 2:
            raise validation_error(
                "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name "
                "and the resource attribute"
            )
        name, attribute = str(path[0]), self.resolve(path[1])
        if name not in self.resources:
            raise validation_error(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        return self.attribute(name, attribute)

    def _sub(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        if not isinstance(text, str) or not isinstance(given, dict):
            raise validation_error("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments.")
        values = {name: self.resolve(value) for name, value in given.items()}

        def substitute(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            if name in values:
                return _text(values[name])
            return _text(self._get_att(name) if "." in name else self._ref(name))

        return str(self._dynamic(_SUBSTITUTED.sub(substitute, text)))

    def _join(self, argument: Any) -> str:
        delimiter, items = self._pair("Fn::Join", argument)
        if not isinstance(items, list):
            raise validation_error(
                "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and "
                "(2) a list of strings to be joined"
            )
        return str(self._dynamic(str(delimiter).join(_text(item) for item in items)))

    def _split(self, argument: Any) -> list[str]:
        delimiter, text = self._pair("Fn::Split", argument)
        return str(text).split(str(delimiter))

    def _select(self, argument: Any) -> Any:
        index, items = self._pair("Fn::Select", argument)
        if not isinstance(items, list) or not str(index).isdecimal() or int(index) >= len(items):
            raise validation_error(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
        return items[int(index)]

    def _pair(self, name: str, argument: Any) -> tuple[Any, Any]:
        if not isinstance(argument, list) or len(argument) != 2:
            raise validation_error(f"Template error: every {name} object requires two parameters.")
        return self.resolve(argument[0]), self.resolve(argument[1])

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise validation_error(
                "Template error: Fn::If requires a list argument with three parameters: the condition, and the two values."
            )
        return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])

    def _find_in_map(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            raise validation_error(
                "Template error: every Fn::FindInMap object requires three parameters, the map name, map key "
                "and the attribute for return value"
            )
        path = [_text(self.resolve(part)) for part in argument]
        found: Any = self.template.mappings
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        if found is None:
            raise validation_error(f"Template error: Unable to get mapping for {'::'.join(path)}")
        return found

    def _import(self, argument: Any) -> str:
        return self.imported(_text(self.resolve(argument)))

    def _base64(self, argument: Any) -> str:
        return base64.b64encode(_text(self.resolve(argument)).encode()).decode()

    def _zones(self, argument: Any) -> list[str]:
        region = self.resolve(argument)
        if region not in ("", self.pseudo["AWS::Region"]):
            raise validation_error(f"Template error: Fn::GetAZs does not support the region {region} in this stack")
        return self.zones()

    # --- conditions ----------------------------------------------------------------------------------------------------

    def _truth(self, value: Any) -> bool:
        if isinstance(value, dict) and len(value) == 1:
            name, argument = next(iter(value.items()))
            if name == "Condition":
                return self.condition(argument)
            if name in self._predicates:
                return bool(self._predicates[name](self, argument))
        resolved = self.resolve(value)
        if str(resolved).lower() in ("true", "false"):
            return str(resolved).lower() == "true"
        raise validation_error(
            "Template format error: Conditions can only be boolean operations on parameters and other conditions"
        )

    def _equals(self, argument: Any) -> bool:
        first, second = self._pair("Fn::Equals", argument)
        return _text(first) == _text(second)

    def _contains(self, argument: Any) -> bool:
        items, wanted = self._pair("Fn::Contains", argument)
        return _text(wanted) in [_text(item) for item in items]

    _functions: ClassVar = {
        "Fn::GetAtt": _get_att,
        "Fn::Sub": _sub,
        "Fn::Join": _join,
        "Fn::Split": _split,
        "Fn::Select": _select,
        "Fn::If": _if,
        "Fn::FindInMap": _find_in_map,
        "Fn::ImportValue": _import,
        "Fn::Base64": _base64,
        "Fn::GetAZs": _zones,
    }
    _predicates: ClassVar = {
        "Fn::And": lambda self, argument: all(self._truth(item) for item in argument),
        "Fn::Or": lambda self, argument: any(self._truth(item) for item in argument),
        "Fn::Not": lambda self, argument: not self._truth(argument[0]),
        "Fn::Equals": _equals,
        "Fn::Contains": _contains,
    }

    def _dynamic(self, text: str) -> str:
        """`text` with dynamic references to plain parameters of Systems Manager resolved; others are refused."""

        def value(found: re.Match[str]) -> str:
            service, name = found.groups()
            if service != "ssm":
                raise validation_error(f"The dynamic reference {found[0]} is not emulated by the local AWS.")
            return self.stored(name.split(":")[0])

        return _DYNAMIC.sub(value, text) if "{{" in text else text


FUNCTIONS: Final = frozenset((*Scope._functions, *Scope._predicates))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

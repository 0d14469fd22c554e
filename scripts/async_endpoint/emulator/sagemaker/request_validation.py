"""Validation of requests against botocore's service models, with the errors of AWS's own framework.

Three steps, as on AWS: values of the wrong type are a SerializationException; members that are null are absent; every violated
constraint (required, length, range, pattern, enumeration) is listed in one message. The forms of the message are those that
users quote: amazon-sagemaker-examples issue 2228 (members of a list), sagemaker-ml-workflow-with-apache-airflow issue 3 (two
violations of one member, length before pattern), aws-genai-llm-chatbot issue 512 (length of a list).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from botocore import __version__ as botocore_version

from async_endpoint.emulator.sagemaker.protocol import ApiError, service_model, validation_exception

MAX_QUOTED_CHARS = 1_024  # of a value in a message; AWS quotes all of it
# Shapes whose values AWS leaves out (moto's test_get_log_events_using_arn and test_describe_log_groups, verified on AWS).
_UNQUOTED = ("LogGroupIdentifier", "LogGroupIdentifiers")

_JAVA_TYPES = {
    "string": "String",
    "integer": "Integer",
    "long": "Long",
    "float": "Float",
    "double": "Double",
    "boolean": "Boolean",
    "timestamp": "Date",
}
_NOT_FINITE = ("NaN", "Infinity", "-Infinity")  # numbers that JSON lacks (Smithy, "AWS JSON 1.1 protocol", shape serialization)
_CONTAINERS: dict[str, Any] = {"structure": dict, "map": dict, "list": list}
_SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (int, float),
}


def validate_request(
    service: str, operation: str, params: Mapping[str, Any], error: Callable[[str], ApiError] = validation_exception
) -> dict[str, Any]:
    """Return `params` without null members; raise SerializationException, or `error` with all violations of the input shape.

    Members that the service model does not have are rejected by name: AWS may know them, the local AWS does not.
    """
    shape = service_model(service).operation_model(operation).input_shape
    unknown: list[str] = []
    request: dict[str, Any] = _deserialized(shape, params, "", unknown) if shape is not None else {}
    if unknown:
        raise error(
            f"{operation} has no member {' and no member '.join(unknown)} in the local AWS, whose service model is that of "
            f"botocore {botocore_version}."
        )
    problems = list(_violations(shape, request, "")) if shape is not None else []
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise error(f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")
    return request


def without_nulls(service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a request that its model has and that are not null; raises SerializationException for a wrong type."""
    shape = service_model(service).operation_model(operation).input_shape
    request: dict[str, Any] = _deserialized(shape, params, "", []) if shape is not None else {}
    return request


def constraint_violations(service: str, operation: str, request: Mapping[str, Any]) -> str:
    """AWS's sentence about all constraints of the input shape that a parsed request violates; empty if there are none."""
    problems = list(_violations(service_model(service).operation_model(operation).input_shape, request, ""))
    noun = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {noun} detected: {'; '.join(problems)}" if problems else ""


# --- types ------------------------------------------------------------------------------------------------------------------


def _deserialized(shape: Any, value: Any, where: str, unknown: list[str]) -> Any:
    """The value without null members. Collects names of unknown members; raises SerializationException for a wrong type."""
    kind = shape.type_name
    if kind in ("float", "double") and value in _NOT_FINITE:
        return float(value)
    if kind in _SCALARS and (not isinstance(value, _SCALARS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        raise _wrong_type(f"{_token(value)} can not be converted to {_article(_JAVA_TYPES[kind])}", where)
    if kind not in _CONTAINERS:
        return value
    if not isinstance(value, _CONTAINERS[kind]):
        raise _wrong_type(f"{_token(value)} found where a {kind} was expected", where)
    if kind == "list":
        places = [(item, _index(where, position)) for position, item in enumerate(value, 1)]
        return [item if item is None else _deserialized(shape.member, item, place, unknown) for item, place in places]
    if kind == "map":
        return {key: _deserialized(shape.value, item, _join(where, key), unknown) for key, item in value.items()}
    unknown += [_join(where, name) for name in value if name not in shape.members]
    return {
        name: _deserialized(shape.members[name], item, _join(where, name), unknown)
        for name, item in value.items()
        if item is not None and name in shape.members
    }


def _wrong_type(text: str, where: str) -> ApiError:
    return ApiError("SerializationException", f"{text} (at '{where}')")


def _token(value: Any) -> str:
    """AWS's name of a JSON value's type."""
    if isinstance(value, bool):
        return f"{str(value).upper()}_VALUE"
    names: dict[type, str] = {str: "STRING_VALUE", list: "START_LIST", dict: "START_STRUCTURE"}
    return names.get(type(value), "NULL_VALUE" if value is None else "NUMBER_VALUE")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "AEIOU" else f"a {noun}"


def _join(where: str, name: str) -> str:
    """The path of a member: AWS writes its names from a small letter on."""
    name = name[:1].lower() + name[1:]
    return f"{where}.{name}" if where else name


def _index(where: str, position: int) -> str:
    return f"{where}.{position}.member"


# --- constraints ------------------------------------------------------------------------------------------------------------


def _violations(shape: Any, value: Any, where: str) -> Iterator[str]:
    """What a value and its members violate, each as AWS's sentence."""
    for rule in _broken_rules(shape, value):
        unquoted = shape.metadata.get("sensitive") or shape.name in _UNQUOTED
        quoted = "" if unquoted else f"'{_java(value)[:MAX_QUOTED_CHARS]}' "
        yield f"Value {quoted}at '{where}' failed to satisfy constraint: {rule}"
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _violations(member, value[name], _join(where, name))
            elif name in shape.required_members:
                yield f"Value null at '{_join(where, name)}' failed to satisfy constraint: Member must not be null"
    elif shape.type_name == "list" and shape.member.type_name == "structure":
        for position, item in enumerate(value, 1):
            if item is None:
                yield f"Value null at '{_index(where, position)}' failed to satisfy constraint: Member must not be null"
            else:
                yield from _violations(shape.member, item, _index(where, position))


def _broken_rules(shape: Any, value: Any) -> Iterator[str]:
    """The rules of its own shape that a value breaks; a list or map of plain values also states what its members break."""
    kind = shape.type_name
    if kind == "structure":
        return
    for rule, holds in _rules(shape):
        if not holds(value):
            yield f"Member must {rule}"
    if kind == "list" and shape.member.type_name != "structure" and not _all_hold(shape.member, value):
        yield f"Member must satisfy constraint: {_listed(shape.member)}"
    if kind == "map" and not _all_hold(shape.key, value):
        yield f"Map keys must satisfy constraint: {_listed(shape.key)}"
    if kind == "map" and not _all_hold(shape.value, value.values()):
        yield f"Map value must satisfy constraint: {_listed(shape.value)}"


def _all_hold(shape: Any, values: Any) -> bool:
    return all(value is not None and holds(value) for value in values for _, holds in _rules(shape))


def _listed(shape: Any) -> str:
    return f"[{', '.join(f'Member must {rule}' for rule, _ in _rules(shape))}]"


Rule = tuple[str, Callable[[Any], bool]]


@cache
def _rules(shape: Any) -> tuple[Rule, ...]:
    """The constraints of a shape in AWS's order and words, each with its test."""
    return tuple(_build_rules(shape))


def _build_rules(shape: Any) -> Iterator[Rule]:
    numeric = shape.type_name in ("integer", "long", "float", "double")
    noun, measure = ("value", _same) if numeric else ("length", len)
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if high is not None:
        yield f"have {noun} less than or equal to {high}", lambda value: measure(value) <= high
    if low is not None:
        yield f"have {noun} greater than or equal to {low}", lambda value: measure(value) >= low
    pattern = shape.metadata.get("pattern")
    compiled = compile_pattern(pattern) if pattern else None
    if compiled is not None:
        yield f"satisfy regular expression pattern: {pattern}", lambda value: compiled.fullmatch(value) is not None
    allowed = getattr(shape, "enum", None)
    if allowed:
        yield f"satisfy enum value set: [{', '.join(allowed)}]", lambda value: value in allowed


def _same(value: Any) -> Any:
    return value


def _java(value: Any) -> str:
    """A value as Java prints it, which is how AWS quotes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_java, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


# Java's syntax of regular expressions that Python's lacks. \w has the letters and numbers of \p{L} and \p{N}.
_JAVA = {
    r"[\p{Print}]": r"[\x20-\x7e]",
    r"\p{ASCII}": r"[\x00-\x7f]",
    r"\z": r"\Z",
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}


@cache
def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """A pattern of a service model, compiled for Python; None for the few that Python cannot express."""
    for java, python in _JAVA.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return None

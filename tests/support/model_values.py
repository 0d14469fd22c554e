"""Values held against the shapes of botocore's service models: each problem a sentence that begins with where it is."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

from botocore.model import Shape


def structure(shape: Shape, value: Any, where: str, skip: set[str] | frozenset[str] = frozenset()) -> Iterator[str]:
    """A structure as it stands in raw JSON, without the members of `skip`, which are elsewhere."""
    if not isinstance(value, dict):
        yield f"{where} is {value!r}, no structure"
        return
    named = {member.serialization.get("name", name): name for name, member in shape.members.items() if name not in skip}
    yield from (f"{where}.{key} is unknown to the model".lstrip(".") for key in value if key not in named)
    absent = (key for key, name in named.items() if name in shape.required_members and key not in value)
    yield from (f"{where}.{key} is required and missing".lstrip(".") for key in absent)
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield f"{where} is a union with {len(value)} members"
    for key, item in value.items():
        if key in named:
            yield from _value(shape.members[named[key]], item, f"{where}.{key}".lstrip("."))


def _value(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if value is None:
        yield f"{where} is null"
    elif shape.type_name == "structure":
        yield from structure(shape, value, where)
    elif shape.type_name == "list":
        if not isinstance(value, list):
            yield f"{where} is {value!r}, no list"
            return
        yield from _sized(shape, len(value), where)
        for index, item in enumerate(value):
            yield from _value(shape.member, item, f"{where}[{index}]")
    elif shape.type_name == "map":
        if not isinstance(value, dict):
            yield f"{where} is {value!r}, no map"
            return
        for key, item in value.items():
            yield from _value(shape.key, key, f"{where} key {key}")
            yield from _value(shape.value, item, f"{where}[{key}]")
    else:
        yield from scalar(shape, value, where)


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "blob": (str,),
}


def scalar(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """A string, number, boolean, time or blob, as JSON or a header has it."""
    if shape.type_name == "timestamp":
        yield from _time(shape, value, where)
        return
    if not isinstance(value, _TYPES[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{where} is {value!r}, no {shape.type_name}"
        return
    if shape.type_name == "blob":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            yield f"{where} is {value!r}, not in base64"
    elif isinstance(value, str):
        yield from _sized(shape, len(value), where)
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{where} is {value!r}, none of {shape.enum}"
        pattern = _compiled(shape.metadata.get("pattern", ""))
        if pattern is not None and not pattern.fullmatch(value):
            yield f"{where} is {value!r}, which {pattern.pattern} does not match"
    elif not isinstance(value, bool):
        yield from _sized(shape, value, where)


def _time(shape: Shape, value: Any, where: str) -> Iterator[str]:
    form = shape.serialization.get("timestampFormat", "unixTimestamp")
    if form == "unixTimestamp" and (isinstance(value, bool) or not isinstance(value, int | float)):
        yield f"{where} is {value!r}, not seconds since the epoch"
    elif form == "iso8601" and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", str(value)):
        yield f"{where} is {value!r}, not as ISO 8601 in UTC"
    elif form == "rfc822":
        try:
            parsedate_to_datetime(str(value))
        except ValueError:
            yield f"{where} is {value!r}, not as RFC 822"


def _sized(shape: Shape, size: float, where: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{where} has a length or value of {size}, below {least}"
    if most is not None and size > most:
        yield f"{where} has a length or value of {size}, above {most}"


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern for Python; None for none, and for the few that only Java's expressions can say."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None


def parsed_structure(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """Required members, enumerations, patterns and lengths of what botocore parsed (XML); its types are right by then."""
    if shape.type_name == "structure":
        yield from (f"{where}.{name} is required and missing" for name in shape.required_members if name not in value)
        for name, item in value.items():
            yield from parsed_structure(shape.members[name], item, f"{where}.{name}".lstrip("."))
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from parsed_structure(shape.member, item, f"{where}[{index}]")
    elif shape.type_name == "string":
        yield from scalar(shape, value, where)

"""Values and blocks as HCL text, laid out as `terraform fmt` does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# All that HCL has beside \uNNNN; JSON has more.
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f\x7f-\x9f]')
_INDENT: Final = "  "
_LONGEST_LINE: Final = 100  # of an object or a list on one line


class Expression(str):
    """HCL to be written as it is, such as a reference."""

    __slots__ = ()


def written(value: Any, indent: str = "") -> str:
    """A value; `indent` is that of the line it begins on. Fields that are None are left out."""
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return json.dumps(int(value) if value.is_integer() else value)
    if isinstance(value, int):
        return str(value)
    return _object(value, indent) if isinstance(value, Mapping) else _list(value, indent)


def quoted(text: str) -> str:
    """A string literal that means `text`, its template signs included. Terraform composes Unicode (NFC) in every string."""
    escaped = _ESCAPED.sub(lambda found: _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}", text)
    return f'"{escaped}"'.replace("${", "$${").replace("%{", "%%{")


def block(kind: str, *labels: str, arguments: Sequence[Mapping[str, Any]]) -> str:
    """A block. `arguments` are groups, with an empty line between; an empty group is left out."""
    groups = ["\n".join(_fields(group, _INDENT)) for group in map(_present, arguments) if group]
    head = " ".join([kind, *map(quoted, labels)])
    return f"{head} {{\n" + "\n\n".join(groups) + "\n}\n"


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _object(value: Mapping[str, Any], indent: str) -> str:
    fields = _present(value)
    if not fields:
        return "{}"
    line = "{ " + ", ".join(f"{_key(name)} = {written(one, indent)}" for name, one in fields.items()) + " }"
    if len(fields) <= 2 and _fits(line):
        return line
    return "{\n" + "\n".join(_fields(fields, indent + _INDENT)) + f"\n{indent}}}"


def _list(values: Sequence[Any], indent: str) -> str:
    line = "[" + ", ".join(written(one, indent) for one in values) + "]"
    if _fits(line) or (len(values) == 1 and isinstance(values[0], Mapping)):
        return line
    inner = indent + _INDENT
    return "[\n" + "".join(f"{inner}{written(one, inner)},\n" for one in values) + f"{indent}]"


def _fits(line: str) -> bool:
    return "\n" not in line and len(line) <= _LONGEST_LINE


def _fields(fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    """`name = value` lines; the signs of neighbouring lines are aligned, up to a value of several lines."""
    lines = [(_key(name), written(value, indent)) for name, value in fields.items()]
    for start, end in _runs([text for _, text in lines]):
        width = max(len(name) for name, _ in lines[start:end])
        yield from (f"{indent}{name.ljust(width)} = {text}" for name, text in lines[start:end])


def _runs(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Positions of neighbouring values of one line each; a value of several lines is aligned with nothing."""
    start = 0
    for position, text in enumerate(texts):
        if "\n" in text:
            if start < position:
                yield start, position
            yield position, position + 1
            start = position + 1
    if start < len(texts):
        yield start, len(texts)


def _key(name: str) -> str:
    """The key of an object, or the name of an argument. An object that begins with a bare `for` is an expression."""
    return name if _IDENTIFIER.fullmatch(name) and name != "for" else quoted(name)

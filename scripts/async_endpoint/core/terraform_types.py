"""The types of Terraform variables, read from variables.tf as `terraform fmt` leaves it. Pure.

A block begins and ends at the margin, an attribute two columns in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

BLOCK: Final = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"^  (\w+) += (.*?)(?=^  [\w#]|\Z)", re.MULTILINE | re.DOTALL)
_TOKEN: Final = re.compile(r'\s*(#[^\n]*|"(?:[^"\\]|\\.)*"|[\w.-]+|.)', re.DOTALL)


class UnreadableType(ValueError):
    """A type that this parser does not know."""


@dataclass(frozen=True)
class Type:
    """`name` in words, such as list of object; `fields` of an object by path below it, such as .schedules.*.timezone."""

    name: str
    fields: dict[str, Field] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """One field of an object: its type, and its default as written, None for a required field."""

    type: Type
    default: str | None


def parse_type(text: str) -> Type:
    """Raises UnreadableType for what is not a type."""
    tokens = [token for token in _TOKEN.findall(text) if token.strip() and not token.startswith("#")]
    found, rest = _type(tokens)
    if rest:
        raise UnreadableType(f"{text!r} continues after its type with {rest[0]!r}.")
    return found


def variable_types(text: str) -> dict[str, Type]:
    """The types of the variables of a module, by name; of one without a type, `any`. Raises UnreadableType."""
    blocks = ((name, attributes_of(body)) for kind, name, body in BLOCK.findall(text) if kind == "variable")
    return {name: parse_type(written.get("type", "any")) for name, written in blocks}


def attributes_of(body: str) -> dict[str, str]:
    """Attributes by name, as written, without nested blocks such as validation."""
    return {name: value.strip() for name, value in _ATTRIBUTE.findall(body)}


def _type(tokens: list[str]) -> tuple[Type, list[str]]:
    """The type that `tokens` begin with, and the tokens after it."""
    if not tokens:
        raise UnreadableType("A type is missing.")
    word, *rest = tokens
    if word in {"any", "bool", "number", "string"}:
        return Type(word), rest
    if word in {"list", "map", "set"}:
        inner, rest = _type(_after("(", rest))
        member = ".*" if word == "map" else "[*]"
        return Type(f"{word} of {inner.name}", {member + path: one for path, one in inner.fields.items()}), _after(")", rest)
    if word == "object":
        fields, rest = _fields(_after("{", _after("(", rest)))
        return Type("object", fields), _after(")", rest)
    raise UnreadableType(f"There is no type {word!r} here.")


def _fields(tokens: list[str]) -> tuple[dict[str, Field], list[str]]:
    fields: dict[str, Field] = {}
    while tokens and tokens[0] != "}":
        name, tokens = tokens[0], _after("=", tokens[1:])
        optional = tokens[0] == "optional"
        kind, tokens = _type(_after("(", tokens[1:]) if optional else tokens)
        default = None
        if optional:
            default = "null"
            if tokens[0] == ",":
                default, tokens = _expression(tokens[1:])
            tokens = _after(")", tokens)
        if tokens and tokens[0] == ",":
            tokens = tokens[1:]
        fields[f".{name}"] = Field(kind, default)
        fields |= {f".{name}{path}": one for path, one in kind.fields.items()}
    return fields, _after("}", tokens)


def _expression(tokens: list[str]) -> tuple[str, list[str]]:
    """Everything up to the bracket that closes the surrounding one, as one line, and the tokens from there on."""
    depth, taken = 0, []
    while tokens and (depth or tokens[0] != ")"):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(tokens[0], 0)
        taken.append(tokens[0])
        tokens = tokens[1:]
    text = " ".join(taken)
    return re.sub(r"(?<=[(\[]) | (?=[)\],])|(?<=\w) (?=\()", "", text).replace("{ }", "{}"), tokens


def _after(token: str, tokens: list[str]) -> list[str]:
    if not tokens or tokens[0] != token:
        raise UnreadableType(f"{token!r} is missing before {' '.join(tokens[:5])!r}.")
    return tokens[1:]

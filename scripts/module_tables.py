"""`python scripts/module_tables.py` writes the tables of inputs and outputs into module READMEs; --check lists what differs.

They are read from variables.tf and outputs.tf as `terraform fmt` leaves them: a block begins and ends at the margin, an
attribute two columns in. A comment at the end of a line in a type says what the field on that line is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MODULES = Path(__file__).resolve().parents[1] / "modules"
BEGIN = "<!-- From here on written by `make docs`, from variables.tf and outputs.tf. -->"

_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r"^  (\w+) += (.*?)(?=^  [\w#]|\Z)", re.MULTILINE | re.DOTALL)
_OWN_LINE = re.compile(r"^\s*#.*$", re.MULTILINE)  # comments for who reads the type, not for the table
_TOKEN = re.compile(r'\s*(#[^\n]*|"(?:[^"\\]|\\.)*"|[\w.-]+|.)', re.DOTALL)


class UnreadableType(ValueError):
    """A type that this parser does not know."""


@dataclass(frozen=True)
class Type:
    """`name` as people say it, such as list of object; `fields` of an object by path below it; the comment behind its brace."""

    name: str
    fields: dict[str, Field] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True)
class Field:
    """One field of an object: its type, its default as written, None for a field that must be given, and its comment."""

    type: Type
    default: str | None
    comment: str = ""


def tables(variables: str, outputs: str) -> str:
    """The generated part of a README, for the texts of variables.tf and outputs.tf."""
    inputs = [
        row for kind, name, body in _BLOCK.findall(variables) if kind == "variable" for row in _rows(name, _attributes(body))
    ]
    results = [(name, _attributes(body)) for kind, name, body in _BLOCK.findall(outputs) if kind == "output"]
    lines = [BEGIN, "", "## Inputs", "", "| Name | Type | Default | Description |", "|---|---|---|---|", *inputs]
    lines += ["", "## Outputs", "", "| Name | Description |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(_text(attributes))} |" for name, attributes in results]
    return "\n".join(lines) + "\n"


def renewed(readme: str, generated: str) -> str:
    """`readme` with `generated` in the place of what was generated before, or at its end."""
    return f"{readme.split(BEGIN, maxsplit=1)[0].rstrip()}\n\n{generated}"


def parse_type(text: str) -> Type:
    """Raises UnreadableType for what is not a type."""
    tokens = [token for token in _TOKEN.findall(_OWN_LINE.sub("", text)) if token.strip()]
    found, rest = _type(tokens)
    if rest:
        raise UnreadableType(f"{text!r} continues after its type with {rest[0]!r}.")
    return found


def _rows(name: str, attributes: dict[str, str]) -> Iterator[str]:
    kind = parse_type(attributes["type"])
    yield _row(name, Field(kind, attributes.get("default")), _text(attributes))
    for path, inner in kind.fields.items():
        yield _row(name + path, inner, inner.comment)


def _row(name: str, shown: Field, description: str) -> str:
    default = "required" if shown.default is None else f"`{' '.join(shown.default.split())}`"
    return f"| `{name}` | {shown.type.name} | {_cell(default)} | {_cell(description)} |"


def _attributes(body: str) -> dict[str, str]:
    """By name, as written. Blocks inside, such as validation, are none."""
    return {name: value.strip() for name, value in _ATTRIBUTE.findall(body)}


def _text(attributes: dict[str, str]) -> str:
    """The description, of one line or of several, where a line that begins with a dash is one in the table too."""
    written = attributes["description"]
    if written.startswith("<<"):
        lines = (line.strip() for line in written.splitlines()[1:])
        return " ".join(f"<br>{line}" if line.startswith("- ") else line for line in lines)
    return re.sub(r"\\(.)", r"\1", written.strip('"'))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


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
        fields = {member + path: one for path, one in inner.fields.items()}
        return Type(f"{word} of {inner.name}", fields, inner.comment), _after(")", rest)
    if word == "object":
        comment, rest = _comment(_after("{", _after("(", rest)))
        fields, rest = _fields(rest)
        return Type("object", fields, comment), _after(")", rest)
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
        comment, tokens = _comment(tokens)
        fields[f".{name}"] = Field(kind, default, comment or kind.comment)
        fields |= {f".{name}{path}": one for path, one in kind.fields.items()}
    return fields, _after("}", tokens)


def _comment(tokens: list[str]) -> tuple[str, list[str]]:
    """The comment that `tokens` begin with, if any, and the tokens after it."""
    return (tokens[0].lstrip("# "), tokens[1:]) if tokens and tokens[0].startswith("#") else ("", tokens)


def _expression(tokens: list[str]) -> tuple[str, list[str]]:
    """All up to the bracket that closes what is around it, as one line."""
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


def main(arguments: list[str]) -> int:
    check = arguments == ["--check"]
    stale = []
    for module in sorted(path.parent for path in MODULES.glob("*/variables.tf")):
        readme = module / "README.md"
        text = readme.read_text(encoding="utf-8")
        fresh = renewed(text, tables((module / "variables.tf").read_text("utf-8"), (module / "outputs.tf").read_text("utf-8")))
        if fresh != text:
            stale.append(readme.relative_to(MODULES.parent).as_posix())
            if not check:
                readme.write_text(fresh, encoding="utf-8")
    if check and stale:
        print(f"error: other inputs or outputs than in {', '.join(stale)}; write them with: make docs", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The module calls of a root, with the literals among their arguments, read from its text.

Terraform's own JSON of a configuration has the keys of an object only where all of its values are constant: one reference
anywhere in it, and nothing but the references is left. Expressions that are no literals (a function, a condition, `for`) are
not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"(?P<comment>#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<heredoc><<-?(?P<tag>\w+)\n.*?^\s*(?P=tag)$)|(?P<string>\")|(?P<newline>\n)|"
    r"(?P<space>[^\S\n]+)|(?P<word>[A-Za-z_][\w-]*)|(?P<number>\d+(?:\.\d+)?)|"
    r"(?P<sign>=>|==|!=|<=|>=|&&|\|\||.)",
    re.DOTALL | re.MULTILINE,
)
_OPEN: Final = {"{": "}", "[": "]", "(": ")"}
_CLOSE: Final = frozenset(_OPEN.values())
_SCALARS: Final = frozenset({"number", "string", "word"})


@dataclass(frozen=True)
class Literal:
    """An object literal, whose `fields` are (key, line, value), or a list literal, whose keys are its positions."""

    is_object: bool
    fields: tuple[tuple[str, int, Value], ...]


# None is an expression that is not read, and null.
Value = Literal | str | int | float | bool | None


@dataclass(frozen=True)
class ModuleCall:
    """A `module` block: its name, its `source` and its arguments, as (name, line, value)."""

    name: str
    source: str
    arguments: tuple[tuple[str, int, Value], ...]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def module_calls(text: str) -> list[ModuleCall]:
    """The module calls in the text of a .tf file."""
    reader, calls = _Reader(list(_tokens(text))), []
    while (token := reader.next()) is not None:
        if token.text in _OPEN:  # the body of another block
            reader.skip_to(_OPEN[token.text])
        elif token.kind == "word" and token.text == "module" and (name := reader.take("string")) and reader.take("sign", "{"):
            found = reader.fields()
            sources = (value for key, _, value in found if key == "source" and isinstance(value, str))
            calls.append(ModuleCall(name.text, next(sources, ""), tuple(one for one in found if one[0] != "source")))
    return calls


class _Reader:
    """The tokens of a text, taken one by one."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._position = tokens, 0

    def next(self) -> _Token | None:
        token = self._peek()
        self._position += 1
        return token

    def take(self, kind: str, text: str | None = None) -> _Token | None:
        """The next token, if it is of this kind and, where it is given, this text."""
        token = self._peek()
        if token is None or token.kind != kind or text not in (None, token.text):
            return None
        self._position += 1
        return token

    def fields(self) -> list[tuple[str, int, Value]]:
        """`key = value` up to the closing brace; the key of a nested block has no value."""
        found: list[tuple[str, int, Value]] = []
        while (token := self.next()) is not None and token.text != "}":
            if token.kind in ("word", "string"):
                if self.take("sign", "=") or self.take("sign", ":"):
                    found.append((token.text, token.line, self._value()))
                elif token.text == "for":
                    self.skip_to("}")
                    break
            elif token.text in _OPEN:  # a key in parentheses, the body of a nested block
                self.skip_to(_OPEN[token.text])
        return found

    def skip_to(self, closing: str) -> None:
        """Everything up to and including the bracket that closes the one just taken."""
        while (token := self.next()) is not None and token.text != closing:
            if token.kind == "sign" and token.text in _OPEN:
                self.skip_to(_OPEN[token.text])

    def _value(self) -> Value:
        """A literal, or None for another expression; up to the comma or line end after it."""
        value: Value = None
        if self.take("sign", "{"):
            value = Literal(True, tuple(self.fields()))
        elif self.take("sign", "["):
            value = self._items()
        elif (token := self._peek()) is not None and token.kind in _SCALARS:
            self._position += 1
            value = _scalar(token)
        if not self._ends():
            value = None  # an operand of a longer expression
            self._skip_expression()
        return value

    def _items(self) -> Literal:
        items: list[tuple[str, int, Value]] = []
        while (token := self._skip_newlines()) is not None and token.text != "]":
            if token.text == "for":
                self.skip_to("]")
                return Literal(False, ())
            items.append((str(len(items)), token.line, self._value()))
            self._skip_newlines()
            self.take("sign", ",")
        self.next()
        return Literal(False, tuple(items))

    def _ends(self) -> bool:
        token = self._peek()
        return token is None or token.kind == "newline" or token.text in (",", "}", "]")

    def _skip_expression(self) -> None:
        while not self._ends():
            token = self.next()
            if token is not None and token.kind == "sign" and token.text in _OPEN:
                self.skip_to(_OPEN[token.text])

    def _skip_newlines(self) -> _Token | None:
        while (token := self._peek()) is not None and token.kind == "newline":
            self._position += 1
        return token

    def _peek(self) -> _Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None


def _scalar(token: _Token) -> str | int | float | bool | None:
    """The value of a string without expressions, of a number or of a bool; None for another token."""
    if token.kind == "number":
        return float(token.text) if "." in token.text else int(token.text)
    if token.kind == "word":
        return {"true": True, "false": False}.get(token.text)
    if "${" in token.text or "%{" in token.text:
        return None
    try:
        text: str = json.loads(f'"{token.text}"')  # HCL's escapes, but for those of Unicode above FFFF, are JSON's
    except ValueError:
        return None
    return text


def _tokens(text: str) -> Iterator[_Token]:
    position, line = 0, 1
    while (found := _TOKEN.match(text, position)) is not None:
        kind, end = str(found.lastgroup if found.lastgroup != "tag" else "heredoc"), found.end()
        if kind == "string":
            end = _string_end(text, position)
            yield _Token("string", text[position + 1 : end - 1], line)
        elif kind not in ("comment", "space"):
            yield _Token("value" if kind == "heredoc" else kind, text[position:end], line)
        line += text.count("\n", position, end)
        position = end


def _string_end(text: str, begin: int) -> int:
    """The position after the quote that closes a string, whose ${…} may hold strings and braces."""
    position, depth = begin + 1, 0
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text.startswith(("${", "%{"), position):
            depth, position = depth + 1, position + 1
        elif depth and text[position] == "}":
            depth -= 1
        elif depth and text[position] == "{":
            depth += 1
        elif text[position] == '"':
            if not depth:
                return position + 1
            position = _string_end(text, position) - 1
        position += 1
    return len(text)

"""Expressions of GitHub Actions, as far as the workflows here use them; anything else is an error, not a guess.

Source: GitHub documentation, "Evaluate expressions in workflows and actions": literals, operators, coercion, functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

STATUS_FUNCTIONS = {"always", "cancelled", "failure", "success"}

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w-]*)"
    r"|(?P<operator>&&|\|\||==|!=|<=|>=|[!<>()\[\].,*]))"
)
_EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class UnknownSyntax(AssertionError):
    """An expression that this evaluator does not know: extend it, from GitHub's documentation."""


@dataclass(frozen=True)
class Contexts:
    """What expressions see: contexts by name, and the status functions."""

    values: Mapping[str, Any]
    status: Mapping[str, Callable[[], bool]]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression without its `${{ }}`."""
        parser = _Parser(_tokens(expression), self)
        value = parser.either()
        if parser.tokens:
            raise UnknownSyntax(f"{expression!r} goes on with {parser.tokens}")
        return value

    def interpolate(self, value: Any) -> Any:
        """`value` with its expressions evaluated: one alone keeps its type, in a text it becomes text."""
        if isinstance(value, list):
            return [self.interpolate(item) for item in value]
        if isinstance(value, dict):
            return {key: self.interpolate(item) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        alone = _EMBEDDED.fullmatch(value.strip())
        if alone and value.count("${{") == 1:
            return self.evaluate(alone[1])
        return _EMBEDDED.sub(lambda found: text_of(self.evaluate(found[1])), value)

    def condition(self, value: Any) -> bool:
        """Whether an `if:` holds. Without a status function it implies success()."""
        if value is None:
            return self.status["success"]()
        if isinstance(value, bool):
            return value and self.status["success"]()
        alone = _EMBEDDED.fullmatch(value.strip())
        expression = alone[1] if alone else value
        names = {token for kind, token in _tokens(expression) if kind == "name"}
        implied = bool(names & STATUS_FUNCTIONS) or self.status["success"]()
        return implied and truth(self.evaluate(expression))


def text_of(value: Any) -> str:
    """A value in a text: nothing for null, lower case for booleans."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        raise UnknownSyntax(f"{value!r} is an object, and would become the word Object")
    return str(value)


def truth(value: Any) -> bool:
    """Falsy are false, 0, "", and null; a list or an object is not, even when empty."""
    return isinstance(value, dict | list) or bool(value)


def _tokens(expression: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while expression[position:].strip():
        match = _TOKEN.match(expression, position)
        if match is None:
            raise UnknownSyntax(f"{expression[position:]!r} in {expression!r}")
        assert match.lastgroup
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    """Recursive descent. Both sides of `&&` and `||` are parsed; only what decides is evaluated."""

    def __init__(self, tokens: list[tuple[str, str]], contexts: Contexts) -> None:
        self.tokens, self.contexts, self.skipping = tokens, contexts, False

    def _next(self, *operators: str) -> str | None:
        if self.tokens and self.tokens[0][0] == "operator" and self.tokens[0][1] in operators:
            return self.tokens.pop(0)[1]
        return None

    def _expect(self, operator: str) -> None:
        if not self._next(operator):
            raise UnknownSyntax(f"{operator} is missing before {self.tokens}")

    def either(self) -> Any:
        return self._short_circuit("||", self.both, decided=truth)

    def both(self) -> Any:
        return self._short_circuit("&&", self.comparison, decided=lambda value: not truth(value))

    def _short_circuit(self, operator: str, operand: Callable[[], Any], decided: Callable[[Any], bool]) -> Any:
        value = operand()
        while self._next(operator):
            skipped, self.skipping = self.skipping, self.skipping or decided(value)
            other = operand()
            value, self.skipping = (value if self.skipping else other), skipped
        return value

    def comparison(self) -> Any:
        left = self.negation()
        while operator := self._next("==", "!="):
            right = self.negation()
            left = _equal(left, right) == (operator == "==")
        if self.tokens and self.tokens[0][1] in {"<", ">", "<=", ">="}:
            raise UnknownSyntax(f"comparison {self.tokens[0][1]}")
        return left

    def negation(self) -> Any:
        return not truth(self.negation()) if self._next("!") else self.access()

    def access(self) -> Any:
        value = self.primary()
        while operator := self._next(".", "["):
            if operator == "[":
                key = self.either()
                self._expect("]")
                value = _member(value, key)
            elif self._next("*"):
                value = list(value.values()) if isinstance(value, dict) else list(value or ())
                value = _Filtered(value)
            else:
                value = _member(value, self._name())
        return value

    def _name(self) -> str:
        if not self.tokens or self.tokens[0][0] != "name":
            raise UnknownSyntax(f"a name is missing before {self.tokens}")
        return self.tokens.pop(0)[1]

    def primary(self) -> Any:
        if self._next("("):
            value = self.either()
            self._expect(")")
            return value
        if not self.tokens:
            raise UnknownSyntax("an expression ends too early")
        kind, token = self.tokens.pop(0)
        if kind == "text":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return float(token)
        if kind != "name":
            raise UnknownSyntax(f"{token} where a value belongs")
        if token in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[token]
        if self._next("("):
            return self._call(token)
        if token not in self.contexts.values:
            raise UnknownSyntax(f"there is no context {token} here")
        return self.contexts.values[token]

    def _call(self, name: str) -> Any:
        arguments = []
        if not self._next(")"):
            arguments.append(self.either())
            while self._next(","):
                arguments.append(self.either())
            self._expect(")")
        if self.skipping:
            return None
        if name in STATUS_FUNCTIONS and name in self.contexts.status and not arguments:
            return self.contexts.status[name]()
        if name == "contains" and len(arguments) == 2:
            return _contains(*arguments)
        if name == "fromJSON" and len(arguments) == 1:
            return json.loads(arguments[0])  # "" is an error, as on GitHub
        raise UnknownSyntax(f"function {name} with {len(arguments)} arguments")


class _Filtered(list[Any]):
    """The result of `.*`: a member of it is taken of each item."""


def _member(value: Any, key: Any) -> Any:
    """A member; null where there is none. Names are compared without regard to case."""
    if isinstance(value, _Filtered):
        return _Filtered(item for item in (_member(each, key) for each in value) if item is not None)
    if isinstance(value, dict):
        return next((item for name, item in value.items() if str(name).lower() == str(key).lower()), None)
    if isinstance(value, list) and isinstance(key, float) and key < len(value):
        return value[int(key)]
    return None


def _equal(left: Any, right: Any) -> bool:
    """Texts are equal without regard to case; other kinds must agree here, where GitHub would convert them to numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if left is not None and right is not None and type(left) is not type(right):
        raise UnknownSyntax(f"{left!r} is compared with {right!r}, which GitHub converts to numbers")
    return bool(left == right)


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_equal(item, what) for item in where)
    return text_of(what).lower() in text_of(where).lower()

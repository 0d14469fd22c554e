"""The syntax of metric math expressions: tokens, and nodes by precedence.

From low to high precedence: OR, AND, comparisons, + and -, * and /, unary minus, ^ (right-associative). CloudWatch documents
the operators and not their precedence; this is the usual one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from async_endpoint.core.errors import InvalidInput

MAX_EXPRESSION_CHARS: Final = 2_048  # MetricDataQuery.Expression
MAX_DEPTH: Final = 50  # of nested parentheses, calls and arrays; far above any expression of that length that people write

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<name>[A-Za-z][A-Za-z0-9_]*)
    |(?P<string>"[^"]*"|'[^']*')
    |(?P<symbol>==|!=|<=|>=|&&|\|\||[-+*/^<>()\[\],])
    |(?P<end>$))""",
    re.VERBOSE,
)
_COMPARISONS: Final = ("==", "!=", "<=", ">=", "<", ">")
_WORDS: Final = {"AND": "&&", "OR": "||"}


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    """A quoted string, an argument of METRICS."""

    value: str


@dataclass(frozen=True)
class Name:
    """The id of another query, or a keyword such as REPEAT, which are in capitals."""

    name: str


@dataclass(frozen=True)
class Negation:
    operand: Node


@dataclass(frozen=True)
class Operation:
    """A binary operation; `operator` is a symbol, && and || for AND and OR."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Array:
    """[m1, m2]: an array of the series of its members."""

    members: tuple[Node, ...]


Node = Number | Text | Name | Negation | Operation | Call | Array


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


@lru_cache(maxsize=1_000)
def parse(expression: str) -> Node:
    """The node of an expression. Raises InvalidInput with the position of what cannot be read."""
    if expression.lstrip().upper().startswith("SELECT"):
        raise InvalidInput("Metrics Insights queries (SELECT) are not supported by the local AWS")
    if len(expression) > MAX_EXPRESSION_CHARS:
        raise InvalidInput(f"it has {len(expression)} characters, and at most {MAX_EXPRESSION_CHARS} are allowed")
    return _Parser(expression).whole()


def walk(node: Node) -> Iterator[Node]:
    """A node and all that it consists of."""
    yield node
    match node:
        case Negation(operand):
            yield from walk(operand)
        case Operation(_, left, right):
            yield from walk(left)
            yield from walk(right)
        case Call(_, members) | Array(members):
            for member in members:
                yield from walk(member)


def names(node: Node) -> list[str]:
    """The names in a node, ids and keywords, with repetitions."""
    return [part.name for part in walk(node) if isinstance(part, Name)]


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._or()
        if self._token.kind != "end":
            raise self._unexpected()
        return node

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *symbols: str) -> str | None:
        """Consume the next token if it is one of `symbols`; returns it."""
        token = self._token
        text = _WORDS.get(token.text, token.text) if token.kind in ("symbol", "name") else ""
        if text not in symbols:
            return None
        self._next += 1
        return text

    def _require(self, symbol: str) -> None:
        if self._take(symbol) is None:
            raise self._unexpected(f"; expected '{symbol}'")

    def _unexpected(self, more: str = "") -> InvalidInput:
        token = self._token
        what = "end of the expression" if token.kind == "end" else f"'{token.text}'"
        return InvalidInput(f"unexpected {what} at character {token.at + 1}{more}")

    def _or(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidInput(f"it is nested more than {MAX_DEPTH} levels deep")
        node = self._and()
        while self._take("||"):
            node = Operation("||", node, self._and())
        self._depth -= 1
        return node

    def _and(self) -> Node:
        node = self._comparison()
        while self._take("&&"):
            node = Operation("&&", node, self._comparison())
        return node

    def _comparison(self) -> Node:
        node = self._sum()
        while operator := self._take(*_COMPARISONS):
            node = Operation(operator, node, self._sum())
        return node

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._take("+", "-"):
            node = Operation(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._unary()
        while operator := self._take("*", "/"):
            node = Operation(operator, node, self._unary())
        return node

    def _unary(self) -> Node:
        negations = 0
        while self._take("-"):
            negations += 1
        node = self._power()
        return Negation(node) if negations % 2 else node

    def _power(self) -> Node:
        base = self._primary()
        if not self._take("^"):
            return base
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidInput(f"it is nested more than {MAX_DEPTH} levels deep")
        node = Operation("^", base, self._unary())
        self._depth -= 1
        return node

    def _primary(self) -> Node:
        token = self._token
        if token.kind == "number":
            self._next += 1
            return Number(float(token.text))
        if token.kind == "string":
            self._next += 1
            return Text(token.text[1:-1])
        if token.kind == "name" and token.text not in _WORDS:
            self._next += 1
            return Call(token.text, self._list(")")) if self._take("(") else Name(token.text)
        if self._take("["):
            return Array(self._list("]"))
        if self._take("("):
            node = self._or()
            self._require(")")
            return node
        raise self._unexpected()

    def _list(self, closing: str) -> tuple[Node, ...]:
        """Nodes separated by commas, up to the symbol `closing`, which is consumed."""
        if self._take(closing):
            return ()
        members = [self._or()]
        while self._take(","):
            members.append(self._or())
        self._require(closing)
        return tuple(members)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise InvalidInput(f"unexpected '{text[at]}' at character {at + 1}")
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind], found.start(kind))
        if kind == "end":
            return
        at = found.end()

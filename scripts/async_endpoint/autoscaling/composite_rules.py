"""The rule of a composite alarm: a boolean expression over the states of other alarms.

Source: CloudWatch API reference, PutCompositeAlarm.AlarmRule, and user guide, "Creating a composite alarm". NOT binds closer
than AND, and AND closer than OR (A203). The text of errors is quoted in aws-cdk 34662.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from async_endpoint.autoscaling.alarms import AlarmState
from async_endpoint.core.errors import InvalidInput

MAX_RULE_CHARS: Final = 10_240
MAX_CHILDREN: Final = 100
MAX_ELEMENTS: Final = 500  # alarms, TRUE and FALSE, and pairs of parentheses
MAX_DEPTH: Final = 100

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^"()]*?))\s*\)
    |(?P<word>AND|OR|NOT|(?i:TRUE|FALSE))\b
    |(?P<symbol>[()])
    |(?P<end>$))""",
    re.VERBOSE,
)

StateOf = Callable[[str], AlarmState]  # the state of an alarm by its name, or by its ARN where the rule has that


@dataclass(frozen=True)
class Child:
    """Whether an alarm is in a state; `alarm` is its name or its ARN."""

    alarm: str
    state: AlarmState


@dataclass(frozen=True)
class Constant:
    value: bool


@dataclass(frozen=True)
class Not:
    operand: Rule


@dataclass(frozen=True)
class Both:
    """AND."""

    left: Rule
    right: Rule


@dataclass(frozen=True)
class Either:
    """OR."""

    left: Rule
    right: Rule


Rule = Child | Constant | Not | Both | Either


def holds(rule: Rule, state_of: StateOf) -> bool:
    """Whether a rule is true, which puts its alarm into ALARM."""
    match rule:
        case Child(alarm, state):
            return state_of(alarm) is state
        case Constant(value):
            return value
        case Not(operand):
            return not holds(operand, state_of)
        case Both(left, right):
            return holds(left, state_of) and holds(right, state_of)
        case Either(left, right):
            return holds(left, state_of) or holds(right, state_of)


def children(rule: Rule) -> list[str]:
    """The alarms that a rule names, each once."""

    def named(part: Rule) -> Iterator[str]:
        match part:
            case Child(alarm):
                yield alarm
            case Not(operand):
                yield from named(operand)
            case Both(left, right) | Either(left, right):
                yield from named(left)
                yield from named(right)

    return list(dict.fromkeys(named(rule)))


@lru_cache(maxsize=1_000)
def parse_rule(text: str) -> Rule:
    """The rule that `text` states. Raises InvalidInput with the position of what cannot be read, or for too many parts."""
    if len(text) > MAX_RULE_CHARS:
        raise InvalidInput(f"Error in AlarmRule [it has {len(text)} characters; at most {MAX_RULE_CHARS} are allowed]")
    parser = _Parser(text)
    rule = parser.whole()
    if len(children(rule)) > MAX_CHILDREN:
        raise InvalidInput(f"Error in AlarmRule [it names {len(children(rule))} alarms; at most {MAX_CHILDREN} are allowed]")
    if parser.elements > MAX_ELEMENTS:
        raise InvalidInput(f"Error in AlarmRule [it has {parser.elements} elements; at most {MAX_ELEMENTS} are allowed]")
    return rule


class _Token(NamedTuple):
    kind: str
    text: str
    alarm: str
    at: int


class _Parser:
    def __init__(self, text: str) -> None:
        self.elements = 0
        self._tokens = _tokens(text)
        self._depth = 0
        self._token = next(self._tokens)

    def whole(self) -> Rule:
        rule = self._either()
        if self._token.kind != "end":
            raise self._unsupported()
        return rule

    def _take(self, text: str) -> bool:
        if self._token.kind not in ("word", "symbol") or self._token.text != text:
            return False
        self._token = next(self._tokens)
        return True

    def _unsupported(self) -> InvalidInput:
        what = f"token '{self._token.text}'" if self._token.text else "end of the rule"
        return InvalidInput(f"Error in AlarmRule [Unsupported {what} at char {self._token.at}]")

    def _either(self) -> Rule:
        rule = self._both()
        while self._take("OR"):
            rule = Either(rule, self._both())
        return rule

    def _both(self) -> Rule:
        rule = self._not()
        while self._take("AND"):
            rule = Both(rule, self._not())
        return rule

    def _not(self) -> Rule:
        negated = False
        while self._take("NOT"):
            negated = not negated
        return Not(self._primary()) if negated else self._primary()

    def _primary(self) -> Rule:
        token = self._token
        self.elements += 1
        if self._take("("):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise InvalidInput(f"Error in AlarmRule [it is nested more than {MAX_DEPTH} levels deep]")
            rule = self._either()
            if not self._take(")"):
                raise self._unsupported()
            self._depth -= 1
            return rule
        if token.kind == "state":
            self._token = next(self._tokens)
            return Child(token.alarm, AlarmState(token.text))
        if token.kind == "word" and token.text.upper() in ("TRUE", "FALSE"):
            self._token = next(self._tokens)
            return Constant(token.text.upper() == "TRUE")
        raise self._unsupported()


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        alarm = "" if found is None else found["quoted"] or found["bare"] or ""
        if found is None or (found["state"] and not alarm):
            at += len(text[at:]) - len(text[at:].lstrip())
            word = re.split(r"[\s()]", text[at:])[0] or text[at]
            raise InvalidInput(f"Error in AlarmRule [Unsupported token '{word}' at char {at}]")
        kind = next(name for name in ("state", "word", "symbol", "end") if found[name] is not None)
        yield _Token(kind, found[kind], alarm, found.start(kind))
        at = found.end()

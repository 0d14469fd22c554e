"""Filter patterns of CloudWatch Logs: terms, and conditions on JSON events.

Source: CloudWatch Logs user guide, "Filter and pattern syntax" (awsdocs/amazon-cloudwatch-logs-user-guide). Patterns of
space-delimited events ([ip, user, ...]) and regular expressions (%...%) are refused by name. The text about characters is
quoted in modernisation-platform-environments 5137.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput

Test = Callable[[str], bool]

_TERM: Final = re.compile(r'\s*(?P<sign>[-?]?)\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]+))')
_JSON_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<selector>\$(?:\.[\w-]+|\[\d+\]|\["[^"]+"\]|\['[^']+'\])*)
    |(?P<operator>&&|\|\||!=|<=|>=|=|<|>)
    |(?P<phrase>IS\s+NULL|IS\s+TRUE|IS\s+FALSE|NOT\s+EXISTS|EXISTS)\b
    |(?P<symbol>[()])
    |"(?P<quoted>(?:[^"\\]|\\.)*)"
    |(?P<bare>[^\s"()&|=<>!]+))""",
    re.VERBOSE | re.IGNORECASE,
)
_STEP: Final = re.compile(r"""\.(?P<name>[\w-]+)|\[(?P<index>\d+)\]|\[["'](?P<key>[^"']+)["']\]""")
_NUMERIC: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ABSENT: Final = object()


@dataclass(frozen=True)
class FilterPattern:
    """A pattern; `matches` says whether it selects a message. `of_json`: it is a condition on JSON events."""

    matches: Test
    of_json: bool = False


@lru_cache(maxsize=500)
def parse_pattern(pattern: str) -> FilterPattern:
    """The pattern that `pattern` states; an empty one selects everything. Raises InvalidInput for one that is refused."""
    text = pattern.strip()
    if text.startswith("{"):
        if not text.endswith("}"):
            raise InvalidInput("Invalid filter pattern")
        condition = _JsonParser(text[1:-1]).whole()
        return FilterPattern(lambda message: _test_json(condition, message), of_json=True)
    if text.startswith("["):
        raise InvalidInput("Unsupported filter pattern: the local AWS has no patterns of space-delimited events ([...])")
    if "%" in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        raise InvalidInput("Unsupported filter pattern: the local AWS has no regular expressions (%...%) in filter patterns")
    return FilterPattern(_terms(text))


def selected(message: str, selector: str) -> Any:
    """The value that a selector such as $.latency has in a JSON message; None where there is none."""
    found = _select(_document(message), selector)
    return None if found is _ABSENT else found


def _terms(text: str) -> Test:
    """Every term must be in the message, none that follows a minus, and with question marks alone any of them."""
    required: list[str] = []
    excluded: list[str] = []
    optional: list[str] = []
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise InvalidInput("Invalid filter pattern")
        term = found["bare"] if found["quoted"] is None else re.sub(r"\\(.)", r"\1", found["quoted"])
        if found["bare"] is not None and not re.fullmatch(r"\w+", term):
            raise InvalidInput(f"Invalid character(s) in term '{term}'")
        {"": required, "-": excluded, "?": optional}[found["sign"]].append(term)
        at = found.end()

    def matches(message: str) -> bool:
        return (
            all(term in message for term in required)
            and not any(term in message for term in excluded)
            and (bool(required) or not optional or any(term in message for term in optional))
        )

    return matches


def _document(message: str) -> Any:
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        return _ABSENT


def _test_json(condition: Callable[[Any], bool], message: str) -> bool:
    document = _document(message)
    return isinstance(document, dict | list) and condition(document)


def _select(document: Any, selector: str) -> Any:
    value = document
    for step in _STEP.finditer(selector):
        if step["index"] is not None:
            index = int(step["index"])
            value = value[index] if isinstance(value, list) and index < len(value) else _ABSENT
        else:
            value = value.get(step["name"] or step["key"], _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            return _ABSENT
    return value


class _JsonParser:
    """Conditions by precedence: parentheses, &&, ||."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        text, at = text.strip(), 0
        while at < len(text):
            found = _JSON_TOKEN.match(text, at)
            if found is None or found.end() == at:
                raise InvalidInput("Invalid filter pattern")
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            at = found.end()
        self._at = 0

    def whole(self) -> Callable[[Any], bool]:
        condition = self._either()
        if self._at < len(self._tokens):
            raise InvalidInput("Invalid filter pattern")
        return condition

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise InvalidInput("Invalid filter pattern")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, text: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] in (("operator", text), ("symbol", text))
        self._at += found
        return found

    def _either(self) -> Callable[[Any], bool]:
        tests = [self._both()]
        while self._take("||"):
            tests.append(self._both())
        return lambda document: any(test(document) for test in tests)

    def _both(self) -> Callable[[Any], bool]:
        tests = [self._single()]
        while self._take("&&"):
            tests.append(self._single())
        return lambda document: all(test(document) for test in tests)

    def _single(self) -> Callable[[Any], bool]:
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise InvalidInput("Invalid filter pattern")
            return inner
        (kind, selector), (following, word) = self._next(), self._next()
        if kind != "selector" or following not in ("operator", "phrase") or word in ("&&", "||"):
            raise InvalidInput("Invalid filter pattern")
        if following == "phrase":
            return _state(selector, " ".join(word.upper().split()))
        kind, value = self._next()
        if kind not in ("quoted", "bare"):
            raise InvalidInput("Invalid filter pattern")
        return _comparison(selector, word, value, quoted=kind == "quoted")


def _state(selector: str, phrase: str) -> Callable[[Any], bool]:
    states: dict[str, Callable[[Any], bool]] = {
        "IS NULL": lambda value: value is None,
        "IS TRUE": lambda value: value is True,
        "IS FALSE": lambda value: value is False,
        "NOT EXISTS": lambda value: value is _ABSENT,
        "EXISTS": lambda value: value is not _ABSENT,
    }
    test = states[phrase]
    return lambda document: test(_select(document, selector))


def _comparison(selector: str, symbol: str, text: str, *, quoted: bool) -> Callable[[Any], bool]:
    """A comparison with a number, or with a text that may have asterisks; without a value node it is false."""
    number = None if quoted else _number(text)
    if number is None and symbol not in ("=", "!="):
        raise InvalidInput(f"Invalid filter pattern: {symbol} needs a number")
    pattern = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)

    def test(document: Any) -> bool:
        value = _select(document, selector)
        if value is _ABSENT or value is None or isinstance(value, dict | list):
            return False
        if number is not None and isinstance(value, int | float) and not isinstance(value, bool):
            return _NUMERIC[symbol](float(value), number)
        if symbol not in ("=", "!="):
            return False
        shown = json.dumps(value) if isinstance(value, bool | int | float) else str(value)
        return (pattern.fullmatch(shown) is not None) is (symbol == "=")

    return test


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", text) else None

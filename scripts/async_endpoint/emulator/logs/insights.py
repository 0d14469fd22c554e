"""Logs Insights queries: fields, display, filter, sort and limit, over the fields of events and of JSON messages.

Source: CloudWatch Logs user guide, "CloudWatch Logs Insights query syntax". Other commands and functions are refused by name,
where CloudWatch runs them. Without a direction, sort is ascending (A204).
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cmp_to_key
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput

MAX_RESULTS: Final = 10_000
DEFAULT_FIELDS: Final = ("@timestamp", "@message")

Event = Mapping[str, Any]  # the fields of a log event: @timestamp (milliseconds), @message, @logStream, …, and those of JSON
Test = Callable[[Event], bool]

_FIELD: Final = r"`[^`]+`|[@A-Za-z_][\w.@-]*"
_TOKEN: Final = re.compile(
    rf"""\s*(?:(?P<regex>/(?:[^/\\]|\\.)*/)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>-?\d+(?:\.\d+)?)|(?P<operator>=~|!=|<=|>=|=|<|>)|(?P<symbol>[(),])|(?P<word>{_FIELD}))""",
    re.VERBOSE,
)
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OTHER_COMMANDS: Final = ("stats", "parse", "dedup", "pattern", "diff", "unmask", "unnest", "lookup", "filterIndex", "anomaly")


@dataclass
class LogsQuery:
    """A query that was read: the commands in their effect."""

    fields: list[str] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)  # field, and whether descending
    limit: int | None = None

    def run(self, events: Iterable[Event], limit: int | None = None) -> list[dict[str, str]]:
        """The rows for the events, each with @ptr; newest first without a sort. `limit` counts where the query has none."""
        found = [event for event in events if all(test(event) for test in self.tests)]
        for name, descending in reversed(self.order or [("@timestamp", True)]):
            found.sort(key=_by(name), reverse=descending)
        shown = [*(self.fields or DEFAULT_FIELDS), "@ptr"]
        rows = found[: min(self.limit or limit or MAX_RESULTS, MAX_RESULTS)]
        return [{name: _text(name, event[name]) for name in shown if event.get(name) is not None} for event in rows]


def parse_query(text: str) -> LogsQuery:
    """The query of a StartQuery request. Raises InvalidInput for what cannot be read, or is not emulated."""
    query = LogsQuery()
    for command in _split(text):
        word, _, rest = command.partition(" ")
        readers: dict[str, Callable[[LogsQuery, str], None]] = {
            "fields": _fields,
            "display": _display,
            "filter": _filter,
            "sort": _sort,
            "limit": _limit,
        }
        if word.lower() not in readers:
            known = word in _OTHER_COMMANDS
            raise InvalidInput(
                f"unsupported command '{word}': the local AWS runs fields, display, filter, sort and limit"
                if known
                else f"unexpected symbol found {word} at line 1 and position {text.find(word)}"
            )
        readers[word.lower()](query, rest.strip())
    return query


def event_fields(message: str) -> dict[str, Any]:
    """The fields that are discovered in a JSON message, nested ones with dots."""
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return dict(_flat("", document)) if isinstance(document, dict) else {}


def _flat(prefix: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), item)
    else:
        yield prefix, value


def _split(text: str) -> list[str]:
    """The commands, separated by | outside of quotes and regular expressions; comments start with #."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    parts = re.findall(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|/(?:[^/\\]|\\.)*/|[^|])+""", lines)
    return [" ".join(part.split()) if "/" not in part and '"' not in part else part.strip() for part in parts if part.strip()]


def _names(rest: str) -> list[str]:
    names = [name.strip() for name in rest.split(",")]
    for name in names:
        if not re.fullmatch(_FIELD, name):
            raise InvalidInput(f"unsupported expression '{name}': the local AWS returns fields by their names only")
    return [name.strip("`") for name in names]


def _fields(query: LogsQuery, rest: str) -> None:
    query.fields += [name for name in _names(rest) if name not in query.fields]


def _display(query: LogsQuery, rest: str) -> None:
    query.fields = _names(rest)


def _sort(query: LogsQuery, rest: str) -> None:
    for part in rest.split(","):
        name, _, direction = part.strip().partition(" ")
        if direction.strip().lower() not in ("", "asc", "desc"):
            raise InvalidInput(f"unexpected symbol found {direction.strip()} in sort")
        query.order.append((_names(name)[0], direction.strip().lower() == "desc"))


def _limit(query: LogsQuery, rest: str) -> None:
    if not rest.isdecimal() or not 1 <= int(rest) <= MAX_RESULTS:
        raise InvalidInput(f"invalid limit '{rest}': use 1 to {MAX_RESULTS}")
    query.limit = int(rest)


def _filter(query: LogsQuery, rest: str) -> None:
    query.tests.append(_Condition(rest).whole())


class _Condition:
    """The condition of a filter command: comparisons, like, =~, in, ispresent; not, and, or."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise InvalidInput(f"unexpected symbol found {text[at:].strip()[0]} in filter")
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            at = found.end()
        self._at = 0

    def whole(self) -> Test:
        test = self._either()
        if self._at < len(self._tokens):
            raise InvalidInput(f"unexpected symbol found {self._tokens[self._at][1]} in filter")
        return test

    def _take(self, *words: str) -> str | None:
        text = self._tokens[self._at][1].lower() if self._at < len(self._tokens) else ""
        if text not in words:
            return None
        self._at += 1
        return text

    def _next(self, *kinds: str) -> tuple[str, str]:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] not in kinds:
            shown = self._tokens[self._at][1] if self._at < len(self._tokens) else "end"
            raise InvalidInput(f"unexpected symbol found {shown} in filter")
        self._at += 1
        return self._tokens[self._at - 1]

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda event: any(test(event) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._take("and"):
            tests.append(self._single())
        return lambda event: all(test(event) for test in tests)

    def _single(self) -> Test:
        if self._take("not"):
            inner = self._single()
            return lambda event: not inner(event)
        if self._take("("):
            inner = self._either()
            self._require(")")
            return inner
        if self._take("ispresent"):
            self._require("(")
            present = self._next("word")[1].strip("`")
            self._require(")")
            return lambda event: event.get(present) is not None
        name = self._next("word")[1].strip("`")
        if self._take("("):
            raise InvalidInput(f"unsupported function '{name}' in filter")
        negated = bool(self._take("not"))
        test = self._relation(name)
        return (lambda event: not test(event)) if negated else test

    def _require(self, symbol: str) -> None:
        if not self._take(symbol):
            raise InvalidInput(f"expected '{symbol}' in filter")

    def _relation(self, name: str) -> Test:
        if self._take("like", "=~"):
            kind, text = self._next("regex", "string")
            pattern = _regex(text[1:-1]) if kind == "regex" else re.compile(re.escape(_unquoted(text)))
            return lambda event: event.get(name) is not None and pattern.search(_text(name, event[name])) is not None
        if self._take("in"):
            return self._member(name)
        symbol = self._next("operator")[1]
        compare, wanted = _COMPARISONS[symbol], self._value()
        return lambda event: event.get(name) is not None and _related(compare, event[name], wanted)

    def _member(self, name: str) -> Test:
        self._require("(")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._require(")")
        return lambda event: any(event.get(name) is not None and _related(operator.eq, event[name], one) for one in values)

    def _value(self) -> Any:
        kind, text = self._next("string", "number")
        return float(text) if kind == "number" else _unquoted(text)


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise InvalidInput(f"invalid regular expression /{text}/: {error}") from error


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _related(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    """Numbers are compared as numbers, also where the event has them as text."""
    if isinstance(wanted, float):
        try:
            return compare(float(value), wanted)
        except (TypeError, ValueError):
            return False
    return compare(str(value), wanted)


def _by(name: str) -> Callable[[Event], Any]:
    compare = cmp_to_key(_compare)
    return lambda event: compare(event.get(name))


def _compare(one: Any, other: Any) -> int:
    """By number where both are numbers or look like them, else by text; missing values come first."""
    if one is None or other is None:
        return (one is not None) - (other is not None)
    try:
        one, other = float(one), float(other)
    except (TypeError, ValueError):
        one, other = str(one), str(other)
    return int(one > other) - int(one < other)


def _text(name: str, value: Any) -> str:
    if name in ("@timestamp", "@ingestionTime"):
        return datetime.fromtimestamp(value / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{int(value) % 1_000:03}"
    return json.dumps(value) if isinstance(value, bool) else str(value)

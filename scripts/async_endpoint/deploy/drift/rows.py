"""One difference as a row of a table: what is live, what was expected, and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from async_endpoint.deploy.verification.findings import REPAIR_PREFIX, Difference

LONGEST_VALUE: Final = 160  # characters; of a longer value only its length is said
NOT_SHOWN: Final = "(not shown)"
# Of a model's container, and of a function: they may hold tokens. A tag may have the name.
_NAMED_ONLY: Final = re.compile(r"(?<!\btags\.)(?<!\btags all\.)\benvironment\b|\b(secret|password|token)\b", re.IGNORECASE)
_NOTHING: Final[tuple[object, ...]] = (None, {}, [], "")


@dataclass(frozen=True)
class DriftRow:
    """`endpoint` is empty for what several share, `attribute` and `expected` where all of `resource` is meant.

    `remedy` is a command or a sentence; where `repaired_by_apply`, it is the command that applies.
    """

    endpoint: str
    resource: str
    attribute: str
    live: str
    expected: str
    repaired_by_apply: bool
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def rows_of(endpoint: str, difference: Difference, apply_command: str) -> list[DriftRow]:
    """A difference that verification found: a row for each attribute, or one for what cannot be split."""
    remedy = apply_command if difference.remedy is None else difference.remedy.removeprefix(REPAIR_PREFIX)
    parts = [(one.attribute, one.live, one.expected) for one in difference.values] or [("", difference.found, "")]
    return [
        DriftRow(endpoint, difference.subject, attribute, live, expected, difference.repaired_by_apply, remedy)
        for attribute, live, expected in parts
    ]


def differing(attribute: str, live: Any, expected: Any) -> Iterator[tuple[str, str, str]]:
    """The innermost attributes that differ, each as its path and both values as they may be printed."""
    if isinstance(live, Mapping) and isinstance(expected, Mapping):
        for name in sorted(live.keys() | expected.keys()):
            yield from differing(f"{attribute}.{name}", live.get(name), expected.get(name))
    elif isinstance(live, list) and isinstance(expected, list) and len(live) == len(expected):
        for position, (one, other) in enumerate(zip(live, expected, strict=True)):
            yield from differing(attribute if len(live) == 1 else f"{attribute}[{position}]", one, other)
    elif differ(live, expected):
        hidden = _NAMED_ONLY.search(attribute.replace("_", " ")) is not None
        yield attribute, NOT_SHOWN if hidden else shown(live), NOT_SHOWN if hidden else shown(expected)


def differ(live: Any, expected: Any) -> bool:
    """Whether two values differ; after a refresh the provider has an empty value, false or 0 where the state has null."""
    return live != expected and bool(live or expected)


def shown(value: Any) -> str:
    """A value as it is printed: of policies and whatever else is long, only what it is."""
    if value in _NOTHING:
        return "none"
    if isinstance(value, Mapping | list):
        return f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    if not isinstance(value, str):
        return json.dumps(value)
    if value.lstrip()[:1] in ("{", "["):
        return f"a document of {len(value)} characters"
    return value if len(value) <= LONGEST_VALUE else f"a text of {len(value)} characters"

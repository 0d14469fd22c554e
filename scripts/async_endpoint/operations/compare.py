"""Comparing two responses to the same request."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

TOLERANCE: Final = 1e-6  # relative, of numbers: floating-point sums depend on the machine
SHOWN_CHARS: Final = 60


def difference(one: bytes, other: bytes, *, tolerance: float = TOLERANCE, ignored: Collection[str] = ()) -> str | None:
    """How two bodies differ; None if they are equal: JSON by value, anything else byte for byte.

    Numbers may differ by `tolerance`, relative to the larger. Members of objects whose name is in `ignored` are not compared.
    """
    if one == other:
        return None
    try:
        documents = json.loads(one), json.loads(other)
        return _Comparison(tolerance, frozenset(ignored)).different("$", *documents)
    except (ValueError, RecursionError):
        return f"{len(one):,} bytes and {len(other):,} bytes differ"


@dataclass(frozen=True)
class _Comparison:
    tolerance: float
    ignored: frozenset[str]

    def different(self, where: str, one: Any, other: Any) -> str | None:
        if isinstance(one, dict) and isinstance(other, dict):
            names, others = one.keys() - self.ignored, other.keys() - self.ignored
            if names != others:
                return f"{where} has the keys {_shown(sorted(names))} and {_shown(sorted(others))}"
            pairs = [(f"{where}.{key}", one[key], other[key]) for key in one if key in names]
        elif isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return f"{where} has {len(one)} and {len(other)} items"
            pairs = [(f"{where}[{number}]", *both) for number, both in enumerate(zip(one, other, strict=True))]
        elif _number(one) and _number(other):
            return None if self._close(one, other) else f"{where} is {one!r} and {other!r}"
        else:
            return None if one == other and type(one) is type(other) else f"{where} is {_shown(one)} and {_shown(other)}"
        return next((found for pair in pairs if (found := self.different(*pair)) is not None), None)

    def _close(self, one: float, other: float) -> bool:
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or math.isclose(one, other, rel_tol=self.tolerance, abs_tol=min(self.tolerance, 1e-12))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"

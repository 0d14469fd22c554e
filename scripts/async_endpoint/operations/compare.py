"""Comparing two responses to the same request."""

from __future__ import annotations

import json
import math
from typing import Any, Final

TOLERANCE: Final = 1e-6  # relative, of numbers: floating-point sums depend on the machine
SHOWN_CHARS: Final = 60


def difference(one: bytes, other: bytes) -> str | None:
    """How two bodies differ; None if they are equal: JSON by value, anything else byte for byte."""
    if one == other:
        return None
    try:
        documents = json.loads(one), json.loads(other)
    except ValueError:
        return f"{len(one):,} bytes and {len(other):,} bytes differ"
    return _different("$", *documents)


def _different(where: str, one: Any, other: Any) -> str | None:
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return f"{where} has the keys {_shown(sorted(one))} and {_shown(sorted(other))}"
        pairs = [(f"{where}.{key}", one[key], other[key]) for key in one]
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{where} has {len(one)} and {len(other)} items"
        pairs = [(f"{where}[{number}]", *both) for number, both in enumerate(zip(one, other, strict=True))]
    elif _number(one) and _number(other):
        return None if math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=1e-12) else f"{where} is {one!r} and {other!r}"
    else:
        return None if one == other and type(one) is type(other) else f"{where} is {_shown(one)} and {_shown(other)}"
    return next((found for pair in pairs if (found := _different(*pair)) is not None), None)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"

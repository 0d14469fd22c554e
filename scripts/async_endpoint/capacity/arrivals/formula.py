"""Service times as a linear formula over the columns of a trace, such as `0.2 + 0.03*generated_tokens`."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from async_endpoint.core.errors import InvalidInput

_NUMBER: Final = r"\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?"
_NAME: Final = r"[a-z_][a-z0-9_]*"
_TERM: Final = re.compile(
    rf"\s*(?P<sign>[+-])?\s*(?:(?P<factor>{_NUMBER})\s*\*\s*(?P<name>{_NAME})|(?P<other>{_NAME})\s*(?:\*\s*(?P<times>{_NUMBER}))?"
    rf"|(?P<constant>{_NUMBER}))\s*",
    re.IGNORECASE,
)
_SYNTAX: Final = "write numbers and NUMBER*COLUMN, joined by + or -, as 0.2+0.03*generated_tokens"


@dataclass(frozen=True)
class Formula:
    """`constant` seconds, and for each column of `factors` that many seconds a unit."""

    text: str
    constant: float
    factors: tuple[tuple[str, float], ...]

    def seconds(self, columns: Mapping[str, Sequence[float]], count: int, source: str) -> array[float]:
        """The service time of each of `count` requests.

        Raises InvalidInput for a column that the trace does not have as numbers, and for a time that is not above zero.
        """
        missing = next((name for name, _ in self.factors if name not in columns), None)
        if missing is not None:
            there = ", ".join(sorted(columns)) or "none"
            raise InvalidInput(
                f"The service time {self.text!r} names {missing}, and {source} has these columns of numbers: {there}."
            )
        used = [(columns[name], factor) for name, factor in self.factors]
        times = array("d", (self.constant + sum(column[index] * factor for column, factor in used) for index in range(count)))
        shortest = min(times, default=1.0)
        if not shortest > 0:
            raise InvalidInput(
                f"The service time {self.text!r} is {shortest:g} seconds for a request of {source}; all must be above zero."
            )
        return times


def is_formula(text: str) -> bool:
    """Whether a service time names a column, and is no distribution."""
    return ":" not in text and re.search(rf"(?<![\d.])(?!e[+-]?\d){_NAME}", text, re.IGNORECASE) is not None


def parse_formula(text: str) -> Formula:
    """Raises InvalidInput for what is no linear formula; names of columns are in lower case."""
    position, constant, factors = 0, 0.0, dict[str, float]()
    while position < len(text) or not position:
        found = _TERM.match(text, position)
        if found is None or (position and not found["sign"]):
            raise InvalidInput(f"The service time {text!r} is no formula; {_SYNTAX}.")
        position, sign = found.end(), -1.0 if found["sign"] == "-" else 1.0
        name = found["name"] or found["other"]
        if name:
            factor = float(found["factor"] or found["times"] or 1)
            factors[name.lower()] = factors.get(name.lower(), 0.0) + sign * factor
        else:
            constant += sign * float(found["constant"])
    if not all(map(math.isfinite, (constant, *factors.values()))):
        raise InvalidInput(f"The service time {text!r} has a number that is too large; {_SYNTAX}.")
    return Formula(text, constant, tuple(factors.items()))

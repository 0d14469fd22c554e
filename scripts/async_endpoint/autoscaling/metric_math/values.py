"""Values of metric math: scalars, time series over a grid of periods, and arrays of them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from async_endpoint.core.errors import InvalidInput


class Kind(StrEnum):
    """The type of an expression, known before it is evaluated."""

    SCALAR = "a scalar"
    SERIES = "a time series"
    ARRAY = "an array of time series"
    WORD = "a keyword"
    TEXT = "a string"


@dataclass(frozen=True)
class Grid:
    """`count` periods of `period` seconds, the first of which starts at `start` (seconds since the epoch)."""

    start: float
    period: int
    count: int

    def times(self) -> list[float]:
        """The start of each period."""
        return [self.start + index * self.period for index in range(self.count)]


@dataclass(frozen=True)
class Series:
    """One value for each period of a grid, None where there is none. `label` is that of its metric."""

    values: tuple[float | None, ...]
    label: str = ""

    def known(self) -> list[float]:
        return [value for value in self.values if value is not None]

    def map(self, function: Callable[[float], float]) -> Series:
        """The function of each value; values for which it has no finite result are dropped."""
        return replace(self, values=tuple(None if value is None else finite(function, value) for value in self.values))


Scalar = float  # NaN where it cannot be computed, such as a division by zero: a series computed from it has no values
Value = Scalar | Series | tuple[Series, ...]


def finite(function: Callable[..., float], *arguments: float) -> float | None:
    """The function's result; None where it has none, or none that is finite ("the data point is dropped")."""
    try:
        result = function(*arguments)
    except (ArithmeticError, ValueError):
        return None
    return float(result) if not isinstance(result, complex) and math.isfinite(result) else None


_OPERATIONS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&&": lambda left, right: float(bool(left) and bool(right)),
    "||": lambda left, right: float(bool(left) or bool(right)),
}
ARITHMETIC: Final = ("+", "-", "*", "/", "^")


def operation_kind(symbol: str, left: Kind, right: Kind) -> Kind:
    """The type of a binary operation's result. Raises InvalidInput for operands that CloudWatch documents no result for."""
    allowed = (Kind.SCALAR, Kind.SERIES, Kind.ARRAY) if symbol in ARITHMETIC else (Kind.SCALAR, Kind.SERIES)
    for kind in (left, right):
        if kind not in allowed:
            raise InvalidInput(f"operator '{symbol}' does not take {kind}")
    return Kind.ARRAY if Kind.ARRAY in (left, right) else Kind.SERIES if Kind.SERIES in (left, right) else Kind.SCALAR


def operate(symbol: str, left: Value, right: Value) -> Value:
    """Apply a binary operator. Arrays are combined member by member, and with a scalar or a series each member."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        if len(left) != len(right):
            raise InvalidInput(f"operator '{symbol}' combines arrays of {len(left)} and {len(right)} time series")
        return tuple(_pointwise(symbol, *pair) for pair in zip(left, right, strict=True))
    if isinstance(left, tuple):
        return tuple(_pointwise(symbol, member, _single(right)) for member in left)
    if isinstance(right, tuple):
        return tuple(replace(_pointwise(symbol, _single(left), member), label=member.label) for member in right)
    if isinstance(left, Series) or isinstance(right, Series):
        return _pointwise(symbol, left, right)
    result = finite(_OPERATIONS[symbol], left, right)
    return math.nan if result is None else result


def _single(value: Value) -> float | Series:
    if isinstance(value, tuple):
        raise InvalidInput("an array of time series cannot be a member of an array")
    return value


def _pointwise(symbol: str, left: float | Series, right: float | Series) -> Series:
    """Apply an operator to each period.

    A value that is missing on one side only counts as 0; on both sides, or next to a scalar, there is no result (A200).
    """
    function = _OPERATIONS[symbol]
    if isinstance(left, Series) and isinstance(right, Series):
        values = tuple(
            None if one is None and other is None else finite(function, one or 0.0, other or 0.0)
            for one, other in zip(left.values, right.values, strict=True)
        )
        return Series(values, left.label)
    if isinstance(left, Series):
        return left.map(lambda value: function(value, right))  # type: ignore[arg-type]
    if isinstance(right, Series):
        return right.map(lambda value: function(left, value))
    raise TypeError("two scalars are no time series")

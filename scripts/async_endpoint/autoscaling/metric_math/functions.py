"""The functions of metric math: each with the types of its arguments and its result."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple

from async_endpoint.autoscaling.metric_math.values import Grid, Kind, Series, Value, finite
from async_endpoint.core.errors import InvalidInput

UNSUPPORTED: Final[Mapping[str, str]] = {
    "ANOMALY_DETECTION_BAND": "it needs an anomaly detection model",
    "DB_PERF_INSIGHTS": "it needs Performance Insights",
    "INSIGHT_RULE_METRIC": "it needs Contributor Insights",
    "LAMBDA": "it needs a Lambda data source",
    "SEARCH": "name the metrics instead",
    "SERVICE_QUOTA": "it needs usage metrics",
}
WORDS: Final = ("REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MIN", "MAX", "SUM")  # keywords; the last four of SORT

_SCALAR, _SERIES, _ARRAY, _WORD, _TEXT = Kind.SCALAR, Kind.SERIES, Kind.ARRAY, Kind.WORD, Kind.TEXT


class Arguments(NamedTuple):
    """What a function is evaluated with: values, and keywords as strings, over one grid."""

    values: Sequence[Any]
    grid: Grid


@dataclass(frozen=True)
class Function:
    """`signatures` maps types of arguments to the type of the result."""

    signatures: Mapping[tuple[Kind, ...], Kind]
    evaluate: Callable[[Arguments], Value]

    def result(self, name: str, kinds: Sequence[Kind]) -> Kind:
        """The type of the result. Raises InvalidInput for arguments that the function does not take."""
        found = self.signatures.get(tuple(kinds))
        if found is None:
            given = " and ".join(kinds) or "no argument"
            raise InvalidInput(f"function '{name}' does not take {given}")
        return found


def _each(transform: Callable[[Series], Series]) -> Function:
    """A function of a series, applied to each member of an array."""

    def evaluate(arguments: Arguments) -> Value:
        (value,) = arguments.values
        return tuple(map(transform, value)) if isinstance(value, tuple) else transform(value)

    return Function({(_SERIES,): _SERIES, (_ARRAY,): _ARRAY}, evaluate)


def _pointwise(function: Callable[[float], float]) -> Function:
    return _each(lambda series: series.map(function))


def _reduce(reduce: Callable[[list[float], int], float]) -> Function:
    """A scalar from a series; a series from an array. `reduce` gets the known values, and the number with the missing ones."""

    def of_values(values: Iterable[float | None], size: int) -> float:
        known = [value for value in values if value is not None]
        result = finite(lambda: reduce(known, size)) if known else None
        return math.nan if result is None else result

    def evaluate(arguments: Arguments) -> Value:
        (value,) = arguments.values
        if isinstance(value, Series):
            return of_values(value.values, len(value.values))
        columns = zip(*(series.values for series in value), strict=True) if value else [()] * arguments.grid.count
        found = (of_values(column, len(value)) for column in columns)
        return Series(tuple(None if math.isnan(one) else one for one in found))

    return Function({(_SERIES,): _SCALAR, (_ARRAY,): _SERIES}, evaluate)


def _deviation(values: list[float], _: int) -> float:
    """Of the population (A202)."""
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _count(arguments: Arguments) -> Value:
    (value,) = arguments.values
    if isinstance(value, Series):
        return float(len(value.known()))
    columns = zip(*(series.values for series in value), strict=True) if value else [()] * arguments.grid.count
    return Series(tuple(float(sum(point is not None for point in column)) for column in columns))


def _changes(change: Callable[[float, float, float], float]) -> Function:
    """A function of each value, the one before it, and the seconds between them; the first value has no result."""

    def transform(series: Series, period: int) -> Series:
        values: list[float | None] = [None] * len(series.values)
        known = [(index, value) for index, value in enumerate(series.values) if value is not None]
        for (earlier, before), (index, value) in pairwise(known):
            values[index] = finite(change, value, before, float((index - earlier) * period))
        return replace(series, values=tuple(values))

    def evaluate(arguments: Arguments) -> Value:
        (value,), period = arguments.values, arguments.grid.period
        return tuple(transform(one, period) for one in value) if isinstance(value, tuple) else transform(value, period)

    return Function({(_SERIES,): _SERIES, (_ARRAY,): _ARRAY}, evaluate)


def _running_sum(series: Series) -> Series:
    total, values = 0.0, []
    for value in series.values:
        total += value or 0.0
        values.append(None if value is None else total)
    return replace(series, values=tuple(values))


def _fill(arguments: Arguments) -> Value:
    value, filler = arguments.values
    return tuple(_filled(one, filler) for one in value) if isinstance(value, tuple) else _filled(value, filler)


def _filled(series: Series, filler: float | str | Series) -> Series:
    """`series` with its missing values replaced; REPEAT and LINEAR leave those before the first, LINEAR also the last."""
    values = list(series.values)
    if isinstance(filler, Series):
        values = [other if value is None else value for value, other in zip(values, filler.values, strict=True)]
    elif isinstance(filler, float):
        values = [finite(lambda: filler) if value is None else value for value in values]
    elif filler == "REPEAT":
        for index in range(1, len(values)):
            values[index] = values[index - 1] if values[index] is None else values[index]
    else:
        known = [(index, value) for index, value in enumerate(values) if value is not None]
        for (begin, low), (end, high) in pairwise(known):
            for index in range(begin + 1, end):
                values[index] = low + (high - low) * (index - begin) / (end - begin)
    return replace(series, values=tuple(values))


def _if(arguments: Arguments) -> Value:
    """A period whose condition is false is dropped where the third argument has no value; see the tables of the guide."""
    condition, true, *rest = arguments.values
    false = rest[0] if rest else None
    values: list[float | None] = []
    for index in range(arguments.grid.count):
        tested = condition.values[index] if isinstance(condition, Series) else condition
        if tested is None or math.isnan(tested):
            values.append(None)
        elif tested:
            value = _at(true, index)
            values.append(0.0 if value is None and isinstance(condition, Series) and isinstance(true, Series) else value)
        else:
            values.append(_at(false, index))
    labelled = next((value for value in (true, false, condition) if isinstance(value, Series)), None)
    return Series(tuple(values), labelled.label if labelled else "")


def _at(value: float | Series | None, index: int) -> float | None:
    if isinstance(value, Series):
        return value.values[index]
    return None if value is None or math.isnan(value) else value


def _calendar(part: Callable[[datetime], float]) -> Function:
    def evaluate(arguments: Arguments) -> Value:
        series: Series = arguments.values[0]
        times = arguments.grid.times()
        return replace(series, values=tuple(float(part(datetime.fromtimestamp(time, UTC))) for time in times))

    return Function({(_SERIES,): _SERIES}, evaluate)


def _sort(arguments: Arguments) -> Value:
    value, by, order, *limit = arguments.values
    keyed = [(FUNCTIONS[by].evaluate(Arguments((series,), arguments.grid)), series) for series in value]
    known = [pair for pair in keyed if not math.isnan(pair[0])]  # type: ignore[arg-type]
    known.sort(key=lambda pair: pair[0], reverse=order == "DESC")  # type: ignore[arg-type, return-value]
    series = [one for _, one in known] + [one for key, one in keyed if math.isnan(key)]  # type: ignore[arg-type]
    return tuple(series[: _index(limit[0])] if limit else series)


def _slice(arguments: Arguments) -> Value:
    value, *bounds = arguments.values
    return tuple(value[slice(*map(_index, bounds))] if len(bounds) == 2 else value[_index(bounds[0]) :])


def _index(number: float) -> int:
    if math.isnan(number) or number < 0:
        raise InvalidInput(f"{number:g} is no position in an array")
    return int(number)


def _edge(index: int) -> Function:
    def evaluate(arguments: Arguments) -> Value:
        (value,) = arguments.values
        series: tuple[Series, ...] = value
        return series[index] if series else Series((None,) * arguments.grid.count)

    return Function({(_ARRAY,): _SERIES}, evaluate)


def _time_series(arguments: Arguments) -> Value:
    return Series((_at(arguments.values[0], 0),) * arguments.grid.count)


_OPERANDS: Final = (_SCALAR, _SERIES)
FUNCTIONS: Final[Mapping[str, Function]] = {
    "ABS": _pointwise(abs),
    "CEIL": _pointwise(math.ceil),
    "FLOOR": _pointwise(math.floor),
    "LOG": _pointwise(math.log),
    "LOG10": _pointwise(math.log10),
    "AVG": _reduce(lambda values, size: math.fsum(values) / size),  # "Missing values are treated as 0"
    "MAX": _reduce(lambda values, _: max(values)),
    "MIN": _reduce(lambda values, _: min(values)),
    "SUM": _reduce(lambda values, _: math.fsum(values)),
    "STDDEV": _reduce(_deviation),
    "DATAPOINT_COUNT": Function({(_SERIES,): _SCALAR, (_ARRAY,): _SERIES}, _count),
    "DIFF": _changes(lambda value, before, _: value - before),
    "DIFF_TIME": _changes(lambda _, __, seconds: seconds),
    "RATE": _changes(lambda value, before, seconds: (value - before) / seconds),
    "RUNNING_SUM": _each(_running_sum),
    "FILL": Function(
        {(kind, filler): kind for kind in (_SERIES, _ARRAY) for filler in (_SCALAR, _SERIES, _WORD)},
        _fill,
    ),
    "FIRST": _edge(0),
    "LAST": _edge(-1),
    "IF": Function(
        {
            (one, two, *three): _SERIES
            for one in _OPERANDS
            for two in _OPERANDS
            for three in ((), (_SCALAR,), (_SERIES,))
            if _SERIES in (one, two, *three)
        },
        _if,
    ),
    "METRIC_COUNT": Function({(_ARRAY,): _SCALAR}, lambda arguments: float(len(arguments.values[0]))),
    "REMOVE_EMPTY": Function({(_ARRAY,): _ARRAY}, lambda arguments: tuple(one for one in arguments.values[0] if one.known())),
    "SLICE": Function({(_ARRAY, _SCALAR): _ARRAY, (_ARRAY, _SCALAR, _SCALAR): _ARRAY}, _slice),
    "SORT": Function({(_ARRAY, _WORD, _WORD): _ARRAY, (_ARRAY, _WORD, _WORD, _SCALAR): _ARRAY}, _sort),
    "TIME_SERIES": Function({(_SCALAR,): _SERIES}, _time_series),
    "MINUTE": _calendar(lambda time: time.minute),
    "HOUR": _calendar(lambda time: time.hour),
    "DAY": _calendar(lambda time: time.isoweekday()),  # 1 is Monday
    "DATE": _calendar(lambda time: time.day),
    "MONTH": _calendar(lambda time: time.month),
    "YEAR": _calendar(lambda time: time.year),
    "EPOCH": _calendar(lambda time: time.timestamp()),
}
_KEYWORDS: Final = {
    "FILL": ((), ("REPEAT", "LINEAR")),
    "SORT": ((), ("AVG", "MIN", "MAX", "SUM"), ("ASC", "DESC")),
}


def check_keywords(function: str, words: Sequence[str | None]) -> None:
    """Check the keywords among a function's arguments, None for other arguments; raises InvalidInput."""
    allowed = _KEYWORDS.get(function, ())
    for index, word in enumerate(words):
        choices = allowed[index] if index < len(allowed) else ()
        if word is not None and word not in choices:
            use = f"; use one of {', '.join(choices)}" if choices else ""
            raise InvalidInput(f"argument {index + 1} of function '{function}' is {word}{use}")

"""Types and values of the nodes of an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from async_endpoint.autoscaling.metric_math.functions import FUNCTIONS, UNSUPPORTED, WORDS, Arguments, check_keywords
from async_endpoint.autoscaling.metric_math.syntax import Array, Call, Name, Negation, Node, Number, Operation, Text
from async_endpoint.autoscaling.metric_math.values import Grid, Kind, Series, Value, operate, operation_kind
from async_endpoint.core.errors import InvalidInput


class Scope(NamedTuple):
    """What an expression can name: the types of all queries by id, and which of them are metrics."""

    kinds: Mapping[str, Kind]
    metrics: Sequence[str]

    def metrics_with(self, text: str) -> list[str]:
        """The ids of metrics that contain `text`."""
        return [name for name in self.metrics if text in name]


def kind_of(node: Node, scope: Scope) -> Kind:
    """The type of a node. Raises InvalidInput for what CloudWatch, or the local AWS, cannot evaluate."""
    match node:
        case Number() | Text():
            return Kind.SCALAR if isinstance(node, Number) else Kind.TEXT
        case Name(name):
            return _name_kind(name, scope)
        case Negation(operand):
            return operation_kind("-", Kind.SCALAR, kind_of(operand, scope))
        case Operation(symbol, left, right):
            return operation_kind(symbol, kind_of(left, scope), kind_of(right, scope))
        case Array(members):
            return _array_kind([kind_of(member, scope) for member in members])
        case Call(function, arguments):
            return _call_kind(function, arguments, scope)


def _name_kind(name: str, scope: Scope) -> Kind:
    if name in scope.kinds:
        return scope.kinds[name]
    if name in WORDS:
        return Kind.WORD
    raise InvalidInput(f"unknown id '{name}'")


def _array_kind(kinds: Sequence[Kind]) -> Kind:
    """The type of [a, b]; arrays among the members are joined, as in [METRICS("4xx"), METRICS("5xx")]."""
    for kind in kinds:
        if kind not in (Kind.SERIES, Kind.ARRAY):
            raise InvalidInput(f"an array does not take {kind}")
    if not kinds:
        raise InvalidInput("an array needs at least one time series")
    return Kind.ARRAY


def _call_kind(function: str, arguments: Sequence[Node], scope: Scope) -> Kind:
    if function in UNSUPPORTED:
        raise InvalidInput(f"Unsupported function '{function}': the local AWS does not have it; {UNSUPPORTED[function]}")
    kinds = [kind_of(argument, scope) for argument in arguments]
    if function == "METRICS":
        if kinds not in ([], [Kind.TEXT]):
            raise InvalidInput("function 'METRICS' takes nothing, or a string")
        return Kind.ARRAY
    if function == "PERIOD":  # "Valid input is metrics, not the results of other expressions"
        if len(arguments) != 1 or not isinstance(arguments[0], Name) or arguments[0].name not in scope.metrics:
            raise InvalidInput("function 'PERIOD' takes the id of a metric")
        return Kind.SCALAR
    if function not in FUNCTIONS:
        raise InvalidInput(f"Unknown function '{function}'")
    check_keywords(
        function,
        [argument.name if isinstance(argument, Name) and kind is Kind.WORD else None
         for argument, kind in zip(arguments, kinds, strict=True)],
    )  # fmt: skip
    return FUNCTIONS[function].result(function, kinds)


class Evaluation(NamedTuple):
    """Evaluates nodes over one grid; `value` returns the value of a query by its id."""

    scope: Scope
    grid: Grid
    value: Callable[[str], Value]

    def of(self, node: Node) -> Value:
        """The value of a node that `kind_of` accepts."""
        match node:
            case Number(number):
                return number
            case Name(name):
                return self.value(name)
            case Negation(operand):
                return operate("*", -1.0, self.of(operand))
            case Operation(symbol, left, right):
                return operate(symbol, self.of(left), self.of(right))
            case Array(members):
                return _joined([self.of(member) for member in members])
            case Call(function, arguments):
                return self._call(function, arguments)
            case Text():
                raise InvalidInput("a string is no value")

    def _call(self, function: str, arguments: Sequence[Node]) -> Value:
        if function == "METRICS":
            text = arguments[0].value if arguments and isinstance(arguments[0], Text) else ""
            return _joined([self.value(name) for name in self.scope.metrics_with(text)])
        if function == "PERIOD":
            return float(self.grid.period)
        return FUNCTIONS[function].evaluate(Arguments([self._argument(argument) for argument in arguments], self.grid))

    def _argument(self, node: Node) -> Any:
        if isinstance(node, Name) and node.name not in self.scope.kinds:
            return node.name  # a keyword
        return self.of(node)


def _joined(values: Sequence[Value]) -> tuple[Series, ...]:
    joined: list[Series] = []
    for value in values:
        joined += value if isinstance(value, tuple) else [value]  # type: ignore[list-item]
    return tuple(joined)

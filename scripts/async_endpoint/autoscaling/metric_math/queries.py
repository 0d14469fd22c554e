"""MetricDataQuery structures: metrics and expressions that name each other by id.

Sources: API reference, MetricDataQuery and MetricStat; the service model's limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from async_endpoint.autoscaling.metric_math.evaluation import Evaluation, Scope, kind_of
from async_endpoint.autoscaling.metric_math.syntax import Call, Node, Text, names, parse, walk
from async_endpoint.autoscaling.metric_math.values import Grid, Kind, Series, Value
from async_endpoint.autoscaling.statistics import MetricId, is_statistic
from async_endpoint.core.errors import InvalidInput

HIGH_RESOLUTION_PERIODS: Final = (1, 5, 10, 20, 30)
MAX_ALARM_METRICS: Final = 10  # and as many expressions (CloudFormation, MetricDataQuery)
_ID: Final = re.compile(r"[a-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class MetricQuery:
    """A statistic of a metric by period (seconds); `unit` None means any."""

    metric: MetricId
    period: int
    statistic: str
    unit: str | None = None


@dataclass(frozen=True)
class Expression:
    """A math expression; `period` (seconds) only where it names no metric."""

    text: str
    period: int | None = None


@dataclass(frozen=True)
class Query:
    """One MetricDataQuery; `returned` is its ReturnData."""

    id: str
    source: MetricQuery | Expression
    label: str | None = None
    returned: bool = True


Fetch = Callable[[MetricQuery, Grid], tuple[float | None, ...]]


@dataclass(frozen=True)
class Queries:
    """Queries of one request, with unique ids. Raises InvalidInput for an expression that cannot be evaluated."""

    all: tuple[Query, ...]

    def __post_init__(self) -> None:
        for query in self.all:
            self.period_of(query.id)

    @cached_property
    def by_id(self) -> dict[str, Query]:
        return {query.id: query for query in self.all}

    @cached_property
    def scope(self) -> Scope:
        """The types of all queries. Raises InvalidInput, naming the expression at fault."""
        kinds: dict[str, Kind] = {}
        metrics = [query.id for query in self.all if isinstance(query.source, MetricQuery)]
        for name in self._in_order():
            source = self.by_id[name].source
            if isinstance(source, MetricQuery):
                kinds[name] = Kind.SERIES
                continue
            with _Naming(name):
                kinds[name] = kind_of(parse(source.text), Scope(kinds, metrics))
                if kinds[name] not in (Kind.SERIES, Kind.ARRAY):
                    raise InvalidInput(f"its result is {kinds[name]}, and must be a time series or an array of them")
        return Scope(kinds, metrics)

    def period_of(self, name: str) -> int:
        """The period of a query (seconds): of the metrics that it depends on (A201). Raises InvalidInput for several."""
        source = self.by_id[name].source
        if isinstance(source, MetricQuery):
            return source.period
        assert self.scope  # the expression is valid
        with _Naming(name):
            periods = {self.period_of(other) for other in self._named(parse(source.text))}
            periods |= {source.period} - {None}  # type: ignore[arg-type]
            if len(periods) > 1:
                found = " and ".join(map(str, sorted(periods)))
                raise InvalidInput(f"it combines periods of {found} seconds; the local AWS combines metrics of one period")
            if not periods:
                raise InvalidInput("Period must not be null, as it names no metric")
            return periods.pop()

    def evaluate(self, name: str, grid: Grid, fetch: Fetch) -> Value:
        """The value of a query over `grid`, whose period is that of the query. `fetch` returns a metric's values."""
        values: dict[str, Value] = {}

        def value(other: str) -> Value:
            if other not in values:
                query = self.by_id[other]
                if isinstance(query.source, MetricQuery):
                    values[other] = Series(fetch(query.source, grid), query.label or query.source.metric.name)
                else:
                    values[other] = Evaluation(self.scope, grid, value).of(parse(query.source.text))
            return values[other]

        with _Naming(name):
            return value(name)

    @property
    def returned(self) -> list[Query]:
        """The queries whose results are returned, of which an alarm has one."""
        return [query for query in self.all if query.returned]

    def check_alarm(self) -> None:
        """Check the Metrics of an alarm: one series is returned, of at most 10 metrics and 10 expressions.

        Raises InvalidInput. The first message is quoted in terraform-provider-aws 29894.
        """
        if len(self.returned) != 1:
            raise InvalidInput("Exactly one element of the metrics list should return data.")
        metrics = sum(isinstance(query.source, MetricQuery) for query in self.all)
        if metrics > MAX_ALARM_METRICS or len(self.all) - metrics > MAX_ALARM_METRICS:
            raise InvalidInput(
                f"The metrics list has {metrics} metrics and {len(self.all) - metrics} expressions; "
                f"an alarm can have up to {MAX_ALARM_METRICS} of each."
            )
        (watched,) = self.returned
        if self.scope.kinds[watched.id] is not Kind.SERIES:
            raise InvalidInput(
                f"Error in expression '{watched.id}': an alarm can watch a single time series, not an array of them"
            )
        # A trial without data, for faults that types do not show, such as arrays of different sizes.
        self.evaluate(watched.id, Grid(0, self.period_of(watched.id), 3), lambda _, grid: (None,) * grid.count)

    def _named(self, node: Node) -> list[str]:
        """The ids of the queries that a node depends on, those of METRICS() included."""
        found = [name for name in names(node) if name in self.by_id]
        for call in walk(node):
            if isinstance(call, Call) and call.function == "METRICS":
                text = call.arguments[0].value if call.arguments and isinstance(call.arguments[0], Text) else ""
                found += [q.id for q in self.all if isinstance(q.source, MetricQuery) and text in q.id]
        return list(dict.fromkeys(found))

    def _in_order(self) -> list[str]:
        """The ids, each after those that it depends on. Raises InvalidInput for a cycle."""
        ordered: list[str] = []
        path: list[str] = []

        def visit(name: str) -> None:
            if name in ordered:
                return
            if name in path:
                raise InvalidInput(f"Error in expression '{name}': it depends on itself, by {' and '.join([*path, name])}")
            path.append(name)
            source = self.by_id[name].source
            if isinstance(source, Expression):
                with _Naming(name):
                    others = self._named(parse(source.text))
                for other in others:
                    visit(other)
            path.pop()
            ordered.append(name)

        for query in self.all:
            visit(query.id)
        return ordered


def parse_queries(structures: Sequence[Mapping[str, Any]], where: str) -> Queries:
    """Queries from MetricDataQuery structures; `where` names the parameter in errors. Raises InvalidInput."""
    found: list[Query] = []
    for number, structure in enumerate(structures, 1):
        member = f"{where}.member.{number}"
        query = _parse_query(structure, member)
        if query.id in [other.id for other in found]:
            raise InvalidInput(f"The values for parameter Id in {where} are not unique: {query.id}.")
        found.append(query)
    return Queries(tuple(found))


def _parse_query(structure: Mapping[str, Any], member: str) -> Query:
    name, stat, text = str(structure.get("Id") or ""), structure.get("MetricStat"), structure.get("Expression")
    if not _ID.fullmatch(name):
        raise InvalidInput(
            f"The value {name} for parameter {member}.Id is invalid: it must start with a lowercase letter, and have letters, "
            "numbers and underscores only."
        )
    if stat and text:
        raise InvalidInput(f"The parameters {member}.Expression and {member}.MetricStat are mutually exclusive.")
    if not stat and not text:
        raise InvalidInput(f"The parameter {member}.MetricStat is required.\n")
    returned = structure.get("ReturnData")
    source = _parse_stat(stat, f"{member}.MetricStat") if stat else _parse_expression(str(text), structure, member)
    return Query(name, source, structure.get("Label"), True if returned is None else bool(returned))


def _parse_expression(text: str, structure: Mapping[str, Any], member: str) -> Expression:
    period = structure.get("Period")
    return Expression(text, None if period is None else check_period(int(period), f"{member}.Period"))


def _parse_stat(stat: Mapping[str, Any], member: str) -> MetricQuery:
    metric = stat.get("Metric") or {}
    for name, value in (
        ("Metric.MetricName", metric.get("MetricName")),
        ("Period", stat.get("Period")),
        ("Stat", stat.get("Stat")),
    ):
        if not value:
            raise InvalidInput(f"The parameter {member}.{name} is required.")
    statistic = str(stat["Stat"])
    if not is_statistic(statistic):
        raise InvalidInput(
            f"The value {statistic} for parameter {member}.Stat is not supported by the local AWS; use Average, Sum, Minimum, "
            "Maximum, SampleCount or p0 to p100."
        )
    metric_id = MetricId.of(str(metric.get("Namespace") or ""), metric["MetricName"], metric.get("Dimensions") or ())
    return MetricQuery(metric_id, check_period(int(stat["Period"]), f"{member}.Period"), statistic, stat.get("Unit") or None)


def check_period(period: int, name: str) -> int:
    """`period` (seconds); raises InvalidInput unless it is 1, 5, 10, 20, 30 or a multiple of 60."""
    if period not in HIGH_RESOLUTION_PERIODS and (period < 60 or period % 60):
        raise InvalidInput(f"The value {period} for parameter {name} must be 1, 5, 10, 20, 30 or a multiple of 60.")
    return period


class _Naming:
    """Names the expression in the errors of the context, once."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InvalidInput) and not str(error).startswith("Error in expression"):
            raise InvalidInput(f"Error in expression '{self._name}': {error}") from error

"""Metric math: the guide's tables and examples, precedence, types, missing values, and what is rejected by name."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.autoscaling.metric_math.queries import MetricQuery, Queries, parse_queries
from async_endpoint.autoscaling.metric_math.values import Grid, Series, Value
from async_endpoint.core.errors import InvalidInput

MINUTE = 60
Points = tuple[float | None, ...]


def points(drawn: str) -> Points:
    """The guide's notation: numbers, and - for a period without a value."""
    return tuple(None if mark == "-" else float(mark) for mark in drawn.split())


def metric(name: str, period: int = MINUTE, **changes: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "n", "MetricName": name}, "Period": period, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, "ReturnData": False} | changes


def queries(expression: str, *metrics: str, **more: str) -> Queries:
    """`expression` with the id `result`, over these metrics and further expressions by id."""
    expressions = {**more, "result": expression}
    return parse_queries(
        [*map(metric, metrics), *({"Id": name, "Expression": text} for name, text in expressions.items())], "Metrics"
    )


def value(expression: str, begin: float = 0.0, **series: str) -> Value:
    """The value of `expression`, where the metrics have these points."""
    count = max((len(points(drawn)) for drawn in series.values()), default=3)

    def fetch(query: MetricQuery, grid: Grid) -> Points:
        assert (grid.period, grid.count) == (query.period, count)
        return points(series[query.metric.name])

    return queries(expression, *series).evaluate("result", Grid(begin, MINUTE, count), fetch)


def drawn(expression: str, begin: float = 0.0, **series: str) -> str:
    found = value(expression, begin, **series)
    members = found if isinstance(found, tuple) else (found,)
    return " | ".join(
        " ".join("-" if point is None else f"{point:g}" for point in member.values)
        for member in members
        if isinstance(member, Series)
    )


def rejection(expression: str, *metrics: str, **more: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        queries(expression, *metrics, **more)
    return str(caught.value)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [  # user guide, "Comparison and logical operators"
        ("metric1 < metric2", "0 0 1 0"),
        ("metric1 >= 30", "1 0 0 0"),
        ("metric1 > 15 AND metric2 > 15", "1 0 0 0"),
        ("metric1 > 15 && metric2 > 15", "1 0 0 0"),
        ("metric1 > 25 OR metric2 > 15", "1 0 1 0"),
        ("metric1 > 25 || metric2 == 20", "1 0 1 0"),
        ("metric2 != 0", "1 - 1 -"),
    ],
)
def test_comparisons_and_logic_as_in_the_guide(expression: str, expected: str) -> None:
    assert drawn(expression, metric1="30 20 0 0", metric2="20 - 20 -") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [  # user guide, "Using IF expressions"
        ("IF(m1, m2, m3)", "30 0 20 - -"),
        ("IF(m1, 5, m3)", "5 5 20 - -"),
        ("IF(m1, m2, 5)", "30 0 5 5 -"),
        ("IF(m1, m2)", "30 0 - - -"),
        ("IF(1, m2, m3)", "30 - 0 0 30"),
        ("IF(0, m2, m3)", "0 0 20 - 20"),
        ("IF(0, m2)", "- - - - -"),
        ("IF(m3 < 10, 1, 2)", "1 1 2 - 2"),
    ],
)
def test_conditions_as_in_the_guide(expression: str, expected: str) -> None:
    assert drawn(expression, m1="1 1 0 0 -", m2="30 - 0 0 30", m3="0 0 20 - 20") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b * 2", "5 10 -"),
        ("(a + b) * 2", "6 12 -"),
        ("-a ^ 2", "-1 -4 -"),
        ("2 ^ 3 ^ 2 + a", "513 514 -"),
        ("a - b - 1", "-2 -3 -"),
        ("12 / b / 2", "3 1.5 -"),
        ("a / (b - 2)", "- 1 -"),  # a division by zero drops the datapoint
        ("a > 0 AND b > 5 OR a == 1", "1 0 -"),
        ("a*.5+1e1", "10.5 11 -"),
        ("m / 10", "- 1 -"),
        ("a - m", "1 -8 -"),  # missing on one side only: 0
        ("a / m", "- 0.2 -"),
        ("m / a", "0 5 -"),
        ("a * (SUM(a) / 0)", "- - -"),
    ],
)
def test_arithmetic_precedence_and_missing_values(expression: str, expected: str) -> None:
    assert drawn(expression, a="1 2 -", b="2 4 -", m="- 10 -") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("ABS(a - 3)", "2 - 0 6"),
        ("CEIL(a / 2)", "1 - 2 5"),
        ("FLOOR(a / 2)", "0 - 1 4"),
        ("LOG10(a * 0 + 100)", "2 - 2 2"),
        ("LOG(a - 1)", "- - 0.693147 2.07944"),
        ("a - AVG(a)", "-2.25 - -0.25 5.75"),  # (1 + 0 + 3 + 9) / 4
        ("a * 0 + SUM(a) / DATAPOINT_COUNT(a)", "4.33333 - 4.33333 4.33333"),
        ("a * 0 + MAX(a) - MIN(a)", "8 - 8 8"),
        ("a * 0 + STDDEV(a)", "3.39935 - 3.39935 3.39935"),
        ("DIFF(a)", "- - 2 6"),
        ("DIFF_TIME(a)", "- - 120 60"),
        ("RATE(a)", "- - 0.0166667 0.1"),
        ("RUNNING_SUM(a)", "1 - 4 13"),
        ("FILL(a, 0)", "1 0 3 9"),
        ("FILL(a, REPEAT)", "1 1 3 9"),
        ("FILL(a, LINEAR)", "1 2 3 9"),
        ("FILL(empty, 7)", "7 7 7 7"),
        ("FILL(empty, REPEAT)", "- - - -"),
        ("FILL(a, MIN(a))", "1 1 3 9"),
        ("FILL(a, empty + 1)", "1 - 3 9"),
        ("m * PERIOD(a)", "120 120 120 120"),
        ("TIME_SERIES(MAX(a)) + 0 * m", "9 9 9 9"),
        ("SUM([a, m])", "3 2 5 11"),
        ("AVG([a, m])", "1.5 1 2.5 5.5"),
        ("MIN([a, m])", "1 2 2 2"),
        ("MAX(METRICS())", "2 2 3 9"),
        ('SUM(METRICS("m"))', "2 2 2 2"),
        ("SUM([METRICS('a'), METRICS('m')])", "3 2 5 11"),
        ("m / METRIC_COUNT([a, m, empty])", "0.666667 0.666667 0.666667 0.666667"),
        ("[a, m] * 2", "2 - 6 18 | 4 4 4 4"),
        ("-[a, m] + [m, a]", "1 2 -1 -7 | -1 -2 1 7"),
        ("FIRST(SORT([a, m], SUM, DESC))", "1 - 3 9"),
        ("SORT([a, m], MAX, ASC)", "2 2 2 2 | 1 - 3 9"),
        ("SORT([a, m, empty], AVG, DESC, 1)", "1 - 3 9"),
        ("SLICE([a, m, empty], 1)", "2 2 2 2 | - - - -"),
        ("SLICE([a, m, empty], 0, 1)", "1 - 3 9"),
        ("LAST([a, m])", "2 2 2 2"),
        ("REMOVE_EMPTY([empty, m])", "2 2 2 2"),
        ("DATAPOINT_COUNT([a, m])", "2 1 2 2"),
    ],
)
def test_functions(expression: str, expected: str) -> None:
    assert drawn(expression, a="1 - 3 9", m="2 2 2 2", empty="- - - -") == expected


def test_calendar_functions_are_of_utc_and_have_a_value_for_each_period() -> None:
    begin = 1_764_547_140.0  # 2025-11-30T23:59Z, a Sunday
    wanted = {
        "MINUTE": "59 0",
        "HOUR": "23 0",
        "DAY": "7 1",
        "DATE": "30 1",
        "MONTH": "11 12",
        "YEAR": "2025 2025",
        "EPOCH": "1.76455e+09 1.76455e+09",
    }
    assert {name: drawn(f"{name}(m)", begin, m="- 5") for name in wanted} == wanted
    assert drawn("IF(DAY(m) < 6, m)", begin, m="4 5") == "- 5"


def test_the_wake_expression_of_a_public_module() -> None:
    expression = "ABS(backlog>=1) AND (FILL(cpu,0)==0)"
    assert drawn(expression, backlog="0 1 3", cpu="- - -") == "0 1 1"
    assert drawn(expression, backlog="0 1 3", cpu="50 - 50") == "0 1 0"


def test_expressions_build_on_each_other() -> None:
    found = queries("e1 / 2", "m", e1="e2 + 1", e2="m * 2").evaluate("result", Grid(0, MINUTE, 2), lambda *_: (1.0, None))
    assert found == Series((1.5, None), "m")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("SEARCH('{n} m', 'Sum', 60)", "Unsupported function 'SEARCH'"),
        ("ANOMALY_DETECTION_BAND(m, 2)", "Unsupported function 'ANOMALY_DETECTION_BAND'"),
        ("m + INSIGHT_RULE_METRIC('r', 'Sum')", "Unsupported function 'INSIGHT_RULE_METRIC'"),
        ("SERVICE_QUOTA(m)", "Unsupported function 'SERVICE_QUOTA'"),
        ("SELECT AVG(CPUUtilization) FROM n", "Metrics Insights"),
        ("MEDIAN(m)", "Unknown function 'MEDIAN'"),
        ("abs(m)", "Unknown function 'abs'"),
        ("m + other", "unknown id 'other'"),
        ("m +", "unexpected end of the expression at character 4"),
        ("m $ 2", "unexpected '$' at character 3"),
        ("(m", "expected ')'"),
        ("m m", "unexpected 'm' at character 3"),
        ("", "is required"),
        ("5", "its result is a scalar"),
        ("AVG(m)", "its result is a scalar"),
        ("ABS(5) + m", "function 'ABS' does not take a scalar"),
        ("FILL(m, ZERO)", "unknown id 'ZERO'"),
        ("FILL(m, ASC)", "argument 2 of function 'FILL' is ASC; use one of REPEAT, LINEAR"),
        ("METRICS() > 5", "operator '>' does not take an array"),
        ("IF(METRICS(), 1, 0)", "function 'IF' does not take an array of time series and a scalar and a scalar"),
        ("FIRST(m)", "function 'FIRST' does not take a time series"),
        ("PERIOD(m + 1) * m", "'PERIOD' takes the id of a metric"),
        ("[m, 5]", "an array does not take a scalar"),
        ("METRICS(m)", "takes nothing, or a string"),
        ("NOT m", "unexpected 'm'"),
        ("result + m", "it depends on itself"),
        ("(" * 60 + "m" + ")" * 60, "nested"),
    ],
)
def test_what_cannot_be_evaluated_is_rejected_by_name(expression: str, expected: str) -> None:
    assert expected in rejection(expression, "m")


def test_errors_name_the_expression_once() -> None:
    assert rejection("e1 * 2", "m", e1="m +").count("Error in expression") == 1
    assert rejection("e1 * 2", "m", e1="m +").startswith("Error in expression 'e1': ")
    assert "it depends on itself, by e1 and result and e1" in rejection("e1", "m", e1="result + m")


def test_periods_are_those_of_the_metrics() -> None:
    mixed = [metric("fast", 60), metric("slow", 300), {"Id": "result", "Expression": "fast + slow"}]
    with pytest.raises(InvalidInput, match="combines periods of 60 and 300 seconds"):
        parse_queries(mixed, "Metrics")
    with pytest.raises(InvalidInput, match="combines periods of 60 and 300 seconds"):
        parse_queries([*mixed[:2], {"Id": "result", "Expression": "SUM(METRICS())"}], "Metrics")
    with pytest.raises(InvalidInput, match="Period must not be null"):
        parse_queries([{"Id": "result", "Expression": "TIME_SERIES(1)"}], "Metrics")
    constant = parse_queries([{"Id": "result", "Expression": "TIME_SERIES(1)", "Period": 300}], "Metrics")
    assert constant.period_of("result") == 300
    with pytest.raises(InvalidInput, match="must be 1, 5, 10, 20, 30 or a multiple of 60"):
        parse_queries([metric("m", 90)], "Metrics")


def test_structures_are_checked() -> None:
    for structure, expected in (
        (metric("M1"), "Metrics.member.1.Id is invalid"),
        ({"Id": "m"}, "Metrics.member.1.MetricStat is required"),
        (metric("m", Expression="m2"), "mutually exclusive"),
        ({"Id": "m", "MetricStat": {"Metric": {"MetricName": "m"}, "Period": 60, "Stat": "tm90"}}, "tm90"),
        ({"Id": "m", "MetricStat": {"Metric": {"MetricName": "m"}, "Stat": "Sum"}}, "Period is required"),
    ):
        with pytest.raises(InvalidInput) as caught:
            parse_queries([structure], "Metrics")
        assert expected in str(caught.value)
    with pytest.raises(InvalidInput, match="not unique: m"):
        parse_queries([metric("m"), metric("m")], "Metrics")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("SUM([m, m] / [m])", "combines arrays of 2 and 1 time series"),
        ("SUM(SLICE([m], 0 - 1))", "-1 is no position in an array"),
        ("SUM(SLICE([m], 1 / 0))", "nan is no position in an array"),
    ],
)
def test_an_alarm_whose_evaluation_would_fail_is_refused(expression: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_queries([metric("m"), {"Id": "result", "Expression": expression}], "Metrics").check_alarm()
    assert message in str(caught.value)

"""Traces: CSV of requests, formulas over their columns, and messages that name line and column."""

from __future__ import annotations

import pytest

from async_endpoint.capacity.arrivals.formula import is_formula, parse_formula
from async_endpoint.capacity.arrivals.trace import EPOCH, parse_trace
from async_endpoint.core.errors import InvalidInput


def test_seconds_count_from_a_monday_and_need_not_be_in_order() -> None:
    trace = parse_trace(["seconds,tokens,note", "5,30,a", "", "0,10,b"], "t.csv")
    assert list(trace.times) == [EPOCH, EPOCH + 5]
    assert list(trace.columns["tokens"]) == [10, 30]
    assert "note" not in trace.columns, "it has no numbers"
    assert trace.covered == (EPOCH, EPOCH + 60)
    assert trace.service is None


@pytest.mark.parametrize("text", ["2026-11-30T14:00:00Z", "2026-11-30T15:00:00+01:00", "2026-11-30T14:00:00"])
def test_timestamps_with_any_offset_and_in_utc_without_one(text: str) -> None:
    trace = parse_trace(["Timestamp, service_seconds", f"{text}, 2.5"], "t.csv")
    assert list(trace.times) == [1_796_047_200.0]
    assert trace.service is not None
    assert list(trace.service) == [2.5]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "its first line must name seconds or timestamp"),
        (["time,tokens", "1,2"], "has the columns time, tokens; its first line must name"),
        (["seconds;tokens", "1;2"], "name seconds or timestamp, and not both. Commas separate columns."),
        (["seconds,timestamp"], "and not both"),
        (["seconds,a,a"], "two columns 'a'"),
        (["seconds"], "has no request"),
        (["seconds,a", "0,1", "1"], "Line 3 of t.csv has 1 columns and the first line 2"),
        (["seconds", "0", "x"], "Line 3 of t.csv, column seconds, has 'x'; give a number of seconds"),
        (["seconds", "-1"], "Line 2 of t.csv, column seconds"),
        (["seconds", "1796047200000"], "column seconds, has '1796047200000'; give a number of seconds since the first"),
        (["seconds", "1e300"], "not milliseconds, and no date"),
        (["seconds", "31622401"], "0 to 31,622,400 (366 days)"),
        (["timestamp", "9999-01-01T00:00:00Z"], "an ISO 8601 time from 1970 to 9998"),
        (["timestamp", "0001-01-01T00:00:00+23:00"], "an ISO 8601 time from 1970 to 9998"),
        (["seconds,a", f"1,{'x' * 200_000}"], "t.csv is not CSV in UTF-8 (field larger than field limit"),
        (["seconds", "nan"], "Line 2 of t.csv, column seconds"),
        (["timestamp", "yesterday"], "Line 2 of t.csv, column timestamp, has 'yesterday'; give an ISO 8601 time"),
        (["seconds,service_seconds", "1,0"], "column service_seconds, has '0'; give seconds above zero"),
        (["seconds,service_seconds", "1,"], "column service_seconds, has ''"),
    ],
)
def test_a_wrong_line_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_trace(lines, "t.csv")
    assert message in str(error.value)


def test_a_formula_is_linear_in_columns() -> None:
    formula = parse_formula("0.2 + 1e-3*Context - tokens*0.5 + tokens")
    columns = {"context": [100.0, 200.0], "tokens": [2.0, 4.0]}
    assert list(formula.seconds(columns, 2, "t.csv")) == pytest.approx([0.2 + 0.1 + 1, 0.2 + 0.2 + 2])
    with pytest.raises(InvalidInput, match=r"names context, and t\.csv has these columns of numbers: tokens"):
        formula.seconds({"tokens": [1.0]}, 1, "t.csv")
    with pytest.raises(InvalidInput, match="is -1 seconds for a request"):
        parse_formula("1-tokens").seconds({"tokens": [2.0]}, 1, "t.csv")


@pytest.mark.parametrize("text", ["", "2 3", "a**2", "a*b", "1+", "(a)", "a/2", "1e999*a"])
def test_other_formulas_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="service time"):
        parse_formula(text)


@pytest.mark.parametrize(
    ("text", "formula"),
    [("12", False), ("1e-3", False), ("2.5e+1", False), ("a", True), ("1+2*a", True), ("sample:1,2", False)],
)
def test_a_formula_names_a_column(text: str, formula: bool) -> None:
    assert is_formula(text) is formula

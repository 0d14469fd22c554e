"""Rules of composite alarms: the guide's examples, precedence against Python's own, limits, and what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from async_endpoint.autoscaling.alarms import AlarmState
from async_endpoint.autoscaling.composite_rules import MAX_CHILDREN, children, holds, parse_rule
from async_endpoint.core.errors import InvalidInput

OK, ALARM, INSUFFICIENT = AlarmState.OK, AlarmState.ALARM, AlarmState.INSUFFICIENT_DATA


def true(rule: str, states: Mapping[str, AlarmState] | None = None) -> bool:
    return holds(parse_rule(rule), (states or {}).__getitem__)


STATES = {"CPU": ALARM, "Disk": OK, "Network": INSUFFICIENT, "a b": ALARM, "arn:aws:cloudwatch:r:1:alarm:x": ALARM}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ALARM(CPU) AND ALARM(Disk)", False),
        ("ALARM(CPU) AND NOT ALARM(Disk)", True),
        ("(ALARM(CPU) OR ALARM(Disk)) AND OK(Network)", False),
        ("(ALARM(CPU) OR ALARM(Disk)) AND\n  INSUFFICIENT_DATA(Network)", True),
        ('ALARM("CPU")', True),
        ('OK( "a b" )', False),
        ("ALARM(a b)", True),
        ('ALARM("arn:aws:cloudwatch:r:1:alarm:x")', True),
        ("TRUE", True),
        ("False", False),
        ("NOT NOT TRUE", True),
        ("NOT FALSE AND FALSE", False),
        ("TRUE OR FALSE AND FALSE", True),
        ("((FALSE))OR(TRUE)", True),
    ],
)
def test_rules(rule: str, expected: bool) -> None:
    assert true(rule, STATES) is expected


def test_the_alarms_of_a_rule() -> None:
    assert children(parse_rule('ALARM(b) OR NOT (OK("a") AND ALARM(b)) OR TRUE')) == ["b", "a"]


RULES = st.recursive(
    st.sampled_from(["TRUE", "FALSE"]),
    lambda rule: st.one_of(
        rule.map(lambda inner: f"({inner})"),
        rule.map(lambda inner: f"NOT ({inner})"),
        st.tuples(rule, st.sampled_from(["AND", "OR"]), rule).map(" ".join),
    ),
    max_leaves=20,
)


@given(RULES)
def test_the_precedence_is_that_of_python(rule: str) -> None:
    words = {"TRUE": "True", "FALSE": "False", "AND": "and", "OR": "or", "NOT": "not"}
    python = rule
    for word, other in words.items():
        python = python.replace(word, other)
    assert true(rule) is eval(python)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("()", "Unsupported token ')' at char 1"),  # quoted in aws-cdk 34662
        ("", "Unsupported end of the rule at char 0"),
        ("ALARM(a) AND", "Unsupported end of the rule at char 12"),
        ("ALARM(a) ALARM(b)", "Unsupported token 'ALARM' at char 9"),
        ("ALARM(a) XOR ALARM(b)", "Unsupported token 'XOR' at char 9"),
        ("ALARM()", "Unsupported token 'ALARM' at char 0"),
        ("alarm(a)", "Unsupported token 'alarm' at char 0"),
        ("(TRUE", "Unsupported end of the rule at char 5"),
        ("TRUE AND and FALSE", "Unsupported token 'and' at char 9"),
        ("AT_LEAST(2, ALARM, (a, b))", "Unsupported token 'AT_LEAST' at char 0"),
        (" OR ".join(f"ALARM(a{number})" for number in range(MAX_CHILDREN + 1)), "it names 101 alarms"),
        (" OR ".join(["TRUE"] * 501), "it has 501 elements"),
        ("(" * 101 + "TRUE" + ")" * 101, "nested"),
        ("TRUE" + " " * 10_240, "at most 10240"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_position(rule: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_rule(rule)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("Error in AlarmRule [")

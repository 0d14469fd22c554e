"""The evaluator of expressions, against GitHub's documentation: a test that runs workflows is as good as it."""

from __future__ import annotations

from typing import Any

import pytest

from support.workflow_expressions import Contexts, UnknownSyntax

VALUES = {
    "github": {
        "event_name": "push",
        "event": {"pull_request": {"labels": [{"name": "bug"}, {"name": "allow"}], "number": 7.0}},
    },
    "needs": {"changed": {"outputs": {"environments": '["dev"]', "empty": ""}}},
    "vars": {"ENVIRONMENTS": '{"dev": {"region": "eu-west-1"}}'},
    "matrix": {"environment": "dev"},
}


def contexts(*, success: bool = True) -> Contexts:
    status = {"success": success, "failure": not success, "always": True, "cancelled": False}
    return Contexts(VALUES, {name: lambda value=value: value for name, value in status.items()})  # type: ignore[misc]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push' || 'other'", "other"),
        ("github.event.pull_request.number", 7.0),
        ("github.event.nothing.at.all", None),
        ("contains(github.event.pull_request.labels.*.name, 'allow')", True),
        ("contains(needs.changed.outputs.environments, '\"prod\"')", False),
        ("fromJSON(vars.ENVIRONMENTS)[matrix.environment].region", "eu-west-1"),
        ("!(true && '')", True),
        ("'it''s'", "it's"),
        ("needs.changed.outputs.empty != '' && fromJSON(needs.changed.outputs.empty)", False),
        ("fromJSON(needs.changed.outputs.environments)", ["dev"]),
    ],
)
def test_a_value(expression: str, value: Any) -> None:
    assert contexts().evaluate(expression) == value


@pytest.mark.parametrize("expression", ["1 < 2", "secrets.TOKEN", "hashFiles('x')", "'a' == 1", "a.b c", "(true", "$x", ""])
def test_what_is_not_known_is_an_error(expression: str) -> None:
    with pytest.raises(UnknownSyntax):
        contexts().evaluate(expression)


def test_a_condition_implies_success_unless_it_names_a_status() -> None:
    assert contexts().condition(None)
    assert not contexts(success=False).condition(None)
    assert not contexts(success=False).condition("github.event_name == 'push'")
    assert contexts(success=False).condition("${{ always() && github.event_name == 'push' }}")
    assert contexts(success=False).condition("!cancelled()")
    assert not contexts(success=False).condition("!cancelled() && !failure()")


def test_an_expression_in_a_text_becomes_text() -> None:
    assert contexts().interpolate("plan-${{ github.event.pull_request.number }}-${{ true }}") == "plan-7-true"
    assert contexts().interpolate({"list": "${{ fromJSON('[1]') }}"}) == {"list": [1]}

"""What a plan's JSON says as differences, and the command that reports them."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from async_endpoint.cli import verify as command
from async_endpoint.core.errors import VerificationFailed
from async_endpoint.deploy import verify as verification
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.verification.drift import drift
from async_endpoint.deploy.verification.findings import Difference, PassedCheck


def change(address: str, actions: list[str], before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    described = {"actions": actions, "before": before, "after": after, **more}
    return {"address": address, "type": address.split(".", maxsplit=1)[0], "mode": "managed", "change": described}


def test_what_was_changed_outside_is_told_apart_from_what_was_not_applied() -> None:
    group = change("aws_cloudwatch_log_group.this", ["update"], {"retention_in_days": 1}, {"retention_in_days": 7})
    queue = change("aws_sqs_queue.results", ["update"], {"visibility": 30, "name": "q"}, {"visibility": 60, "name": "q"})
    drifted = change("aws_sqs_queue.results", ["update"], {"visibility": 60}, {"visibility": 30})
    document = {"resource_changes": [group, queue], "resource_drift": [drifted]}
    assert [str(one) for one in drift(document)] == [
        "aws_cloudwatch_log_group.this is not as it is configured: retention_in_days 1 instead of 7 (an apply repairs this)",
        "aws_sqs_queue.results was changed outside Terraform: visibility 30 instead of 60 (an apply repairs this)",
    ]


def test_a_refresh_that_finds_other_attributes_is_no_change_outside() -> None:
    """As of an endpoint configuration that is edited and not applied: its refreshed tags are {} instead of null."""
    edited = change("aws_x.this", ["delete", "create"], {"tags": {}, "count": 3}, {"tags": None, "count": 4})
    drifted = change("aws_x.this", ["update"], {"tags": None, "count": 3}, {"tags": {}, "count": 3})
    [found] = drift({"resource_changes": [edited], "resource_drift": [drifted]})
    assert found.found == "is not as it is configured, and an apply replaces it: count 3 instead of 4"


@pytest.mark.parametrize(
    ("actions", "outside", "found"),
    [
        (["create"], True, "was deleted outside Terraform"),
        (["create"], False, "has not been applied"),
        (["delete"], False, "exists and is no longer configured"),
        (["delete", "create"], True, "was changed outside Terraform, and an apply replaces it: a 1 instead of 2"),
        (["create", "delete"], False, "is not as it is configured, and an apply replaces it: a 1 instead of 2"),
    ],
)
def test_each_action_is_a_difference(actions: list[str], outside: bool, found: str) -> None:
    item = change("aws_x.this", actions, {"a": 1}, {"a": 2})
    assert [one.found for one in drift({"resource_changes": [item], "resource_drift": [item] if outside else []})] == [found]


def test_what_a_plan_leaves_alone_is_no_difference() -> None:
    computed = change("aws_s3_bucket.this", ["update"], {"policy": ""}, {"policy": "{}"})
    idle = change("aws_s3_bucket.this", ["no-op"], {"policy": "{}"}, {"policy": "{}"})
    assert drift({"resource_changes": [idle], "resource_drift": [computed]}) == []


def test_an_output_that_was_not_applied_is_a_difference() -> None:
    document = {"output_changes": {"async_endpoints": {"actions": ["update"]}, "other": {"actions": ["no-op"]}}}
    assert [str(one) for one in drift(document)] == [
        "output async_endpoints was not applied as it is configured (an apply repairs this)"
    ]


def test_values_that_are_sensitive_or_long_are_not_printed() -> None:
    item = change(
        "aws_x.this",
        ["update"],
        {"password": "old", "policy": "p" * 100, "list": [{"secret": "old"}]},
        {"password": "new", "policy": "q" * 100, "list": [{"secret": "new"}]},
        before_sensitive={"password": True},
        after_sensitive={"list": [{"secret": True}]},
    )
    [difference] = drift({"resource_changes": [item]})
    assert difference.found == "is not as it is configured: list, password, policy"


DIFFERENCES = [
    Difference("alarm a", "does not exist"),
    Difference("role r", "denies", "an apply does not repair this: undo it"),
]


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> verification.EnvironmentReport:
    """What the command finds; and what it was asked."""
    shirts = verification.Report([PassedCheck("endpoint", "serves")], list(DIFFERENCES))
    found = verification.EnvironmentReport({"shirts": shirts}, verification.Report([PassedCheck("plan", "no changes")], []))
    monkeypatch.setattr(verification, "verify_environment", lambda deployment, address, **asked: found)
    monkeypatch.setattr(Deployment, "prepare", lambda environment, **asked: None)
    return found


def run(*arguments: str) -> Any:
    app = typer.Typer()
    command.register(app)
    return CliRunner().invoke(app, arguments)


def test_the_command_lists_differences_and_ends_with_4(report: verification.EnvironmentReport) -> None:
    ended = run("dev")
    assert isinstance(ended.exception, VerificationFailed) and ended.exception.exit_code == 4
    assert "2 differences, of which an apply repairs 1" in str(ended.exception)
    assert "verified shirts: endpoint: serves" in ended.stderr
    assert "differs shirts: alarm a does not exist (an apply repairs this)" in ended.stderr
    assert "differs shirts: role r denies (an apply does not repair this: undo it)" in ended.stderr
    assert ended.stdout == ""


def test_the_command_prints_one_document(report: verification.EnvironmentReport) -> None:
    ended = run("dev", "--json")
    document = json.loads(ended.stdout)
    assert isinstance(ended.exception, VerificationFailed)
    assert document["verified"] is False
    assert document["plan"] == {"checks": [{"name": "plan", "detail": "no changes"}], "differences": []}
    assert document["endpoints"]["shirts"]["differences"][1] == {
        "subject": "role r",
        "found": "denies",
        "repaired_by_apply": False,
        "remedy": "an apply does not repair this: undo it",
    }


def test_an_environment_without_differences_ends_well(report: verification.EnvironmentReport) -> None:
    report.endpoints["shirts"].differences.clear()
    ended = run("dev", "--json")
    assert ended.exit_code == 0
    assert json.loads(ended.stdout)["verified"] is True

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from async_endpoint.cli import deploy
from async_endpoint.core.errors import Refused, UnknownEnvironment, UsageError
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.terraform.adapter import Changes
from support.plan_documents import change, plan_document

pytestmark = pytest.mark.usefixtures("checkout")


def run(*arguments: str, typed: str | None = None) -> Any:
    app = typer.Typer()
    deploy.register(app)
    return CliRunner().invoke(app, arguments, input=typed)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is a terminal."""
    monkeypatch.setattr("async_endpoint.cli.deploy.at_keyboard", lambda: True)


def test_plan_streams_to_standard_error_and_answers_on_standard_output(terraform: Any) -> None:
    result = run("plan", "dev", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["environment"] == "dev"
    assert document["changes"] == {"any": True, "add": 23, "change": 0, "destroy": 0}
    assert (document["endpoints"], document["notices"], document["resources"]) == ({}, [], [])
    assert len(document["digest"]) == 64
    assert "a line of [the] plan" in result.stderr


def test_plan_ends_as_terraform_does_when_asked_to(terraform: Any) -> None:
    assert run("plan", "dev", "--detailed-exitcode").exit_code == 2
    terraform.changes = Changes(False)
    result = run("plan", "dev", "--detailed-exitcode")
    assert result.exit_code == 0
    assert "No changes." in result.stderr


def test_apply_prints_each_check(terraform: Any, deployed: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    result = run("apply", "dev", "--yes")
    assert result.exit_code == 0, result.exception
    assert result.stdout == ""
    assert "verified shirts: endpoint: shirts is InService with configuration shirts-2" in result.stderr


def test_apply_json_is_one_document(terraform: Any, deployed: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    document = json.loads(run("apply", "dev", "--yes", "--json").stdout)
    assert document["endpoints"]["shirts"]["outputs"] == deployed.as_dict()
    assert document["changes"]["add"] == 23
    assert "endpoint" in [check["name"] for check in document["endpoints"]["shirts"]["checks"]]


def test_aws_is_not_changed_without_a_yes_or_a_person(terraform: Any) -> None:
    for verb in ("apply", "destroy"):
        result = run(verb, "dev")
        assert isinstance(result.exception, UsageError)
        assert "pass --yes" in str(result.exception)
    assert not {"apply", "destroy"} & set(terraform.did)


@pytest.mark.usefixtures("keyboard")
def test_a_no_leaves_everything_as_it_is(terraform: Any) -> None:
    result = run("apply", "dev", typed="n\n")
    assert isinstance(result.exception, Refused)
    assert "23 to add, 0 to change, 0 to destroy. Change AWS? Type yes:" in result.stderr
    result = run("destroy", "dev", typed="prod\n")
    assert "'prod' is not 'dev'; nothing was destroyed." in str(result.exception)
    assert not {"apply", "destroy"} & set(terraform.did)


@pytest.mark.usefixtures("keyboard")
def test_a_yes_applies(terraform: Any, deployed: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    result = run("apply", "dev", "--json", typed="yes\n")
    assert json.loads(result.stdout)["endpoint_url"] is None
    assert terraform.did == ["init", "plan", "apply"]


def test_an_unknown_environment_is_said_before_anything_is_asked(terraform: Any) -> None:
    assert isinstance(run("destroy", "nope").exception, UnknownEnvironment)


@pytest.mark.usefixtures("keyboard", "aws")
def test_destroy_by_its_name_reports_nothing_left(terraform: Any, outputs: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": outputs.as_dict()}}
    result = run("destroy", "dev", "--json", typed="dev\n")
    assert json.loads(result.stdout) == {"environment": "dev", "destroyed": ["shirts"], "leftovers": []}
    assert terraform.did == ["init", "plan to destroy", "apply"]


def test_outputs_as_document_and_as_table(terraform: Any, outputs: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": outputs.as_dict()}}
    assert json.loads(run("outputs", "dev", "--json").stdout) == {
        "environment": "dev",
        "endpoints": {"shirts": outputs.as_dict() | {"endpoint_url": None}},
    }
    assert "endpoint.config_name" in run("outputs", "dev").stderr


def test_outputs_for_people_are_values_of_json_with_lists_line_by_line(terraform: Any, outputs: AsyncEndpointOutputs) -> None:
    document = outputs.as_dict()
    document["monitoring"]["alarm_names"] = ["one", "two"]
    document["scaling"]["schedules"] = [{"action_name": "night", "min_instances": 0, "max_instances": 1}]
    document["notifications"]["publishers_restricted"] = True
    terraform.values = {OUTPUT_NAME: {"shirts": document}}
    shown = [line.split() for line in run("outputs", "dev").stderr.splitlines()]
    assert ["notifications.publishers_restricted", "true"] in shown
    assert ["storage.kms_key_arn", "-"] in shown
    assert ["scaling.schedules[0].action_name", "night"] in shown
    names = shown.index(["monitoring.alarm_names", "one"])
    assert shown[names + 1] == ["two"]
    assert not {"None", "True", "False"} & {word for line in shown for word in line}


@pytest.mark.parametrize("verb", ["plan", "apply", "destroy"])
def test_what_covers_an_environment_refuses_one_endpoint(terraform: Any, verb: str) -> None:
    result = run(verb, "dev/shirts")
    assert isinstance(result.exception, UsageError)
    assert "dev/shirts is one endpoint, and this command always covers all of dev" in str(result.exception)
    assert terraform.did == []


@pytest.mark.usefixtures("keyboard")
def test_approvals_name_the_endpoints(terraform: Any, deployed: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    before = {"name": "shirts", "arn": deployed.endpoint.arn, "endpoint_config_name": "shirts-2"}
    terraform.document = plan_document(change("module.a.aws_sagemaker_endpoint.this", ["update"], before, before))
    asked = run("apply", "dev", typed="no\n").stderr
    assert asked.index("Endpoint shirts will be updated.\n") < asked.index("to destroy. Change AWS? Type yes:")
    destroyed = run("destroy", "dev", typed="no\n").stderr
    assert "This destroys dev on AWS with endpoint shirts, results included. Type its name:" in destroyed
    assert "apply" not in terraform.did

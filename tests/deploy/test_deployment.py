from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.sagemaker.responses import SageMakerResponse

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import (
    InvalidInput,
    NotReady,
    PlanStale,
    Refused,
    ReplacementRefused,
    StateLocked,
    TerraformFailed,
    VerificationFailed,
    WorkFailed,
)
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.deploy import apply
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.destroy import destroy_environment
from async_endpoint.deploy.plan import plan_environment
from async_endpoint.emulator.moto_patches.application_autoscaling import ApplicationAutoScalingResponse
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.outputs import read_outputs
from async_endpoint.terraform.plan_record import StateVersion
from async_endpoint.workspace import Workspace
from support.deployment_fixtures import prepared
from support.plan_documents import plan_document

pytestmark = pytest.mark.usefixtures("checkout")


def silent(line: str) -> None:
    pass


def test_plan_changes_nothing_and_keeps_no_plan(terraform: Any) -> None:
    planned = plan_environment(prepared())
    assert (planned.changes, planned.endpoints, planned.notices) == (Changes(True, add=23), {}, [])
    assert terraform.did == ["init", "plan"]
    assert not terraform.saved[0].exists()


def test_apply_applies_the_plan_it_showed_and_verifies_it(terraform: Any, deployed: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    asked: list[Changes] = []

    def approve(changes: Changes) -> bool:
        asked.append(changes)
        return True

    applied = apply_environment(prepared(), approve=approve)
    assert terraform.did == ["init", "plan", "apply"]
    assert [planned.changes for planned in asked] == [applied.changes] == [Changes(True, add=23)]
    assert applied.endpoints["shirts"].outputs == deployed
    assert "endpoint" in [check.name for check in applied.endpoints["shirts"].checks]
    assert not terraform.saved[0].exists()


def test_apply_without_changes_needs_no_approval_and_still_verifies(terraform: Any, deployed: AsyncEndpointOutputs) -> None:
    terraform.values, terraform.changes = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}, Changes(False)
    applied = apply_environment(prepared(), approve=lambda changes: pytest.fail("asked"))
    assert terraform.did == ["init", "plan"]
    assert "endpoint" in [check.name for check in applied.endpoints["shirts"].checks]


def test_a_plan_that_is_not_approved_is_not_applied(terraform: Any) -> None:
    with pytest.raises(Refused, match="not approved; nothing was changed"):
        apply_environment(prepared(), approve=lambda changes: False)
    assert terraform.did == ["init", "plan"]


@pytest.mark.parametrize("verb", [plan_environment, apply_environment, destroy_environment])
def test_a_plan_for_another_region_than_the_states_is_refused(terraform: Any, checkout: Workspace, verb: Any) -> None:
    """As a .tfvars file makes it: Terraform prefers its value to TF_VAR_region."""
    (checkout.root / "envs/dev/providers.tf").write_text('variable "region" {\n  default = "us-east-1"\n}\n')
    terraform.document = plan_document()
    refused = r"^envs/dev plans resources in eu-west-1, on the state of us-east-1; set the region by TF_VAR_region or"
    with pytest.raises(InvalidInput, match=refused):
        verb(prepared())
    assert not {"apply", "destroy"} & set(terraform.did)


def test_an_apply_that_rolled_back_silently_is_refused(terraform: Any, aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    sagemaker = aws.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName="shirts")
    sagemaker.create_endpoint(EndpointName="shirts", EndpointConfigName="shirts-1")
    with pytest.raises(VerificationFailed, match="has configuration shirts-1 instead of shirts-2"):
        apply_environment(prepared())


def test_an_archive_that_is_not_built_stops_before_terraform(terraform: Any, checkout: Workspace) -> None:
    (checkout.environment("dev") / "main.tf").write_text('archive = { path = "../../build/shirts.tar.gz" }\n')
    with pytest.raises(InvalidInput, match="async-endpoint package"):
        Deployment.prepare("dev", plans=True, on_output=silent)
    assert terraform.did == []
    assert destroy_environment(prepared()).names == ()


def test_destroy_names_what_is_left(terraform: Any, aws: AwsSession, outputs: AsyncEndpointOutputs) -> None:
    terraform.values = {OUTPUT_NAME: {"shirts": outputs.as_dict()}}
    assert destroy_environment(prepared()).names == ("shirts",)
    assert terraform.did == ["init", "plan to destroy", "apply"]
    aws.client("sqs").create_queue(QueueName="shirts-results")
    with pytest.raises(WorkFailed, match=r"dev was destroyed, but these resources remain: queue .*shirts-results"):
        destroy_environment(prepared())


def test_scaling_that_a_failed_destroy_leaves_suspended_is_resumed_by_a_destroy(
    terraform: Any, deployed: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(self: Any) -> str:
        raise JsonRESTError("AccessDeniedException", "no")

    def fail() -> None:
        monkeypatch.setattr(ApplicationAutoScalingResponse, "register_scalable_target", deny)
        raise TerraformFailed("terraform broke.")

    terraform.values, terraform.carry_out = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}, fail
    with pytest.raises(TerraformFailed, match=r"^terraform broke\. Scaling .* resume it with: async-endpoint destroy dev$"):
        destroy_environment(prepared())


def test_a_search_for_leftovers_that_is_refused_says_that_the_rest_was_destroyed(
    terraform: Any, aws: AwsSession, outputs: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(self: Any) -> str:
        raise JsonRESTError("AccessDeniedException", "no")

    terraform.values = {OUTPUT_NAME: {"shirts": outputs.as_dict()}}
    monkeypatch.setattr(SageMakerResponse, "list_endpoints", deny)
    said = r"^dev was destroyed, but .* AWS refused ListEndpoints: .*rerun: async-endpoint destroy dev$"
    with pytest.raises(NotReady, match=said):
        destroy_environment(prepared())


def test_outputs_of_nothing_say_how_to_apply(terraform: Any) -> None:
    with pytest.raises(NotReady, match="dev has not been applied on AWS; apply it with: async-endpoint apply dev"):
        read_outputs("dev")
    assert terraform.did == []


# --- endpoints that a plan deletes or replaces ------------------------------------------------------------------------------


def of_the_endpoint(outputs: AsyncEndpointOutputs, *actions: str, paths: Iterable[list[Any]] = ()) -> dict[str, Any]:
    """The endpoint's member of a plan's resource_changes."""
    before = {"name": outputs.endpoint.name, "arn": outputs.endpoint.arn, "endpoint_config_name": outputs.endpoint.config_name}
    change = {"actions": list(actions), "before": before, "after": before, "replace_paths": list(paths)}
    return {"address": "module.endpoint.this", "mode": "managed", "type": "aws_sagemaker_endpoint", "change": change}


def endpoints(aws: AwsSession) -> list[str]:
    return [found["EndpointName"] for found in aws.client("sagemaker").list_endpoints()["Endpoints"]]


@pytest.fixture
def replacing(terraform: Any, deployed: AsyncEndpointOutputs) -> Any:
    """A Terraform that plans to replace the endpoint that serves, for its name."""
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    terraform.changes = Changes(True, add=1, change=0, destroy=1)
    terraform.planned = [of_the_endpoint(deployed, "delete", "create", paths=[["name"]])]
    return terraform


def test_a_replacement_is_refused_and_the_plan_says_so(replacing: Any, aws: AwsSession) -> None:
    assert plan_environment(prepared()).notices == [
        "apply refuses to replace endpoint shirts (forced by name) unless --allow-replacement is given."
    ]
    with pytest.raises(
        ReplacementRefused, match=r"endpoint shirts \(forced by name\).*async-endpoint apply dev --allow-replac"
    ):
        apply_environment(prepared(), approve=lambda changes: pytest.fail("asked"))
    assert "apply" not in replacing.did
    assert endpoints(aws) == ["shirts"]


def test_a_replacement_that_is_allowed_begins_once_the_endpoint_is_gone(
    replacing: Any, aws: AwsSession, deployed: AsyncEndpointOutputs
) -> None:
    def create() -> None:
        assert endpoints(aws) == []
        name, config = deployed.endpoint.name, deployed.endpoint.config_name
        aws.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=config)

    replacing.carry_out = create
    said: list[str] = []
    with pytest.raises(
        VerificationFailed, match="scalable target"
    ):  # this Terraform makes the endpoint and nothing that scales it
        apply_environment(prepared(said.append), allow_replacement=True)
    assert endpoints(aws) == ["shirts"]
    assert "apply refuses to replace" in said[-1]


def test_a_destroy_begins_once_the_endpoint_is_gone(terraform: Any, aws: AwsSession, deployed: AsyncEndpointOutputs) -> None:
    terraform.values, terraform.changes = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}, Changes(True, destroy=1)
    terraform.planned = [of_the_endpoint(deployed, "delete")]
    terraform.carry_out = lambda: pytest.fail("there") if endpoints(aws) else None
    with pytest.raises(WorkFailed, match="endpoint configuration shirts-1"):  # this Terraform destroys nothing
        destroy_environment(prepared())
    assert terraform.did == ["init", "plan to destroy", "require unlocked", "apply"]


@pytest.mark.parametrize("how", ["locked", "changed"])
def test_nothing_is_deleted_while_another_command_works_on_the_state_or_after_it_has(
    terraform: Any, aws: AwsSession, deployed: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    terraform.values, terraform.changes = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}, Changes(True, destroy=1)
    terraform.planned = [of_the_endpoint(deployed, "delete")]

    def meanwhile(names: tuple[str, ...]) -> bool:
        terraform.version_of_state = StateVersion("lineage", 2)
        return True

    def locked() -> None:
        raise StateLocked("locked")

    if how == "locked":
        monkeypatch.setattr(terraform, "require_unlocked", locked)
        with pytest.raises(StateLocked):
            destroy_environment(prepared())
    else:
        with pytest.raises(PlanStale, match="Another command has changed the state"):
            destroy_environment(prepared(), approve=meanwhile)
    assert endpoints(aws) == ["shirts"]
    assert "apply" not in terraform.did


def test_a_replacement_for_the_deployment_configuration_alone_becomes_an_update(
    replacing: Any, aws: AwsSession, deployed: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    replacing.planned = [of_the_endpoint(deployed, "delete", "create", paths=[["deployment_config", 0, "alarms"]])]
    assert "is not replaced: apply updates its deployment configuration first" in plan_environment(prepared()).notices[0]

    def update(connect: Any, endpoint: Any) -> None:
        replacing.did.append(f"update {endpoint.name}")
        replacing.planned, replacing.changes = [], Changes(False)

    monkeypatch.setattr(apply, "update_deployment_config", update)
    replacing.did.clear()
    assert apply_environment(prepared()).changes == Changes(False)
    assert replacing.did == ["init", "plan", "update shirts", "plan"]
    assert endpoints(aws) == ["shirts"]


def test_what_such_an_update_needs_is_applied_before_it(
    replacing: Any, aws: AwsSession, deployed: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of an endpoint that was just imported: its rollback alarm does not exist yet."""
    endpoint = of_the_endpoint(deployed, "delete", "create", paths=[["deployment_config", 0, "auto_rollback_configuration"]])
    rollback = [{"auto_rollback_configuration": [{"alarms": [{"alarm_name": "errors"}]}]}]
    endpoint["change"]["after"] = endpoint["change"]["before"] | {"deployment_config": rollback}
    address = "aws_cloudwatch_metric_alarm.errors"
    change = {"actions": ["create"], "before": None, "after": {"alarm_name": "errors"}}
    alarm = {"address": address, "mode": "managed", "type": "aws_cloudwatch_metric_alarm", "change": change}
    replacing.planned = [endpoint, alarm]
    replacing.carry_out = lambda: setattr(replacing, "planned", [endpoint])

    def update(connect: Any, endpoint: Any) -> None:
        replacing.did.append(f"update {endpoint.name}")
        replacing.planned, replacing.changes = [], Changes(False)

    monkeypatch.setattr(apply, "update_deployment_config", update)
    apply_environment(prepared())
    assert replacing.did == ["init", "plan", f"plan of {address}", "apply", "plan", "update shirts", "plan"]
    assert endpoints(aws) == ["shirts"]

"""What fails for want of time alone is applied again: a role that is new to SageMaker, an update that outlasts the provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import AsyncEndpointError, ReplacementRefused, RolledBack, TerraformFailed
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.deploy import apply as deploy_apply
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.plan import Planned
from async_endpoint.deploy.role_propagation import awaits_propagation
from async_endpoint.emulator.hosting.error_messages import unknown_role
from async_endpoint.terraform.plan_document import resource_changes
from support.deployment_fixtures import prepared
from support.plan_documents import change, creation, plan_document

pytestmark = pytest.mark.usefixtures("checkout")

ROLE = creation("module.shirts.aws_iam_role.this", name="shirts-execution")
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/shirts"
BEFORE = {"name": "shirts", "arn": ARN, "endpoint_config_name": "shirts-2"}
UPDATE = change("module.shirts.aws_sagemaker_endpoint.this", ["update"], BEFORE, BEFORE | {"endpoint_config_name": "shirts-3"})
NOT_YET = TerraformFailed(
    "terraform apply of dev failed (exit code 1): creating SageMaker Endpoint (shirts): CreateEndpoint: ValidationException: "
    + unknown_role("arn:aws:iam::123456789012:role/shirts")
)


@pytest.fixture
def planned(terraform: Any, deployed: AsyncEndpointOutputs, monkeypatch: pytest.MonkeyPatch) -> Any:
    terraform.values = {OUTPUT_NAME: {"shirts": deployed.as_dict()}}
    terraform.document = plan_document(ROLE, UPDATE)
    monkeypatch.setattr(deploy_apply, "PAUSE_SECONDS", (0.0, 0.0, 0.0))
    return terraform


def failing(times: int, error: Exception = NOT_YET, then: Callable[[], None] = lambda: None) -> Callable[[], None]:
    left = [times]

    def carry_out() -> None:
        then()
        if left[0]:
            left[0] -= 1
            raise error

    return carry_out


def test_what_is_left_of_the_plan_is_applied_once_the_role_is_known(planned: Any) -> None:
    said, asked = list[str](), list[Planned]()
    planned.carry_out = failing(2, then=lambda: setattr(planned, "document", plan_document(UPDATE)))
    apply_environment(prepared(said.append), approve=lambda plan: asked.append(plan) or True)  # type: ignore[func-returns-value]
    assert [step for step in planned.did if step in ("plan", "apply")] == ["plan", "apply"] * 3
    assert len([line for line in said if line.startswith("A new role may not have reached SageMaker yet")]) == 2
    assert len(asked) == 1, "what is left was approved"


def test_an_update_that_outlasts_the_provider_is_completed(planned: Any) -> None:
    said, asked = list[str](), list[Planned]()
    text = (
        "waiting for SageMaker AI Endpoint (shirts) update: timeout while waiting for state to become 'InService' (last state: "
    )
    planned.document = plan_document(UPDATE)
    planned.carry_out = failing(1, TerraformFailed(f"{text}'Updating', timeout: 1h0m0s)."))
    apply_environment(prepared(said.append), approve=lambda plan: asked.append(plan) or True)  # type: ignore[func-returns-value]
    assert (planned.did.count("apply"), len(asked)) == (2, 1)
    assert [line for line in said if line.startswith("It took longer than Terraform waits; planning again.")]


def test_it_is_repeated_three_times(planned: Any) -> None:
    planned.carry_out = failing(9)
    with pytest.raises(TerraformFailed, match="The execution role ARN"):
        apply_environment(prepared())
    assert planned.did.count("apply") == 4


def test_another_plan_is_approved_again(planned: Any) -> None:
    asked: list[Planned] = []
    more = creation("module.hats.aws_sqs_queue.this", name="hats")
    planned.carry_out = failing(1, then=lambda: setattr(planned, "document", plan_document(UPDATE, more)))
    apply_environment(prepared(), approve=lambda plan: asked.append(plan) or True)  # type: ignore[func-returns-value]
    assert len(asked) == 2


def test_a_serving_endpoint_is_not_replaced_by_a_repetition(planned: Any, aws: AwsSession) -> None:
    replaced = change("module.shirts.aws_sagemaker_endpoint.this", ["delete", "create"], BEFORE, BEFORE)
    planned.carry_out = failing(1, then=lambda: setattr(planned, "document", plan_document(replaced)))
    with pytest.raises(ReplacementRefused):
        apply_environment(prepared())
    assert aws.sagemaker.describe_endpoint(EndpointName="shirts")["EndpointStatus"] == "InService"


@pytest.mark.parametrize(
    ("error", "changes", "expected"),
    [
        (NOT_YET, [ROLE, UPDATE], True),
        (NOT_YET, [UPDATE], False),
        (NOT_YET, [change("aws_iam_role_policy.this", ["update"], {"policy": "{}"}, {"policy": "{ }"})], True),
        (NOT_YET, [change("aws_iam_role.this", ["delete"], {"name": "old"})], False),
        (TerraformFailed("creating SageMaker AI Model: ValidationException: Could not assume role arn:aws:x."), [ROLE], True),
        (TerraformFailed("creating SageMaker AI Endpoint: ResourceLimitExceeded: The account-level limit"), [ROLE], False),
        (RolledBack("not updated", endpoint="shirts", reason=unknown_role("arn:aws:x")), [ROLE], True),
        (TerraformFailed("The provided role 'arn:aws:x' is invalid. Please ensure the role exists."), [ROLE], True),
        (RolledBack("The provided role 'x' is invalid", endpoint="shirts", reason="No ping."), [ROLE], False),
    ],
)
def test_only_a_new_role_is_waited_for(error: AsyncEndpointError, changes: list[Any], expected: bool) -> None:
    assert awaits_propagation(error, resource_changes(plan_document(*changes))) is expected

"""An environment with two endpoints: a command disturbs only those that it changes, and reports on each."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.aws import AwsSession
from async_endpoint.core.addresses import Address
from async_endpoint.core.errors import (
    InvalidInput,
    Refused,
    ReplacementRefused,
    RolledBack,
    TerraformFailed,
    VerificationFailed,
    WorkFailed,
)
from async_endpoint.core.outputs import OUTPUT_NAME, AsyncEndpointOutputs
from async_endpoint.core.suspension import suspended
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.destroy import destroy_environment
from async_endpoint.deploy.endpoints import EndpointPlan, endpoint_plans
from async_endpoint.deploy.plan import Planned, plan_environment
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.rollback import rollbacks_reported
from async_endpoint.deploy.verify import verify_environment
from async_endpoint.terraform.adapter import Changes
from async_endpoint.terraform.plan_document import missing_modules, resource_changes, top_module
from support.deployment_fixtures import create_endpoint, endpoint_outputs, prepared
from support.plan_documents import change, plan_document

pytestmark = pytest.mark.usefixtures("checkout")

ENDPOINT = "aws_sagemaker_endpoint"
MODULES = {"shirts": "module.shirts", "coats": 'module.others["coats"]'}


@pytest.fixture
def coats(aws: AwsSession) -> AsyncEndpointOutputs:
    outputs = endpoint_outputs("coats")
    create_endpoint(aws, outputs)
    return outputs


@pytest.fixture
def applied(terraform: Any, deployed: AsyncEndpointOutputs, coats: AsyncEndpointOutputs) -> Any:
    """A Terraform whose state has two endpoints, shirts and coats, each in a module call of its own."""
    terraform.values = {OUTPUT_NAME: {"coats": coats.as_dict(), "shirts": deployed.as_dict()}}
    terraform.document = plan()
    return terraform


def attributes(name: str, **values: Any) -> dict[str, Any]:
    outputs = endpoint_outputs(name)
    return {"name": name, "arn": outputs.endpoint.arn, "endpoint_config_name": outputs.endpoint.config_name} | values


def address(name: str, kind: str = ENDPOINT) -> str:
    return f"{MODULES[name]}.module.inner.{kind}.this"


def plan(*changes: dict[str, Any]) -> dict[str, Any]:
    return plan_document(*changes, state={address(name): attributes(name) for name in MODULES})


def of_the_endpoint(name: str, *actions: str, **after: Any) -> dict[str, Any]:
    return change(address(name), list(actions), attributes(name), attributes(name, **after))


def suspensions(aws: AwsSession) -> dict[str, bool]:
    """Whether scaling is suspended, by endpoint."""
    found = aws.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return {target["ResourceId"].split("/")[1]: bool(suspended(target)) for target in found}


# --- plan and apply -------------------------------------------------------------------------------------------------------


def test_a_plan_says_what_becomes_of_each_endpoint() -> None:
    endpoints = {name: endpoint_outputs(name) for name in MODULES}
    hats = change("module.hats.aws_sagemaker_endpoint.this", ["create"], None, {"name": "hats-dev"})
    alarm = change(address("coats", "aws_cloudwatch_metric_alarm"), ["update"], {"threshold": 1}, {"threshold": 2})
    shared = change("module.storage.aws_s3_bucket_policy.this", ["update"], {"policy": "{}"}, {"policy": "{ }"})
    others = EndpointPlan("unchanged", ("1 other resource of its module changes",))
    unchanged = EndpointPlan("unchanged")
    assert endpoint_plans(plan(shared), endpoints) == {"coats": unchanged, "shirts": unchanged}
    assert endpoint_plans(plan(of_the_endpoint("shirts", "update"), hats, alarm, shared), endpoints) == {
        "coats": others,
        "hats-dev": EndpointPlan("create"),
        "shirts": EndpointPlan("update"),
    }
    target = change("aws_appautoscaling_target.elsewhere", ["update"], {"resource_id": "endpoint/coats/variant/main"}, {})
    assert endpoint_plans(plan(target), endpoints) == {"coats": others, "shirts": unchanged}
    deleted, replaced = of_the_endpoint("shirts", "delete"), of_the_endpoint("coats", "delete", "create")
    replaced["change"]["replace_paths"] = [["name"]]
    assert endpoint_plans(plan(deleted, replaced), endpoints) == {
        "coats": EndpointPlan("replace", ("name",)),
        "shirts": EndpointPlan("delete"),
    }
    assert endpoint_plans({}, endpoints) == {"coats": unchanged, "shirts": unchanged}


def test_a_plan_says_why_an_endpoint_is_updated_or_replaced() -> None:
    endpoints = {"coats": endpoint_outputs("coats"), "shirts": endpoint_outputs("shirts")}
    kind, actions = "aws_sagemaker_endpoint_configuration", ["create", "delete"]
    configuration = change(address("coats", kind), actions, {"name": "coats-2"}, {})
    configuration["change"]["replace_paths"] = [["production_variants", 0, "instance_type"]]
    foreign = change(address("shirts", kind), actions, {"name": "shirts-2"}, {})
    foreign["change"]["replace_paths"] = [["kms_key_arn"]]
    new_configuration = of_the_endpoint("coats", "update", tags_all={"a": "b"})
    new_configuration["change"]["after"].pop("endpoint_config_name", None)  # unknown until the apply
    new_configuration["change"]["before"]["endpoint_config_name"] = "coats-2"
    found = endpoint_plans(plan(new_configuration, configuration, foreign), endpoints)["coats"]
    assert found == EndpointPlan("update", ("endpoint_config.production_variants.instance_type", "tags_all"))

    replaced = of_the_endpoint("shirts", "delete", "create")
    replaced["change"]["replace_paths"] = [["deployment_config", 0, "auto_rollback_configuration"]]
    forced = EndpointPlan("replace", ("deployment_config.auto_rollback_configuration",))
    assert endpoint_plans(plan(replaced), endpoints)["shirts"] == forced
    in_place = EndpointPlan("update", ("deployment_config",))
    assert endpoint_plans(plan(replaced), endpoints, avoidable=["shirts"])["shirts"] == in_place
    failed = endpoint_plans(plan(of_the_endpoint("shirts", "update")), endpoints, failed=["shirts"])["shirts"]
    assert failed == EndpointPlan("replace", ("its status is Failed",))


@pytest.mark.parametrize(
    ("resource", "module"),
    [
        ("module.text.module.endpoint.aws_x.this", "module.text"),
        ('module.all["a.b]"].aws_x.this[0]', 'module.all["a.b]"]'),
        ("module.all[0].aws_x.this", "module.all[0]"),
        ("aws_x.module", ""),
    ],
)
def test_a_resource_belongs_to_a_call_in_the_root_module(resource: str, module: str) -> None:
    assert top_module(resource) == module


def test_an_apply_suspends_the_scaling_of_what_it_changes_alone(applied: Any, aws: AwsSession) -> None:
    seen: list[dict[str, bool]] = []
    applied.document = plan(of_the_endpoint("coats", "update", endpoint_config_name="coats-3"))
    applied.carry_out = lambda: seen.append(suspensions(aws))
    asked: list[Planned] = []
    result = apply_environment(prepared(), approve=lambda planned: asked.append(planned) or True)  # type: ignore[func-returns-value]
    assert seen == [{"coats": True, "shirts": False}]
    assert suspensions(aws) == {"coats": False, "shirts": False}
    assert [{name: plan.action for name, plan in planned.endpoints.items()} for planned in asked] == [
        {"coats": "update", "shirts": "unchanged"}
    ]
    assert {name: len(endpoint.checks) > 5 for name, endpoint in result.endpoints.items()} == {"coats": True, "shirts": True}


def test_an_endpoint_that_is_removed_is_deleted_and_the_other_is_not_disturbed(applied: Any, aws: AwsSession) -> None:
    seen: list[Any] = []
    applied.document = plan(of_the_endpoint("coats", "delete"))

    def carry_out() -> None:
        endpoints = [found["EndpointName"] for found in aws.client("sagemaker").list_endpoints()["Endpoints"]]
        seen.append((endpoints, suspensions(aws)))
        del applied.values[OUTPUT_NAME]["coats"]

    applied.carry_out = carry_out
    assert plan_environment(prepared()).notices == ["apply deletes endpoint coats first, and waits until it is gone."]
    assert list(apply_environment(prepared()).endpoints) == ["shirts"]
    assert seen == [(["shirts"], {"shirts": False})]


def test_a_module_renamed_without_a_moved_block_does_not_replace_its_endpoint(applied: Any, aws: AwsSession) -> None:
    again = change(f"module.jackets.module.inner.{ENDPOINT}.this", ["create"], None, {"name": "coats"})
    applied.document = plan(of_the_endpoint("coats", "delete"), again)
    planned = plan_environment(prepared())
    assert {name: found.action for name, found in planned.endpoints.items()} == {"coats": "replace", "shirts": "unchanged"}
    assert [notice.split(" (")[0] for notice in planned.notices] == ["apply refuses to replace endpoint coats"]
    for allowed in (False, True):
        with pytest.raises(
            ReplacementRefused, match=r'moved {\n  from = module\.others\["coats"\]\n  to   = module\.jackets\n}'
        ):
            apply_environment(prepared(), allow_replacement=allowed, approve=lambda planned: pytest.fail("asked"))
    assert "apply" not in applied.did
    assert suspensions(aws) == {"coats": False, "shirts": False}


def test_a_plan_warns_of_each_endpoint_whose_scaling_is_suspended(applied: Any, aws: AwsSession) -> None:
    scaling = aws.client("application-autoscaling")
    for target in scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]:
        named = {member: target[member] for member in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
        scaling.register_scalable_target(**named, SuspendedState={"DynamicScalingInSuspended": True})
    notices = plan_environment(prepared()).notices
    assert [notice.split("/")[1] for notice in notices] == ["coats", "shirts"]


def test_every_endpoint_is_verified_and_differences_name_theirs(applied: Any, aws: AwsSession) -> None:
    aws.client("cloudwatch").disable_alarm_actions(AlarmNames=["coats-wake"])
    applied.changes = Changes(False)
    with pytest.raises(VerificationFailed, match=r"^Verification failed: coats: alarm coats-wake") as failure:
        apply_environment(prepared())
    assert "shirts:" not in str(failure.value)


def test_unusable_outputs_of_one_endpoint_are_an_error_that_names_it(applied: Any) -> None:
    del applied.values[OUTPUT_NAME]["coats"]["limits"]
    with pytest.raises(InvalidInput, match=r"async_endpoints\.coats\.limits is missing"):
        apply_environment(prepared())
    assert "apply" in applied.did, "what is known of the other endpoint is enough to apply"


def test_several_rollbacks_are_reported_together(applied: Any, aws: AwsSession) -> None:
    document = plan(*(of_the_endpoint(name, "update", endpoint_config_name="new") for name in MODULES))
    failed = TerraformFailed("terraform apply failed (exit code 1).", addresses=frozenset(map(address, MODULES)))
    with (
        pytest.raises(RolledBack, match=r"^Endpoint shirts was not updated: .* Endpoint coats was not updated: "),
        rollbacks_reported(lambda region: aws, resource_changes(document), print, Poller(deadline=0)),
    ):
        raise failed


def test_a_rollback_names_the_endpoints_that_were_updated(aws: AwsSession, deployed: AsyncEndpointOutputs, coats: Any) -> None:
    document = plan(*(of_the_endpoint(name, "update", endpoint_config_name=f"{name}-1") for name in MODULES))
    failed = TerraformFailed("terraform apply failed (exit code 1).", addresses=frozenset([address("shirts")]))
    with (
        pytest.raises(RolledBack, match=r"shirts was not updated: .* coats was updated, .* serves configuration coats-1 "),
        rollbacks_reported(lambda region: aws, resource_changes(document), print, Poller(deadline=0)),
    ):
        sagemaker = aws.client("sagemaker")  # moto has no UpdateEndpoint
        sagemaker.delete_endpoint(EndpointName="coats")
        sagemaker.create_endpoint(EndpointName="coats", EndpointConfigName="coats-1")
        raise failed


# --- verify ---------------------------------------------------------------------------------------------------------------


def test_the_verification_of_one_endpoint_leaves_the_others_out(applied: Any, aws: AwsSession) -> None:
    aws.client("cloudwatch").disable_alarm_actions(AlarmNames=["coats-wake"])
    shared = change("module.storage.aws_s3_bucket.this", ["update"], {"tags": {}}, {"tags": {"a": "b"}})
    applied.document = plan(of_the_endpoint("coats", "update", endpoint_config_name="coats-3"), shared)
    everything = verify_environment(prepared(), Address.parse("dev"))
    assert list(everything.endpoints) == ["coats", "shirts"]
    assert [str(one).split(" ")[0] for one in everything.plan.differences] == [address("coats"), shared["address"]]
    hats = (  # not applied yet
        change(f"module.hats.{ENDPOINT}.this", ["create"], None, {"name": "hats"}),
        change("module.hats.aws_sns_topic.this", ["create"], None, {"name": "hats-success"}),
    )
    applied.document = plan(of_the_endpoint("coats", "update", endpoint_config_name="coats-3"), shared, *hats)
    one = verify_environment(prepared(), Address.parse("dev/shirts"))
    assert list(one.endpoints) == ["shirts"]
    assert [difference.subject for difference in one.differences] == [shared["address"]]


# --- destroy --------------------------------------------------------------------------------------------------------------


def test_a_destroy_covers_all_endpoints_once_they_are_named_and_approved(applied: Any, aws: AwsSession) -> None:
    asked: list[tuple[str, ...]] = []
    with pytest.raises(Refused, match="The destruction of dev was not approved; nothing was destroyed"):
        destroy_environment(prepared(), approve=lambda names: bool(asked.append(names)))  # type: ignore[func-returns-value]
    assert asked == [("coats", "shirts")]
    applied.document = plan(*(of_the_endpoint(name, "delete") for name in MODULES))
    seen: list[Any] = []
    applied.carry_out = lambda: seen.extend(aws.client("sagemaker").list_endpoints()["Endpoints"])
    with pytest.raises(WorkFailed, match=r"dev was destroyed, but .* coats-1, .* shirts-1"):  # this Terraform destroys nothing
        destroy_environment(prepared())
    assert seen == []


def test_an_endpoint_that_was_applied_half_way_is_searched_for_by_what_a_plan_would_create(applied: Any) -> None:
    del applied.values[OUTPUT_NAME]["coats"]
    module = {"resources": [{"type": ENDPOINT}]}
    document = plan_document(state={address("shirts"): attributes("shirts")})
    calls = {name: {"module": {"module_calls": {"inner": {"module": module}}}} for name in ("shirts", "others", "storage")}
    calls["storage"] = {"module": {"resources": [{"type": "aws_s3_bucket"}]}}
    document["configuration"]["root_module"] = {"module_calls": calls}
    assert missing_modules(document, ENDPOINT) == ["module.others"]
    role = {'module.others["coats"].aws_iam_role.this': {"name": "coats"}}
    half = plan_document(state={address("shirts"): attributes("shirts")} | role) | {"configuration": document["configuration"]}
    assert missing_modules(half, ENDPOINT) == ['module.others["coats"]']
    applied.document = document
    with pytest.raises(WorkFailed):  # this Terraform destroys nothing
        destroy_environment(prepared())
    assert applied.did == ["init", "plan to destroy", "plan", "apply"]
    complete = plan() | {"configuration": document["configuration"]}
    assert missing_modules(complete, ENDPOINT) == []

"""What an apply does with endpoints on the local AWS: deletions, updates in place, and reports of rollbacks."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.core.errors import NotReady, ReplacementRefused, RolledBack, TerraformFailed
from async_endpoint.deploy.deletions import remove_deleted_endpoints
from async_endpoint.deploy.endpoints import PlannedEndpoint, endpoint_status
from async_endpoint.deploy.polling import Poller
from async_endpoint.deploy.replacement import avoidable_replacements, failed_endpoints, update_deployment_config
from async_endpoint.deploy.rollback import rollbacks_reported
from async_endpoint.terraform.plan_document import ResourceChange
from support.common import refusal, unique
from support.deployed_endpoint import Deployed
from support.fault_injection import fault
from support.in_process_aws import DIMENSION, REGION, AwsHarness
from support.sample_model import archive

ADDRESS = "module.endpoint.aws_sagemaker_endpoint.this"
SOON = Poller(deadline=60, pause=0.02)
BROKEN = "import os\nprint('no weights', flush=True)\ndef model_fn(d): os._exit(7)\n"
ALL_AT_ONCE = [{"type": "ALL_AT_ONCE", "wait_interval_in_seconds": 0, "canary_size": [], "linear_step_size": []}]


def change(deployed: Deployed, *actions: str, after: dict[str, Any] | None = None, paths: Any = ()) -> ResourceChange:
    arn = f"arn:aws:sagemaker:{REGION}:123456789012:endpoint/{deployed.name}"
    before = {"name": deployed.name, "arn": arn, "endpoint_config_name": deployed.config}
    return ResourceChange(ADDRESS, "aws_sagemaker_endpoint", actions, before, after or {}, paths)


def update(local_aws: AwsHarness, deployed: Deployed, config: str, until: str = "InService", **more: Any) -> None:
    local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config, **more)
    deployed.until_status(until)


def register(local_aws: AwsHarness, deployed: Deployed) -> None:
    local_aws.scaling.register_scalable_target(
        ServiceNamespace="sagemaker",
        ScalableDimension=DIMENSION,
        ResourceId=deployed.resource_id,
        MinCapacity=0,
        MaxCapacity=2,
    )


def exists(deployed: Deployed) -> bool:
    names = [
        found["EndpointName"] for found in deployed.local_aws.sagemaker.list_endpoints(NameContains=deployed.name)["Endpoints"]
    ]
    return deployed.name in names


@pytest.mark.parametrize("actions", [("delete",), ("delete", "create")])
def test_an_endpoint_that_a_plan_deletes_is_gone_before_terraform_begins(
    local_aws: AwsHarness, deploy: Any, actions: Any
) -> None:
    deployed: Deployed = deploy()
    register(local_aws, deployed)
    assert remove_deleted_endpoints(lambda region: local_aws, [change(deployed, *actions)], SOON, SOON) == [deployed.name]
    assert not exists(deployed)
    local_aws.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=deployed.config)
    deployed.until_status("InService")


def test_an_endpoint_that_is_updated_is_left_alone(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    assert remove_deleted_endpoints(lambda region: local_aws, [change(deployed, "update")], SOON, SOON) == []
    assert exists(deployed)


def test_a_deletion_waits_for_the_update_that_is_in_progress(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=deployed.config)
    assert "in-progress" in refusal(local_aws.sagemaker.delete_endpoint, EndpointName=deployed.name)[1]
    remove_deleted_endpoints(lambda region: local_aws, [change(deployed, "delete")], SOON, SOON)
    assert not exists(deployed)


def test_the_endpoint_of_a_failed_first_deployment_makes_way_for_the_next(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(archive(BROKEN), wait=False)
    deployed.until_status("Failed")
    assert (
        "already existing"
        in refusal(local_aws.sagemaker.create_endpoint, EndpointName=deployed.name, EndpointConfigName=deployed.config)[1]
    )
    remove_deleted_endpoints(lambda region: local_aws, [change(deployed, "delete", "create")], SOON, SOON)
    working = local_aws.config(local_aws.model(deployed.bucket, deployed.role), deployed.bucket)
    local_aws.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=working)
    deployed.until_status("InService")


def test_a_failed_endpoint_that_is_to_be_updated_has_to_be_replaced(local_aws: AwsHarness, deploy: Any) -> None:
    failed: Deployed = deploy(archive(BROKEN), wait=False)
    failed.until_status("Failed")
    assert failed_endpoints(lambda region: local_aws, [change(failed, "update")]) == [ADDRESS]
    assert failed_endpoints(lambda region: local_aws, [change(failed, "delete", "create")]) == []
    assert failed_endpoints(lambda region: local_aws, [change(deploy(), "update")]) == []


def test_several_deletions_are_requested_before_one_is_waited_for(local_aws: AwsHarness, deploy: Any) -> None:
    stuck, other = deploy(), deploy()
    stuck.role.delete()  # SageMaker needs it to delete the endpoint
    plan = [change(stuck, "delete"), change(other, "delete")]
    with pytest.raises(NotReady, match=f"Endpoint {stuck.name} is still Deleting"):
        remove_deleted_endpoints(lambda region: local_aws, plan, Poller(deadline=1, pause=0.02), SOON)
    assert endpoint_status(local_aws, other.name) in ("", "Deleting")


def test_a_deletion_without_its_role_ends_with_what_is_missing(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    deployed.role.delete()
    with pytest.raises(NotReady, match=f"Endpoint {deployed.name} is still Deleting .* Run the command again"):
        remove_deleted_endpoints(lambda region: local_aws, [change(deployed, "delete")], Poller(deadline=1, pause=0.02), SOON)


# --- replacements ----------------------------------------------------------------------------------------------------------


def planned_guardrails(alarm: str) -> dict[str, Any]:
    policy = {
        "maximum_execution_timeout_in_seconds": None,
        "termination_wait_in_seconds": 0,
        "traffic_routing_configuration": ALL_AT_ONCE,
    }
    rollback = [{"alarms": [{"alarm_name": alarm}]}]
    block = {"auto_rollback_configuration": rollback, "blue_green_update_policy": [policy], "rolling_update_policy": []}
    return {"deployment_config": [block]}


def test_a_deployment_configuration_that_was_dropped_comes_back_without_an_outage(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    register(local_aws, deployed)
    deployed.scale(2)
    deployed.serving(2)
    deployed.until_status("InService")
    alarm = unique("alarm")
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="tests",
        MetricName=alarm,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    deployed.role.allow(deployed.bucket, more=[{"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}])
    planned = change(
        deployed,
        "delete",
        "create",
        after={"name": deployed.name} | planned_guardrails(alarm),
        paths=(("deployment_config", 0),),
    )
    [endpoint] = avoidable_replacements(lambda region: local_aws, [planned])

    update_deployment_config(lambda region: local_aws, endpoint, SOON)

    described = deployed.until_status("InService")
    assert described["LastDeploymentConfig"] == {
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
        "BlueGreenUpdatePolicy": {
            "TerminationWaitInSeconds": 0,
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        },
    }
    assert "FailureReason" not in described
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2, "it keeps the count that scaling gave it"


def test_an_update_in_the_place_of_a_replacement_that_is_rolled_back_says_why(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    deployed.until_status("InService")
    planned = change(deployed, "delete", "create", after=planned_guardrails("alarm"), paths=(("deployment_config", 0),))
    planned.after["deployment_config"][0].pop("auto_rollback_configuration")
    with (
        fault(local_aws, "update-rollback", count=1),
        pytest.raises(RolledBack, match=r"rolled back while .*: .*update-rollback"),
    ):
        update_deployment_config(lambda region: local_aws, PlannedEndpoint(planned), SOON)


def test_an_update_in_the_place_of_a_replacement_that_sagemaker_refuses_changes_nothing(
    local_aws: AwsHarness, deploy: Any
) -> None:
    deployed: Deployed = deploy()
    local_aws.sagemaker.delete_endpoint_config(EndpointConfigName=deployed.config)
    planned = change(deployed, "delete", "create", after=planned_guardrails("alarm"), paths=(("deployment_config", 0),))
    with pytest.raises(ReplacementRefused, match=f"Endpoint {deployed.name} would be replaced .* Nothing was changed"):
        update_deployment_config(lambda region: local_aws, PlannedEndpoint(planned), SOON)
    assert deployed.describe()["EndpointStatus"] == "InService"


@pytest.mark.parametrize(
    ("status", "avoidable"), [("InService", True), ("Updating", True), ("RollingBack", True), ("Failed", False)]
)
def test_a_replacement_is_avoidable_while_scaling_is_changing_the_endpoint(
    local_aws: AwsHarness, shared_endpoint: Deployed, monkeypatch: pytest.MonkeyPatch, status: str, avoidable: bool
) -> None:
    monkeypatch.setattr("async_endpoint.deploy.replacement.endpoint_status", lambda aws, name: status)
    planned = change(shared_endpoint, "delete", "create", paths=(("deployment_config", 0),))
    assert len(avoidable_replacements(lambda region: local_aws, [planned])) == avoidable


@pytest.mark.parametrize(
    ("actions", "paths"),
    [
        (("update",), (("deployment_config", 0),)),
        (("delete", "create"), (("deployment_config", 0), ("name",))),
        (("delete", "create"), ()),
    ],
)
def test_other_replacements_cannot_be_avoided(
    local_aws: AwsHarness, shared_endpoint: Deployed, actions: Any, paths: Any
) -> None:
    assert avoidable_replacements(lambda region: local_aws, [change(shared_endpoint, *actions, paths=paths)]) == []


# --- rollbacks -------------------------------------------------------------------------------------------------------------


def failing(local_aws: AwsHarness, planned: ResourceChange, error: TerraformFailed, carry_out: Any) -> tuple[Any, list[str]]:
    """The exception and output of an apply that performs `planned` on AWS and ends with `error`."""
    printed: list[str] = []
    with (
        pytest.raises((RolledBack, TerraformFailed)) as raised,
        rollbacks_reported(lambda region: local_aws, [planned], printed.append, SOON),
    ):
        carry_out()
        raise error
    return raised.value, printed


def test_a_rollback_says_why_what_the_failed_instance_printed_and_what_serves(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy(archive("print('the old one')\n" + archive.__globals__["OBEDIENT"]))
    broken = local_aws.config(local_aws.model(deployed.bucket, deployed.role, archive(BROKEN)), deployed.bucket)

    def carry_out() -> None:  # Terraform stops at RollingBack
        local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=broken)

    error, printed = failing(
        local_aws, change(deployed, "update"), TerraformFailed("unexpected state", addresses=frozenset({ADDRESS})), carry_out
    )

    assert isinstance(error, RolledBack)
    assert error.exit_code == 4
    assert error.endpoint == deployed.name
    assert "exit code 7" in error.reason
    assert f"Endpoint {deployed.name} was rolled back: " in str(error)
    assert f"It serves configuration {deployed.config} (model {deployed.model}) on 1 instances, status InService." in str(error)
    logged = ["Model server started.", "no weights", "The container ended with exit code 7"]
    assert [line.partition(": ")[2] for line in error.log] == logged
    assert printed == list(error.log)


def test_what_scales_is_put_back_where_terraform_deregistered_it_for_the_update(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    register(local_aws, deployed)
    target = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceId": deployed.resource_id}
    step = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}
    policy = local_aws.scaling.put_scaling_policy(
        **target, PolicyName="wake", PolicyType="StepScaling", StepScalingPolicyConfiguration=step
    )["PolicyARN"]
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName=f"{deployed.name}-wake",
        AlarmActions=[policy],
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": deployed.name}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    bounds = {"MinCapacity": 0, "MaxCapacity": 3}
    local_aws.scaling.put_scheduled_action(
        **target, ScheduledActionName="night", Schedule="cron(0 3 * * ? *)", ScalableTargetAction=bounds
    )
    model = local_aws.model(deployed.bucket, deployed.role, archive(BROKEN))
    broken = local_aws.config(model, deployed.bucket, InstanceType="ml.m5.xlarge")

    def carry_out() -> None:
        local_aws.scaling.deregister_scalable_target(**target)
        local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=broken)

    failure = TerraformFailed("unexpected state", addresses=frozenset({ADDRESS}))
    error, _ = failing(local_aws, change(deployed, "update"), failure, carry_out)

    assert isinstance(error, RolledBack)
    of_it = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id}
    [action] = local_aws.scaling.describe_scheduled_actions(**of_it)["ScheduledActions"]
    assert (action["ScheduledActionName"], action["ScalableTargetAction"]) == ("night", bounds)
    deployed.asleep()
    assert deployed.ask({"answer": "awake"}).body == b"awake", "the alarm acts on the policy that was put back"


def test_an_update_that_is_refused_says_what_serves(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    failure = TerraformFailed("Could not find endpoint configuration.", addresses=frozenset({ADDRESS}))
    error, _ = failing(local_aws, change(deployed, "update"), failure, lambda: None)
    assert isinstance(error, RolledBack)
    assert f"Endpoint {deployed.name} was not updated: Could not find endpoint configuration. It serves" in str(error)


@pytest.mark.parametrize("updated", [True, False])
def test_a_failure_of_something_else_is_no_rollback(local_aws: AwsHarness, deploy: Any, updated: bool) -> None:
    deployed: Deployed = deploy()
    new = local_aws.config(deployed.model, deployed.bucket)
    failure = TerraformFailed("AccessDenied", addresses=frozenset({"aws_iam_role.this"}))
    carry_out = (lambda: update(local_aws, deployed, new)) if updated else (lambda: None)
    error, _ = failing(local_aws, change(deployed, "update"), failure, carry_out)
    assert error is failure

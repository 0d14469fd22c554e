"""Models, endpoint configurations and endpoints: create, describe, list, tag, refuse."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from async_endpoint.emulator.hosting import endpoint as hosting_endpoint
from support.common import process_runs, refusal, unique, until
from support.deployed_endpoint import Deployed, Role
from support.in_process_aws import ACCOUNT, IMAGE, REGION, AwsHarness
from support.sample_model import archive


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def unfit(operation: str, answer: dict[str, Any]) -> str:
    """The violations of botocore's response model; empty if it conforms."""
    loader = botocore.session.get_session().get_component("data_loader")
    shape = ServiceModel(loader.load_service_model("sagemaker", "service-2")).operation_model(operation).output_shape
    answer = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    unknown = answer.keys() - shape.members.keys()
    return ParamValidator().validate(answer, shape).generate_report() + "".join(sorted(unknown))


# --- what is made is described --------------------------------------------------------------------------------------------


def test_every_description_has_the_documented_shape(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    endpoint = shared_endpoint.describe()
    config = local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=shared_endpoint.config)
    model = local_aws.sagemaker.describe_model(ModelName=shared_endpoint.model)
    assert unfit("DescribeEndpoint", endpoint) == ""
    assert unfit("DescribeEndpointConfig", config) == ""
    assert unfit("DescribeModel", model) == ""
    assert (endpoint["EndpointArn"], endpoint["EndpointConfigName"]) == (
        arn("endpoint", shared_endpoint.name),
        shared_endpoint.config,
    )
    assert (endpoint["EndpointStatus"], "FailureReason" in endpoint) == ("InService", False)
    assert endpoint["AsyncInferenceConfig"] == config["AsyncInferenceConfig"]
    (variant,) = endpoint["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == ("primary", 1, 1)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert config["AsyncInferenceConfig"]["OutputConfig"] == {
        "S3OutputPath": f"s3://{shared_endpoint.bucket}/output/",
        "S3FailurePath": f"s3://{shared_endpoint.bucket}/failure/",
        "NotificationConfig": shared_endpoint.topics,
    }
    assert (model["ModelArn"], model["ExecutionRoleArn"]) == (arn("model", shared_endpoint.model), shared_endpoint.role.arn)
    assert model["PrimaryContainer"]["Image"] == IMAGE


def test_a_description_has_only_requested_members(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    """Terraform would plan to change invented members."""
    model = local_aws.sagemaker.describe_model(ModelName=shared_endpoint.model)
    config = local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=shared_endpoint.config)
    assert "VpcConfig" not in model
    assert model["EnableNetworkIsolation"] is False
    assert {"DataCaptureConfig", "KmsKeyId", "VpcConfig"}.isdisjoint(config)
    isolated = unique("model")
    local_aws.sagemaker.create_model(
        ModelName=isolated,
        ExecutionRoleArn=shared_endpoint.role.arn,
        PrimaryContainer=model["PrimaryContainer"],
        EnableNetworkIsolation=True,
    )
    assert local_aws.sagemaker.describe_model(ModelName=isolated)["EnableNetworkIsolation"] is True


def test_an_endpoint_is_creating_until_every_instance_serves(local_aws: AwsHarness, deploy: Any, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    code = f"import os, time\ndef model_fn(d):\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    deployed = deploy(archive(code), wait=False, variant={"InitialInstanceCount": 2})
    until(lambda: [item["state"] for item in deployed.status()["instances"]] == ["Starting"] * 2, "two containers start")
    described = deployed.describe()
    assert (described["EndpointStatus"], "ProductionVariants" in described) == ("Creating", False)
    assert unfit("DescribeEndpoint", described) == ""
    gate.touch()
    (variant,) = deployed.until_status("InService")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 2


def test_boto3_waiters_complete(local_aws: AwsHarness, deploy: Any) -> None:
    deployed = deploy(wait=False)
    quick = {"Delay": 0.05, "MaxAttempts": 400}
    local_aws.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=deployed.name, WaiterConfig=quick)
    deployed.delete()
    local_aws.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=deployed.name, WaiterConfig=quick)


def test_an_endpoint_can_be_deleted_after_its_creation_and_recreated(
    local_aws: AwsHarness, deploy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting_endpoint, "DELETING_SECONDS", 3_000)  # five seconds of this test's time
    deployed = deploy(archive("import time\ndef model_fn(d): time.sleep(600)\n"), wait=False)
    until(lambda: [item["state"] for item in deployed.status()["instances"]] == ["Starting"], "its container starts")
    pid = until(lambda: deployed.status()["instances"][0]["pid"], "its container has a process id")
    in_progress = f'Cannot update in-progress endpoint "{arn("endpoint", deployed.name)}".'
    assert refusal(local_aws.sagemaker.delete_endpoint, EndpointName=deployed.name) == ("ValidationException", in_progress)
    os.kill(pid, signal.SIGKILL)
    assert deployed.until_status("Failed")["FailureReason"]
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)
    assert deployed.describe()["EndpointStatus"] == "Deleting"
    taken = {"EndpointName": deployed.name, "EndpointConfigName": deployed.config}
    assert "Cannot create already existing endpoint" in refusal(local_aws.sagemaker.create_endpoint, **taken)[1]
    until(lambda: not local_aws.endpoints(deployed.name), "the endpoint is gone")
    assert "Could not find endpoint" in refusal(deployed.describe)[1]
    assert not process_runs(pid)
    config = local_aws.config(local_aws.model(deployed.bucket, deployed.role), deployed.bucket)
    local_aws.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
    assert deployed.until_status("InService")["EndpointConfigName"] == config
    assert deployed.ask({"answer": "again"}).body == b"again"


# --- names ----------------------------------------------------------------------------------------------------------------


def test_a_duplicate_name_is_refused(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    model = {
        "ModelName": shared_endpoint.model,
        "ExecutionRoleArn": shared_endpoint.role.arn,
        "PrimaryContainer": {"Image": IMAGE},
    }
    assert refusal(local_aws.sagemaker.create_model, **model) == (
        "ValidationException",
        f"Cannot create already existing model {arn('model', shared_endpoint.model)}.",
    )
    config = local_aws.config_request(shared_endpoint.config, shared_endpoint.model, shared_endpoint.bucket)
    assert refusal(local_aws.sagemaker.create_endpoint_config, **config) == (
        "ValidationException",
        f'Cannot create already existing endpoint configuration "{arn("endpoint-config", shared_endpoint.config)}".',
    )
    assert refusal(
        local_aws.sagemaker.create_endpoint, EndpointName=shared_endpoint.name, EndpointConfigName=shared_endpoint.config
    ) == (
        "ValidationException",
        f'Cannot create already existing endpoint "{arn("endpoint", shared_endpoint.name)}".',
    )


def test_an_unknown_name_is_refused(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    sagemaker, words = local_aws.sagemaker, {"endpoint": [], "endpoint configuration": [], "model": []}
    endpoint, config, model = {"EndpointName": "none"}, {"EndpointConfigName": "none"}, {"ModelName": "none"}
    words["endpoint"] += [refusal(call, **endpoint) for call in (sagemaker.describe_endpoint, sagemaker.delete_endpoint)]
    words["endpoint"] += [refusal(sagemaker.update_endpoint, EndpointName="none", EndpointConfigName=shared_endpoint.config)]
    for call in (sagemaker.describe_endpoint_config, sagemaker.delete_endpoint_config):
        words["endpoint configuration"] += [refusal(call, **config)]
    words["endpoint configuration"] += [refusal(sagemaker.create_endpoint, EndpointName="new", EndpointConfigName="none")]
    words["endpoint configuration"] += [
        refusal(sagemaker.update_endpoint, EndpointName=shared_endpoint.name, EndpointConfigName="none")
    ]
    words["model"] += [refusal(call, **model) for call in (sagemaker.describe_model, sagemaker.delete_model)]
    words["model"] += [
        refusal(sagemaker.create_endpoint_config, **local_aws.config_request("new", "none", shared_endpoint.bucket))
    ]
    kinds = {"endpoint": "endpoint", "endpoint configuration": "endpoint-config", "model": "model"}
    for word, answers in words.items():
        assert set(answers) == {("ValidationException", f'Could not find {word} "{arn(kinds[word], "none")}".')}
    assert "Could not find endpoint" in refusal(sagemaker.describe_endpoint, EndpointName="new")[1]


def test_a_model_in_use_can_be_deleted(local_aws: AwsHarness, deploy: Any) -> None:
    deployed = deploy()
    local_aws.sagemaker.delete_model(ModelName=deployed.model)
    assert deployed.ask({"answer": "still"}).body == b"still"


def test_a_deleting_endpoint_can_be_described_but_not_deleted_again(
    local_aws: AwsHarness, deploy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting_endpoint, "DELETING_SECONDS", 3_000)  # five seconds of this test's time
    deployed: Deployed = deploy()
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)
    local_aws.sagemaker.delete_endpoint_config(EndpointConfigName=deployed.config)
    assert deployed.describe()["EndpointStatus"] == "Deleting"
    assert "in-progress" in refusal(local_aws.sagemaker.delete_endpoint, EndpointName=deployed.name)[1]
    until(lambda: not local_aws.endpoints(deployed.name), "the endpoint is gone")


def test_the_last_deployment_configuration_is_described(local_aws: AwsHarness, deploy: Any) -> None:
    deployed: Deployed = deploy()
    assert "LastDeploymentConfig" not in deployed.describe()
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    given = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0}}

    def update(**more: Any) -> dict[str, Any]:
        config = local_aws.config(deployed.model, deployed.bucket)
        local_aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config, **more)
        return deployed.until_status("InService")

    assert update(DeploymentConfig=given)["LastDeploymentConfig"] == given
    assert update(RetainDeploymentConfig=True)["LastDeploymentConfig"] == given
    assert "LastDeploymentConfig" not in update()


def test_instances_above_the_quota_are_refused(local_aws: AwsHarness, deploy: Any) -> None:
    many = local_aws.config(local_aws.model(*_place(local_aws)), local_aws.bucket(), InitialInstanceCount=65)
    code, message = refusal(local_aws.sagemaker.create_endpoint, EndpointName=unique("endpoint"), EndpointConfigName=many)
    assert (code, "'ml.m5.large for endpoint usage' is 64 Instances" in message) == ("ResourceLimitExceeded", True)
    deployed: Deployed = deploy()
    wanted = [{"VariantName": "primary", "DesiredInstanceCount": 100_000}]
    code, message = refusal(
        local_aws.sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=deployed.name,
        DesiredWeightsAndCapacities=wanted,
    )
    assert (code, "a request delta of 99999 Instances" in message) == ("ResourceLimitExceeded", True)
    assert deployed.describe()["EndpointStatus"] == "InService"


def _place(local_aws: AwsHarness) -> tuple[str, Role]:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    return bucket, role


def test_an_unsupported_action_is_refused_by_name(local_aws: AwsHarness) -> None:
    absent = {
        "UnknownOperationException": (local_aws.sagemaker.batch_describe_model_package, {"ModelPackageArnList": ["arn:aws:x"]}),
        "InvalidAction": (local_aws.sns.get_sms_sandbox_account_status, {}),
    }
    for wanted, (call, arguments) in absent.items():
        code, message = refusal(call, **arguments)
        assert (code, "is not emulated by the local AWS" in message) == (wanted, True), message


def test_regions_do_not_see_each_other(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    elsewhere = local_aws.client("sagemaker", region="us-east-1")
    assert elsewhere.list_endpoints()["Endpoints"] == []
    assert "us-east-1" in refusal(elsewhere.describe_endpoint, EndpointName=shared_endpoint.name)[1]


# --- lists and tags -------------------------------------------------------------------------------------------------------


def test_lists_are_paged_newest_first_and_sorted_by_name(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    word = unique("listed")
    names = [f"{word}-{number:02}" for number in range(12)]
    for name in names:
        local_aws.sagemaker.create_endpoint_config(
            **local_aws.config_request(name, shared_endpoint.model, shared_endpoint.bucket)
        )
    listed = {"NameContains": word}
    first = local_aws.sagemaker.list_endpoint_configs(**listed)
    assert [item["EndpointConfigName"] for item in first["EndpointConfigs"]] == names[:1:-1]
    second = local_aws.sagemaker.list_endpoint_configs(**listed, NextToken=first["NextToken"])
    assert [item["EndpointConfigName"] for item in second["EndpointConfigs"]] == names[1::-1]
    assert "NextToken" not in second
    paginator = local_aws.sagemaker.get_paginator("list_endpoint_configs")
    pages = list(paginator.paginate(**listed, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 5}))
    assert [len(page["EndpointConfigs"]) for page in pages] == [5, 5, 2]
    assert [item["EndpointConfigName"] for page in pages for item in page["EndpointConfigs"]] == names
    assert unfit("ListEndpointConfigs", first) == ""
    middle = local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=names[6])["CreationTime"]
    earlier = local_aws.sagemaker.list_endpoint_configs(**listed, CreationTimeBefore=middle)["EndpointConfigs"]
    assert {item["EndpointConfigName"] for item in earlier} <= set(names[:7])
    assert (
        local_aws.sagemaker.list_endpoint_configs(**listed, CreationTimeAfter=datetime(2200, 1, 1, tzinfo=UTC))[
            "EndpointConfigs"
        ]
        == []
    )


def test_endpoints_and_models_are_listed_with_their_state(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    endpoints = local_aws.sagemaker.list_endpoints(NameContains=shared_endpoint.name, StatusEquals="InService")
    assert unfit("ListEndpoints", endpoints) == ""
    assert [
        (item["EndpointArn"], item["EndpointStatus"])
        for item in endpoints["Endpoints"]
        if item["EndpointName"] == shared_endpoint.name
    ] == [(arn("endpoint", shared_endpoint.name), "InService")]
    assert local_aws.sagemaker.list_endpoints(NameContains=shared_endpoint.name, StatusEquals="Failed")["Endpoints"] == []
    models = local_aws.sagemaker.list_models(NameContains=shared_endpoint.model)
    assert unfit("ListModels", models) == ""
    assert arn("model", shared_endpoint.model) in [item["ModelArn"] for item in models["Models"]]


def test_tags_are_stored_changed_and_deleted_with_their_resource(local_aws: AwsHarness, deploy: Any) -> None:
    deployed, sagemaker = deploy(), local_aws.sagemaker

    def tags(resource: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=resource)["Tags"]}

    config = local_aws.config_request(unique("tagged"), deployed.model, deployed.bucket)
    resource = sagemaker.create_endpoint_config(**config, Tags=[{"Key": "team", "Value": "shop"}])["EndpointConfigArn"]
    assert tags(resource) == {"team": "shop"}
    sagemaker.add_tags(ResourceArn=resource, Tags=[{"Key": "team", "Value": "coats"}, {"Key": "cost", "Value": "1"}])
    assert tags(resource) == {"team": "coats", "cost": "1"}
    sagemaker.delete_tags(ResourceArn=resource, TagKeys=["team", "none"])
    assert tags(resource) == {"cost": "1"}
    sagemaker.delete_endpoint_config(EndpointConfigName=config["EndpointConfigName"])
    sagemaker.create_endpoint_config(**config)
    assert tags(resource) == {}
    for kind, name in (("endpoint", deployed.name), ("model", deployed.model)):
        sagemaker.add_tags(ResourceArn=arn(kind, name), Tags=[{"Key": "kind", "Value": kind}])
        assert tags(arn(kind, name)) == {"kind": kind}

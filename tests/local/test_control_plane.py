"""Models, configurations and endpoints: made, described, listed, tagged, refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from local_kit import ACCOUNT, IMAGE, REGION, Deployed, Kit, archive, process_runs, refusal, unique, until


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def unfit(operation: str, answer: dict[str, Any]) -> str:
    """What botocore's model of an answer finds wrong with one, empty if nothing."""
    loader = botocore.session.get_session().get_component("data_loader")
    shape = ServiceModel(loader.load_service_model("sagemaker", "service-2")).operation_model(operation).output_shape
    answer = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    unknown = answer.keys() - shape.members.keys()
    return ParamValidator().validate(answer, shape).generate_report() + "".join(sorted(unknown))


# --- what is made is described --------------------------------------------------------------------------------------------


def test_every_description_has_the_documented_shape(kit: Kit, shop: Deployed) -> None:
    endpoint = shop.describe()
    config = kit.sagemaker.describe_endpoint_config(EndpointConfigName=shop.config)
    model = kit.sagemaker.describe_model(ModelName=shop.model)
    assert unfit("DescribeEndpoint", endpoint) == ""
    assert unfit("DescribeEndpointConfig", config) == ""
    assert unfit("DescribeModel", model) == ""
    assert (endpoint["EndpointArn"], endpoint["EndpointConfigName"]) == (arn("endpoint", shop.name), shop.config)
    assert (endpoint["EndpointStatus"], "FailureReason" in endpoint) == ("InService", False)
    assert endpoint["AsyncInferenceConfig"] == config["AsyncInferenceConfig"]
    (variant,) = endpoint["ProductionVariants"]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == ("primary", 1, 1)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert config["AsyncInferenceConfig"]["OutputConfig"] == {
        "S3OutputPath": f"s3://{shop.bucket}/output/",
        "S3FailurePath": f"s3://{shop.bucket}/failure/",
        "NotificationConfig": shop.topics,
    }
    assert (model["ModelArn"], model["ExecutionRoleArn"]) == (arn("model", shop.model), shop.role.arn)
    assert model["PrimaryContainer"]["Image"] == IMAGE


def test_a_description_has_only_what_was_asked_for(kit: Kit, shop: Deployed) -> None:
    """What is made up here, Terraform would want to change back."""
    model = kit.sagemaker.describe_model(ModelName=shop.model)
    config = kit.sagemaker.describe_endpoint_config(EndpointConfigName=shop.config)
    assert "VpcConfig" not in model
    assert model["EnableNetworkIsolation"] is False
    assert {"DataCaptureConfig", "KmsKeyId", "VpcConfig"}.isdisjoint(config)
    isolated = unique("model")
    kit.sagemaker.create_model(
        ModelName=isolated,
        ExecutionRoleArn=shop.role.arn,
        PrimaryContainer=model["PrimaryContainer"],
        EnableNetworkIsolation=True,
    )
    assert kit.sagemaker.describe_model(ModelName=isolated)["EnableNetworkIsolation"] is True


def test_an_endpoint_is_creating_until_every_instance_serves(kit: Kit, deploy: Any, tmp_path: Path) -> None:
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


def test_waiters_of_boto3_come_to_an_end(kit: Kit, deploy: Any) -> None:
    deployed = deploy(wait=False)
    quick = {"Delay": 0.05, "MaxAttempts": 400}
    kit.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=deployed.name, WaiterConfig=quick)
    deployed.delete()
    kit.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=deployed.name, WaiterConfig=quick)


def test_an_endpoint_can_be_deleted_while_it_is_creating_and_made_again(kit: Kit, deploy: Any) -> None:
    deployed = deploy(archive("import time\ndef model_fn(d): time.sleep(600)\n"), wait=False)
    until(lambda: [item["state"] for item in deployed.status()["instances"]] == ["Starting"], "its container starts")
    pid = deployed.status()["instances"][0]["pid"]
    deployed.delete()
    assert "Could not find endpoint" in refusal(deployed.describe)[1]
    until(lambda: not process_runs(pid), "its container is gone")
    config = kit.config(kit.model(deployed.bucket, deployed.role), deployed.bucket)
    kit.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
    assert deployed.until_status("InService")["EndpointConfigName"] == config
    assert deployed.ask({"answer": "again"}).body == b"again"


# --- names ----------------------------------------------------------------------------------------------------------------


def test_a_taken_name_is_refused(kit: Kit, shop: Deployed) -> None:
    model = {"ModelName": shop.model, "ExecutionRoleArn": shop.role.arn, "PrimaryContainer": {"Image": IMAGE}}
    assert refusal(kit.sagemaker.create_model, **model) == (
        "ValidationException",
        f"Cannot create already existing model {arn('model', shop.model)}.",
    )
    config = kit.config_request(shop.config, shop.model, shop.bucket)
    assert refusal(kit.sagemaker.create_endpoint_config, **config) == (
        "ValidationException",
        f'Cannot create already existing endpoint configuration "{arn("endpoint-config", shop.config)}".',
    )
    assert refusal(kit.sagemaker.create_endpoint, EndpointName=shop.name, EndpointConfigName=shop.config) == (
        "ValidationException",
        f'Cannot create already existing endpoint "{arn("endpoint", shop.name)}".',
    )


def test_a_name_that_nothing_has_is_refused(kit: Kit, shop: Deployed) -> None:
    sagemaker, words = kit.sagemaker, {"endpoint": [], "endpoint configuration": [], "model": []}
    endpoint, config, model = {"EndpointName": "none"}, {"EndpointConfigName": "none"}, {"ModelName": "none"}
    words["endpoint"] += [refusal(call, **endpoint) for call in (sagemaker.describe_endpoint, sagemaker.delete_endpoint)]
    words["endpoint"] += [refusal(sagemaker.update_endpoint, EndpointName="none", EndpointConfigName=shop.config)]
    for call in (sagemaker.describe_endpoint_config, sagemaker.delete_endpoint_config):
        words["endpoint configuration"] += [refusal(call, **config)]
    words["endpoint configuration"] += [refusal(sagemaker.create_endpoint, EndpointName="new", EndpointConfigName="none")]
    words["endpoint configuration"] += [refusal(sagemaker.update_endpoint, EndpointName=shop.name, EndpointConfigName="none")]
    words["model"] += [refusal(call, **model) for call in (sagemaker.describe_model, sagemaker.delete_model)]
    words["model"] += [refusal(sagemaker.create_endpoint_config, **kit.config_request("new", "none", shop.bucket))]
    kinds = {"endpoint": "endpoint", "endpoint configuration": "endpoint-config", "model": "model"}
    for word, answers in words.items():
        assert set(answers) == {("ValidationException", f'Could not find {word} "{arn(kinds[word], "none")}".')}
    assert "Could not find endpoint" in refusal(sagemaker.describe_endpoint, EndpointName="new")[1]


def test_a_model_that_endpoints_run_can_be_deleted(kit: Kit, deploy: Any) -> None:
    deployed = deploy()
    kit.sagemaker.delete_model(ModelName=deployed.model)
    assert deployed.ask({"answer": "still"}).body == b"still"


def test_a_configuration_in_use_cannot_be_deleted(kit: Kit, deploy: Any) -> None:
    deployed = deploy()
    code, message = refusal(kit.sagemaker.delete_endpoint_config, EndpointConfigName=deployed.config)
    assert (code, deployed.name in message, deployed.config in message) == ("ValidationException", True, True)
    deployed.delete()
    kit.sagemaker.delete_endpoint_config(EndpointConfigName=deployed.config)
    assert "Could not find" in refusal(kit.sagemaker.describe_endpoint_config, EndpointConfigName=deployed.config)[1]


def test_regions_do_not_see_each_other(kit: Kit, shop: Deployed) -> None:
    elsewhere = kit.client("sagemaker", region="us-east-1")
    assert elsewhere.list_endpoints()["Endpoints"] == []
    assert "us-east-1" in refusal(elsewhere.describe_endpoint, EndpointName=shop.name)[1]


# --- what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variants": 2}, "exactly one production variant"),
        ({"shadow": True}, "no shadow variant"),
        ({"variant": {"InitialInstanceCount": 0}}, "InitialInstanceCount"),
        ({"variant": {"InitialInstanceCount": None}}, "InitialInstanceCount"),
        ({"variant": {"InstanceType": "ml.g5.xlarge"}, "request": {"KmsKeyId": "alias/any"}}, "ml.g5.xlarge"),
        ({"variant": {"InstanceType": "ml.m5d.large"}, "request": {"KmsKeyId": "alias/any"}}, "local storage"),
        ({"variant": {"InstanceType": "ml.none.large"}}, "enum value set"),
        (
            {"variant": {"InstanceType": None, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}},
            "instance-based",
        ),
        ({"client": {"MaxConcurrentInvocationsPerInstance": 0}}, "MaxConcurrentInvocationsPerInstance"),
        ({"client": {"MaxConcurrentInvocationsPerInstance": 1_001}}, "MaxConcurrentInvocationsPerInstance"),
        ({"output": {"S3OutputPath": "here"}}, "S3OutputPath"),
        ({"output": {"S3FailurePath": "here"}}, "S3FailurePath"),
        ({"output": {"NotificationConfig": {"SuccessTopic": "topic"}}}, "SuccessTopic"),
        ({"output": {"NotificationConfig": {"IncludeInferenceResponseIn": ["EVERYWHERE"]}}}, "enum value set"),
        ({"request": {"EndpointConfigName": "not a name"}}, "EndpointConfigName"),
        ({"request": {"AsyncInferenceConfig": None}}, "AsyncInferenceConfig"),
    ],
)
def test_a_configuration_sagemaker_would_refuse_is_refused(kit: Kit, shop: Deployed, change: dict[str, Any], said: str) -> None:
    request = kit.config_request(unique("config"), shop.model, shop.bucket)
    (variant,) = request["ProductionVariants"]
    variant |= change.get("variant", {})
    request["ProductionVariants"] = [
        {name: value for name, value in variant.items() if value is not None} | {"VariantName": f"v{number}"}
        for number in range(change.get("variants", 1))
    ]
    if "shadow" in change:
        request["ShadowProductionVariants"] = [variant | {"VariantName": "shadow"}]
    request["AsyncInferenceConfig"]["ClientConfig"] |= change.get("client", {})
    request["AsyncInferenceConfig"]["OutputConfig"] |= change.get("output", {})
    request |= change.get("request", {})
    unchecked = kit.client("sagemaker", parameter_validation=False)
    code, message = refusal(
        unchecked.create_endpoint_config, **{name: value for name, value in request.items() if value is not None}
    )
    assert (code, said in message) == ("ValidationException", True), message


def test_encryption_is_accepted_for_instances_without_local_storage(kit: Kit, shop: Deployed) -> None:
    request = kit.config_request(unique("config"), shop.model, shop.bucket, KmsKeyId="alias/any")
    request["KmsKeyId"] = request["ProductionVariants"][0].pop("KmsKeyId")
    kit.sagemaker.create_endpoint_config(**request)
    described = kit.sagemaker.describe_endpoint_config(EndpointConfigName=request["EndpointConfigName"])
    assert described["KmsKeyId"] == "alias/any"


@pytest.mark.parametrize(
    ("call", "request_", "said"),
    [
        ("describe_endpoint", {}, "EndpointName"),
        ("create_endpoint", {"EndpointName": "x" * 64, "EndpointConfigName": "c"}, "EndpointName"),
        ("create_endpoint", {"EndpointName": ["x"], "EndpointConfigName": "c"}, "EndpointName"),
        ("create_model", {"ModelName": "m", "PrimaryContainer": {"Image": 3}}, "Image"),
        ("list_endpoints", {"MaxResults": 0}, "MaxResults"),
        ("list_endpoints", {"NextToken": "anything"}, "NextToken"),
    ],
)
def test_a_request_of_the_wrong_shape_is_a_validation_exception(
    kit: Kit, call: str, request_: dict[str, Any], said: str
) -> None:
    unchecked = kit.client("sagemaker", parameter_validation=False)
    code, message = refusal(getattr(unchecked, call), **request_)
    assert (code, said in message) == ("ValidationException", True), message


@pytest.mark.parametrize("body", [b"not json", b"[]", b'"text"'])
def test_a_request_that_is_no_json_object_is_refused_and_is_no_fault_of_the_service(kit: Kit, body: bytes) -> None:
    client = kit.client("sagemaker")
    client.meta.events.register("before-call.sagemaker.ListModels", lambda params, **_: params.__setitem__("body", body))
    assert refusal(client.list_models)[0] == "SerializationException"


# --- models ---------------------------------------------------------------------------------------------------------------


def test_a_model_needs_a_role_that_sagemaker_may_assume(kit: Kit) -> None:
    bucket, role = kit.bucket(), kit.role(trusted="lambda.amazonaws.com")
    role.allow(bucket)
    data = kit.put(bucket, "model.tar.gz", archive())
    for role_arn in (role.arn, role.arn + "-none"):
        container = {"Image": IMAGE, "ModelDataUrl": data}
        code, message = refusal(
            kit.sagemaker.create_model, ModelName="untrusted", ExecutionRoleArn=role_arn, PrimaryContainer=container
        )
        assert (code, f"Could not assume role {role_arn}" in message) == ("ValidationException", True), message


def test_a_model_needs_data_that_its_role_may_read(kit: Kit) -> None:
    bucket, role = kit.bucket(), kit.role()
    data = kit.put(bucket, "model.tar.gz", archive())
    role.allow(bucket, without=["read"])
    model = {"ModelName": "unread", "ExecutionRoleArn": role.arn, "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": data}}
    code, message = refusal(kit.sagemaker.create_model, **model)
    assert (code, f"Could not access model data at {data}" in message) == ("ValidationException", True), message
    assert "s3:GetObject" in message
    role.allow(bucket)
    model["PrimaryContainer"]["ModelDataUrl"] = data + "x"
    code, message = refusal(kit.sagemaker.create_model, **model)
    assert (code, f"Could not find model data at {data}x" in message) == ("ValidationException", True), message
    assert "Could not find model" in refusal(kit.sagemaker.describe_model, ModelName="unread")[1]


# --- lists and tags -------------------------------------------------------------------------------------------------------


def test_lists_come_in_pages_newest_first_and_by_name(kit: Kit, shop: Deployed) -> None:
    word = unique("listed")
    names = [f"{word}-{number:02}" for number in range(12)]
    for name in names:
        kit.sagemaker.create_endpoint_config(**kit.config_request(name, shop.model, shop.bucket))
    listed = {"NameContains": word}
    first = kit.sagemaker.list_endpoint_configs(**listed)
    assert [item["EndpointConfigName"] for item in first["EndpointConfigs"]] == names[:1:-1]
    second = kit.sagemaker.list_endpoint_configs(**listed, NextToken=first["NextToken"])
    assert [item["EndpointConfigName"] for item in second["EndpointConfigs"]] == names[1::-1]
    assert "NextToken" not in second
    paginator = kit.sagemaker.get_paginator("list_endpoint_configs")
    pages = list(paginator.paginate(**listed, SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 5}))
    assert [len(page["EndpointConfigs"]) for page in pages] == [5, 5, 2]
    assert [item["EndpointConfigName"] for page in pages for item in page["EndpointConfigs"]] == names
    assert unfit("ListEndpointConfigs", first) == ""
    middle = kit.sagemaker.describe_endpoint_config(EndpointConfigName=names[6])["CreationTime"]
    earlier = kit.sagemaker.list_endpoint_configs(**listed, CreationTimeBefore=middle)["EndpointConfigs"]
    assert {item["EndpointConfigName"] for item in earlier} <= set(names[:7])
    assert (
        kit.sagemaker.list_endpoint_configs(**listed, CreationTimeAfter=datetime(2200, 1, 1, tzinfo=UTC))["EndpointConfigs"]
        == []
    )


def test_endpoints_and_models_are_listed_with_their_state(kit: Kit, shop: Deployed) -> None:
    endpoints = kit.sagemaker.list_endpoints(NameContains=shop.name, StatusEquals="InService")
    assert unfit("ListEndpoints", endpoints) == ""
    assert [
        (item["EndpointArn"], item["EndpointStatus"]) for item in endpoints["Endpoints"] if item["EndpointName"] == shop.name
    ] == [(arn("endpoint", shop.name), "InService")]
    assert kit.sagemaker.list_endpoints(NameContains=shop.name, StatusEquals="Failed")["Endpoints"] == []
    models = kit.sagemaker.list_models(NameContains=shop.model)
    assert unfit("ListModels", models) == ""
    assert arn("model", shop.model) in [item["ModelArn"] for item in models["Models"]]


def test_tags_are_kept_changed_and_gone_with_what_they_are_on(kit: Kit, deploy: Any) -> None:
    deployed, sagemaker = deploy(), kit.sagemaker

    def tags(resource: str) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=resource)["Tags"]}

    config = kit.config_request(unique("tagged"), deployed.model, deployed.bucket)
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


def test_what_is_not_of_hosting_is_left_to_moto(kit: Kit) -> None:
    name = unique("notebook")
    kit.sagemaker.create_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName=name)
    described = kit.sagemaker.describe_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName=name)
    assert described["NotebookInstanceLifecycleConfigName"] == name

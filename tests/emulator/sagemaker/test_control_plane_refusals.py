"""Validation errors of the control plane: configurations, request shapes, models whose role cannot read the data."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from support.common import refusal, unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import IMAGE, AwsHarness
from support.sample_model import archive


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variants": 2}, "exactly one production variant"),
        ({"shadow": True}, "no shadow variant"),
        ({"variant": {"InitialInstanceCount": 0}}, "'productionVariants.1.member.initialInstanceCount'"),
        ({"variant": {"InitialInstanceCount": None}}, "InitialInstanceCount"),
        ({"variant": {"InstanceType": "ml.g5.xlarge"}, "request": {"KmsKeyId": "alias/any"}}, "ml.g5.xlarge"),
        ({"variant": {"InstanceType": "ml.m5d.large"}, "request": {"KmsKeyId": "alias/any"}}, "local storage"),
        ({"variant": {"InstanceType": "ml.p6-b200.48xlarge"}, "request": {"KmsKeyId": "alias/any"}}, "local storage"),
        ({"variant": {"InstanceType": "ml.none.large"}}, "enum value set"),
        (
            {"variant": {"ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2}}},
            "ManagedInstanceScaling is only supported for inference component endpoints.",
        ),
        (
            {"variant": {"InstanceType": None, "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}},
            "instance-based",
        ),
        ({"client": {"MaxConcurrentInvocationsPerInstance": 0}}, "maxConcurrentInvocationsPerInstance"),
        ({"client": {"MaxConcurrentInvocationsPerInstance": 1_001}}, "maxConcurrentInvocationsPerInstance"),
        ({"output": {"S3OutputPath": "here"}}, "outputConfig.s3OutputPath"),
        ({"output": {"S3FailurePath": "here"}}, "outputConfig.s3FailurePath"),
        ({"output": {"S3OutputPath": "https://example.com/output"}}, "S3OutputPath"),
        ({"output": {"NotificationConfig": {"SuccessTopic": "topic"}}}, "notificationConfig.successTopic"),
        ({"output": {"NotificationConfig": {"IncludeInferenceResponseIn": ["EVERYWHERE"]}}}, "enum value set"),
        ({"request": {"EndpointConfigName": "not a name"}}, "endpointConfigName"),
    ],
)
def test_a_configuration_sagemaker_would_refuse_is_refused(
    local_aws: AwsHarness, shared_endpoint: Deployed, change: dict[str, Any], said: str
) -> None:
    request = local_aws.config_request(unique("config"), shared_endpoint.model, shared_endpoint.bucket)
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
    unchecked = local_aws.client("sagemaker", parameter_validation=False)
    code, message = refusal(
        unchecked.create_endpoint_config, **{name: value for name, value in request.items() if value is not None}
    )
    assert (code, said in message) == ("ValidationException", True), message


def test_encryption_is_accepted_for_instances_without_local_storage(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    request = local_aws.config_request(unique("config"), shared_endpoint.model, shared_endpoint.bucket, KmsKeyId="alias/any")
    request["KmsKeyId"] = request["ProductionVariants"][0].pop("KmsKeyId")
    local_aws.sagemaker.create_endpoint_config(**request)
    described = local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=request["EndpointConfigName"])
    assert described["KmsKeyId"] == "alias/any"


def test_names_that_differ_by_case_are_one_name(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    sagemaker = local_aws.sagemaker
    other = {"EndpointName": shared_endpoint.name.upper(), "EndpointConfigName": shared_endpoint.config}
    code, message = refusal(sagemaker.create_endpoint, **other)
    assert (code, "Cannot create already existing endpoint" in message) == ("ValidationException", True), message
    assert "Could not find endpoint" in refusal(sagemaker.describe_endpoint, EndpointName=other["EndpointName"])[1]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ([("team", "1"), ("team", "2")], "found team more than once"),
        ([("aws:cloudformation:stack-name", "shop")], "reserved for AWS"),
        ([(f"key-{number}", "") for number in range(50)], "at most 50 tags; this one would have 51"),
    ],
)
def test_tags_have_limits(local_aws: AwsHarness, shared_endpoint: Deployed, tags: list[tuple[str, str]], said: str) -> None:
    model = local_aws.model(shared_endpoint.bucket, shared_endpoint.role)
    arn = local_aws.sagemaker.describe_model(ModelName=model)["ModelArn"]
    local_aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "first", "Value": ""}])
    pairs = [{"Key": key, "Value": value} for key, value in tags]
    code, message = refusal(local_aws.sagemaker.add_tags, ResourceArn=arn, Tags=pairs)
    assert (code, said in message) == ("ValidationException", True), message
    assert local_aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "first", "Value": ""}]


def test_a_page_that_was_never_given_is_refused(local_aws: AwsHarness) -> None:
    code, message = refusal(local_aws.sagemaker.list_endpoints, NextToken="anything")
    assert (code, "NextToken" in message) == ("ValidationException", True), message


@pytest.mark.parametrize("body", [b"not json", b"[]", b'"text"'])
def test_a_request_that_is_not_a_json_object_is_a_client_error(local_aws: AwsHarness, body: bytes) -> None:
    client = local_aws.client("sagemaker")
    client.meta.events.register("before-call.sagemaker.ListModels", lambda params, **_: params.__setitem__("body", body))
    assert refusal(client.list_models)[0] == "SerializationException"


def test_a_model_requires_a_role_that_sagemaker_can_assume(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role(trusted="lambda.amazonaws.com")
    role.allow(bucket)
    data = local_aws.put(bucket, "model.tar.gz", archive())
    without_data = {"Image": IMAGE}
    for role_arn, container in itertools.product(
        (role.arn, role.arn + "-none"), (without_data | {"ModelDataUrl": data}, without_data)
    ):
        code, message = refusal(
            local_aws.sagemaker.create_model, ModelName="untrusted", ExecutionRoleArn=role_arn, PrimaryContainer=container
        )
        assert (code, f"Could not assume role {role_arn}" in message) == ("ValidationException", True), message
        assert "None" not in message


def test_a_model_requires_data_that_its_role_can_read(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    data = local_aws.put(bucket, "model.tar.gz", archive())
    role.allow(bucket, without=["read"])
    model = {"ModelName": "unread", "ExecutionRoleArn": role.arn, "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": data}}
    code, message = refusal(local_aws.sagemaker.create_model, **model)
    assert (code, f"Could not access model data at {data}" in message) == ("ValidationException", True), message
    assert "s3:GetObject" in message
    role.allow(bucket)
    model["PrimaryContainer"]["ModelDataUrl"] = data + "x"
    code, message = refusal(local_aws.sagemaker.create_model, **model)
    assert (code, f"Could not find model data at {data}x" in message) == ("ValidationException", True), message
    assert "Could not find model" in refusal(local_aws.sagemaker.describe_model, ModelName="unread")[1]

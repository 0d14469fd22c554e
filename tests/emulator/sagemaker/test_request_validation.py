"""Validation by the service model: AWS's sentences, all violations at once, and types before constraints."""

from __future__ import annotations

from typing import Any

import pytest

from async_endpoint.emulator.sagemaker.protocol import ApiError
from async_endpoint.emulator.sagemaker.request_validation import validate_request
from support.common import refusal
from support.in_process_aws import AwsHarness

VARIANT = {"VariantName": "primary", "ModelName": "shirts", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
CONFIG = {"EndpointConfigName": "shirts", "ProductionVariants": [VARIANT]}


def refused(operation: str, request: dict[str, Any], service: str = "sagemaker") -> str:
    with pytest.raises(ApiError) as caught:
        validate_request(service, operation, request)
    assert caught.value.code == "ValidationException"
    return str(caught.value)


def of_variant(**members: Any) -> str:
    return refused("CreateEndpointConfig", CONFIG | {"ProductionVariants": [VARIANT, VARIANT | members]})


def test_a_member_of_a_list_is_named_by_its_position() -> None:
    assert of_variant(ModelName="ENTER MODEL NAME") == (
        "1 validation error detected: Value 'ENTER MODEL NAME' at 'productionVariants.2.member.modelName' failed to satisfy "
        r"constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?"
    )
    message = of_variant(InstanceType="ml.t3.medium")
    assert message.startswith(
        "1 validation error detected: Value 'ml.t3.medium' at 'productionVariants.2.member.instanceType' failed to satisfy "
        "constraint: Member must satisfy enum value set: [ml."
    )


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"InitialInstanceCount": 0}, "Value '0' at 'productionVariants.2.member.initialInstanceCount' failed to satisfy "
         "constraint: Member must have value greater than or equal to 1"),
        ({"VolumeSizeInGB": 513}, "Member must have value less than or equal to 512"),
        ({"InitialVariantWeight": -0.5}, "Value '-0.5' at 'productionVariants.2.member.initialVariantWeight'"),
        ({"VariantName": None}, "Value null at 'productionVariants.2.member.variantName' failed to satisfy constraint: "
         "Member must not be null"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1024}}, "'productionVariants.2.member.serverlessConfig.maxConcurrency'"),
        ({"RoutingConfig": {"RoutingStrategy": "OLDEST"}}, "enum value set: [LEAST_OUTSTANDING_REQUESTS, RANDOM"),
    ],
)  # fmt: skip
def test_each_kind_of_constraint_has_its_sentence(members: dict[str, Any], said: str) -> None:
    message = of_variant(**members)
    assert (message.startswith("1 validation error detected: "), said in message) == (True, True), message


def test_all_violations_are_listed_length_before_pattern() -> None:
    name = "no name " * 9
    message = refused("CreateEndpoint", {"EndpointName": name})
    quoted = f"Value '{name}' at 'endpointName' failed to satisfy constraint: Member must "
    assert message.startswith(f"3 validation errors detected: {quoted}have length less than or equal to 63; {quoted}satisfy ")
    assert message.endswith("; Value null at 'endpointConfigName' failed to satisfy constraint: Member must not be null")


def test_plain_values_of_lists_and_maps_are_named_with_all_their_rules() -> None:
    request = {"ModelName": "shirts", "VpcConfig": {"SecurityGroupIds": [], "Subnets": ["subnet_1"]}}
    message = refused("CreateModel", request)
    assert "Value '[]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must have length greater" in message
    assert message.endswith(
        "Value '[subnet_1]' at 'vpcConfig.subnets' failed to satisfy constraint: Member must satisfy constraint: [Member must "
        "have length less than or equal to 32, Member must have length greater than or equal to 0, Member must satisfy regular "
        "expression pattern: [-0-9a-zA-Z]+]"
    ), message
    for environment, said in (({"1A": "x"}, "Map keys must satisfy"), ({"A": "x" * 1_025}, "Map value must satisfy")):
        message = refused("CreateModel", {"ModelName": "shirts", "PrimaryContainer": {"Environment": environment}})
        assert (f"at 'primaryContainer.environment' failed to satisfy constraint: {said}" in message) is True, message


@pytest.mark.parametrize(("value", "accepted"), [("größe 2 _.:/=+-@", True), ("two\tlines", False), ("100 %", False)])
def test_tags_accept_letters_of_every_language_and_few_signs(value: str, accepted: bool) -> None:
    request = {"EndpointName": "shirts", "EndpointConfigName": "shirts", "Tags": [{"Key": "size", "Value": value}]}
    if accepted:
        assert validate_request("sagemaker", "CreateEndpoint", request) == request
    else:
        assert "'tags.1.member.value'" in refused("CreateEndpoint", request)


def test_a_null_member_is_absent() -> None:
    request = CONFIG | {"KmsKeyId": None, "ProductionVariants": [VARIANT | {"RoutingConfig": None}]}
    assert validate_request("sagemaker", "CreateEndpointConfig", request) == CONFIG


def test_an_unknown_member_is_rejected_by_name() -> None:
    message = refused("CreateEndpointConfig", CONFIG | {"Colour": "red", "ProductionVariants": [VARIANT | {"Shape": 3}]})
    assert "colour" in message
    assert "productionVariants.1.member.shape" in message


@pytest.mark.parametrize(
    ("call", "request_", "said"),
    [
        ("create_endpoint", {"EndpointName": ["x"], "EndpointConfigName": "c"}, "START_LIST can not be converted to a String"),
        ("create_model", {"ModelName": "m", "PrimaryContainer": {"Image": 3}}, "(at 'primaryContainer.image')"),
        ("create_model", {"ModelName": "m", "EnableNetworkIsolation": "yes"}, "STRING_VALUE can not be converted to a Boolean"),
        ("list_endpoints", {"MaxResults": True}, "TRUE_VALUE can not be converted to an Integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_serialization_exception(
    local_aws: AwsHarness, call: str, request_: dict[str, Any], said: str
) -> None:
    unchecked = local_aws.client("sagemaker", parameter_validation=False)
    code, message = refusal(getattr(unchecked, call), **request_)
    assert (code, said in message) == ("SerializationException", True), message


def test_a_violation_reaches_the_caller_as_a_validation_exception(local_aws: AwsHarness) -> None:
    code, message = refusal(local_aws.sagemaker.describe_endpoint, EndpointName="x_y")
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value 'x_y' at 'endpointName'"), message


def test_a_secret_member_is_not_quoted() -> None:
    message = refused("InvokeEndpoint", {"EndpointName": "e", "Body": b"", "CustomAttributes": "ü"}, "sagemaker-runtime")
    assert message.startswith("1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: ")

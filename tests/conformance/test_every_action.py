"""Every control plane action: called with valid, empty and unknown input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.service import Hosting
from async_endpoint.emulator.sagemaker.control_plane import ControlPlane
from support.common import refusal, unique
from support.deployed_endpoint import Deployed
from support.in_process_aws import ACCOUNT, IMAGE, REGION, AwsHarness

Request = dict[str, Any]
MODEL = botocore.session.get_session().get_service_model("sagemaker")
TAGS = {"AddTags", "ListTags", "DeleteTags"}  # the control plane's where the resource is


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def new_config(local_aws: AwsHarness, shared_endpoint: Deployed) -> str:
    return local_aws.config(shared_endpoint.model, shared_endpoint.bucket)


def new_endpoint(local_aws: AwsHarness, shared_endpoint: Deployed) -> str:
    name = unique("endpoint")
    local_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=shared_endpoint.config)
    Deployed(local_aws, name, shared_endpoint.bucket, shared_endpoint.role).until_status("InService")
    return name


def new_group(local_aws: AwsHarness) -> str:
    name = unique("group")
    local_aws.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    return name


def new_package(local_aws: AwsHarness) -> str:
    """The ARN of a version of a new group."""
    made = local_aws.sagemaker.create_model_package(ModelPackageGroupName=new_group(local_aws))
    arn: str = made["ModelPackageArn"]
    return arn


def model_request(shared_endpoint: Deployed) -> Request:
    return {"ModelName": unique("model"), "ExecutionRoleArn": shared_endpoint.role.arn, "PrimaryContainer": {"Image": IMAGE}}


# A request for each action; what it needs is made by the way.
REQUESTS: dict[str, Callable[[AwsHarness, Deployed], Request]] = {
    "CreateModel": lambda _, shared_endpoint: model_request(shared_endpoint),
    "DescribeModel": lambda _, shared_endpoint: {"ModelName": shared_endpoint.model},
    "DeleteModel": lambda local_aws, shared_endpoint: {
        "ModelName": local_aws.model(shared_endpoint.bucket, shared_endpoint.role)
    },
    "ListModels": lambda _, shared_endpoint: {"NameContains": shared_endpoint.model, "SortBy": "Name"},
    "CreateEndpointConfig": lambda local_aws, shared_endpoint: local_aws.config_request(
        unique("config"), shared_endpoint.model, shared_endpoint.bucket
    ),
    "DescribeEndpointConfig": lambda _, shared_endpoint: {"EndpointConfigName": shared_endpoint.config},
    "DeleteEndpointConfig": lambda local_aws, shared_endpoint: {"EndpointConfigName": new_config(local_aws, shared_endpoint)},
    "ListEndpointConfigs": lambda _, shared_endpoint: {"NameContains": shared_endpoint.config},
    "CreateEndpoint": lambda _, shared_endpoint: {
        "EndpointName": unique("endpoint"),
        "EndpointConfigName": shared_endpoint.config,
    },
    "DescribeEndpoint": lambda _, shared_endpoint: {"EndpointName": shared_endpoint.name},
    "UpdateEndpoint": lambda local_aws, shared_endpoint: {
        "EndpointName": new_endpoint(local_aws, shared_endpoint),
        "EndpointConfigName": new_config(local_aws, shared_endpoint),
    },
    "UpdateEndpointWeightsAndCapacities": lambda local_aws, shared_endpoint: {
        "EndpointName": new_endpoint(local_aws, shared_endpoint),
        "DesiredWeightsAndCapacities": [{"VariantName": "primary", "DesiredInstanceCount": 0, "DesiredWeight": 2.5}],
    },
    "DeleteEndpoint": lambda local_aws, shared_endpoint: {"EndpointName": new_endpoint(local_aws, shared_endpoint)},
    "ListEndpoints": lambda _, shared_endpoint: {"NameContains": shared_endpoint.name, "StatusEquals": "InService"},
    "Search": lambda *_: {"Resource": "Endpoint"},
    "DeleteModelPackage": lambda local_aws, _: {"ModelPackageName": new_package(local_aws)},
    "DeleteModelPackageGroup": lambda local_aws, _: {"ModelPackageGroupName": new_group(local_aws)},
    "AddTags": lambda local_aws, shared_endpoint: {
        "ResourceArn": arn("endpoint-config", new_config(local_aws, shared_endpoint)),
        "Tags": [{"Key": "team", "Value": ""}],
    },
    "ListTags": lambda _, shared_endpoint: {"ResourceArn": arn("model", shared_endpoint.model)},
    "DeleteTags": lambda _, shared_endpoint: {"ResourceArn": arn("model", shared_endpoint.model), "TagKeys": ["team"]},
}
# A resource that is not there, for the actions that want one.
MISSING: dict[str, Request] = {
    **{action: {"ModelName": "none"} for action in ("DescribeModel", "DeleteModel")},
    **{action: {"EndpointConfigName": "none"} for action in ("DescribeEndpointConfig", "DeleteEndpointConfig")},
    **{action: {"EndpointName": "none"} for action in ("DescribeEndpoint", "DeleteEndpoint")},
    "CreateEndpoint": {"EndpointName": "new", "EndpointConfigName": "none"},
    "CreateEndpointConfig": AwsHarness.config_request("new", "none", "bucket"),
    "UpdateEndpoint": {"EndpointName": "none", "EndpointConfigName": "none"},
    "UpdateEndpointWeightsAndCapacities": {"EndpointName": "none", "DesiredWeightsAndCapacities": [{"VariantName": "v"}]},
}
# Always refused, since PutModelPackageGroupPolicy is refused by name: tests/emulator/sagemaker/test_other_actions.py.
REFUSED = {"GetModelPackageGroupPolicy", "DeleteModelPackageGroupPolicy"}
EVERY_ACTION = pytest.mark.parametrize("action", REQUESTS)


def call(local_aws: AwsHarness, action: str) -> Callable[..., Any]:
    made: Callable[..., Any] = getattr(local_aws.sagemaker, xform_name(action))
    return made


def test_every_control_plane_action_is_tested(tmp_path: Path) -> None:
    control = ControlPlane(Hosting(HostingContext(ScaledClock(), tmp_path, 0)))
    assert set(REQUESTS) | REFUSED == control.implemented


@EVERY_ACTION
def test_an_action_conforms_to_the_service_model(remote_aws: AwsHarness, shared_endpoint: Deployed, action: str) -> None:
    before = remote_aws.aws.status()["calls"].get("sagemaker", {}).get(action, 0)
    answer = call(remote_aws, action)(**REQUESTS[action](remote_aws, shared_endpoint))
    assert answer["ResponseMetadata"]["RequestId"]
    assert remote_aws.aws.status()["calls"]["sagemaker"][action] == before + 1


def sent_raw(local_aws: AwsHarness, action: str, body: bytes) -> tuple[str, str]:
    """The error of an action called with this body."""
    client, method = local_aws.client("sagemaker", parameter_validation=False), xform_name(action)
    client.meta.events.register(f"before-call.sagemaker.{action}", lambda params, **_: params.update(body=body))
    return refusal(getattr(client, method))


@EVERY_ACTION
def test_an_action_refuses_a_request_of_the_wrong_shape(remote_aws: AwsHarness, shared_endpoint: Deployed, action: str) -> None:
    """All required members with wrong types; without any, or where they must be valid, a page of 0 results."""
    wrong: Request = {name: {"wrong": 7} for name in MODEL.operation_model(action).input_shape.required_members}
    if action in TAGS:
        wrong["ResourceArn"] = arn("model", shared_endpoint.model)  # moto serves tags of other resources
    if action == "ListTags" or not wrong:
        wrong["MaxResults"] = 0
    code, message = sent_raw(remote_aws, action, json.dumps(wrong).encode())
    if wrong.get("MaxResults") == 0:
        assert (code, "validation error detected" in message) == ("ValidationException", True)
    else:
        assert (code, "START_STRUCTURE" in message) == ("SerializationException", True)


@pytest.mark.parametrize("action", MISSING)
def test_an_action_names_a_missing_resource(remote_aws: AwsHarness, action: str) -> None:
    code, message = refusal(call(remote_aws, action), **MISSING[action])
    assert (code, message.startswith("Could not find ")) == ("ValidationException", True)
    assert f'"arn:aws:sagemaker:{REGION}:{ACCOUNT}:' in message


# --- the wire -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_a_body_that_is_not_a_json_object_is_a_serialization_exception(remote_aws: AwsHarness, body: bytes) -> None:
    assert sent_raw(remote_aws, "ListModels", body)[0] == "SerializationException"


def test_the_runtime_has_its_own_errors(remote_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    invoke = remote_aws.runtime.invoke_endpoint_async
    for request in (
        {"EndpointName": "none", "Body": b"{}"},
        {"EndpointName": shared_endpoint.name},
        {"EndpointName": shared_endpoint.name, "Body": b"{}", "InputLocation": "s3://bucket/key"},
        {"EndpointName": shared_endpoint.name, "InputLocation": "https://elsewhere"},
        {"EndpointName": shared_endpoint.name, "Body": b"{}", "Filename": "a/b"},
    ):
        assert refusal(invoke, **request)[0] == "ValidationError"
    accepted = invoke(EndpointName=shared_endpoint.name, Body=json.dumps({"answer": ""}), ContentType="application/json")
    assert accepted["InferenceId"] and accepted["OutputLocation"] and accepted["FailureLocation"]


def test_an_objects_content_type_applies_without_one_in_the_request(remote_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    location = remote_aws.put(
        shared_endpoint.bucket, "input/orders", b'{"answer": "understood"}', ContentType="application/json"
    )
    assert shared_endpoint.ask(InputLocation=location).body == b"understood"
    assert shared_endpoint.ask(InputLocation=location, ContentType="text/plain").body == b'{"answer": "understood"}'

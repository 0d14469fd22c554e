"""Every action that the control plane has: called once as meant, once with nothing, once for what is not there."""

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
from support.in_process_aws import ACCOUNT, IMAGE, REGION, Kit

Request = dict[str, Any]
MODEL = botocore.session.get_session().get_service_model("sagemaker")
TAGS = {"AddTags", "ListTags", "DeleteTags"}  # the control plane's where the resource is


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def new_config(kit: Kit, store: Deployed) -> str:
    return kit.config(store.model, store.bucket)


def new_endpoint(kit: Kit, store: Deployed) -> str:
    name = unique("endpoint")
    kit.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=store.config)
    Deployed(kit, name, store.bucket, store.role).until_status("InService")
    return name


def model_request(store: Deployed) -> Request:
    return {"ModelName": unique("model"), "ExecutionRoleArn": store.role.arn, "PrimaryContainer": {"Image": IMAGE}}


# A request for each action; what it needs is made by the way.
REQUESTS: dict[str, Callable[[Kit, Deployed], Request]] = {
    "CreateModel": lambda _, store: model_request(store),
    "DescribeModel": lambda _, store: {"ModelName": store.model},
    "DeleteModel": lambda kit, store: {"ModelName": kit.model(store.bucket, store.role)},
    "ListModels": lambda _, store: {"NameContains": store.model, "SortBy": "Name"},
    "CreateEndpointConfig": lambda kit, store: kit.config_request(unique("config"), store.model, store.bucket),
    "DescribeEndpointConfig": lambda _, store: {"EndpointConfigName": store.config},
    "DeleteEndpointConfig": lambda kit, store: {"EndpointConfigName": new_config(kit, store)},
    "ListEndpointConfigs": lambda _, store: {"NameContains": store.config},
    "CreateEndpoint": lambda _, store: {"EndpointName": unique("endpoint"), "EndpointConfigName": store.config},
    "DescribeEndpoint": lambda _, store: {"EndpointName": store.name},
    "UpdateEndpoint": lambda kit, store: {
        "EndpointName": new_endpoint(kit, store),
        "EndpointConfigName": new_config(kit, store),
    },
    "UpdateEndpointWeightsAndCapacities": lambda kit, store: {
        "EndpointName": new_endpoint(kit, store),
        "DesiredWeightsAndCapacities": [{"VariantName": "primary", "DesiredInstanceCount": 0, "DesiredWeight": 2.5}],
    },
    "DeleteEndpoint": lambda kit, store: {"EndpointName": new_endpoint(kit, store)},
    "ListEndpoints": lambda _, store: {"NameContains": store.name, "StatusEquals": "InService"},
    "AddTags": lambda kit, store: {
        "ResourceArn": arn("endpoint-config", new_config(kit, store)),
        "Tags": [{"Key": "team", "Value": ""}],
    },
    "ListTags": lambda _, store: {"ResourceArn": arn("model", store.model)},
    "DeleteTags": lambda _, store: {"ResourceArn": arn("model", store.model), "TagKeys": ["team"]},
}
# A resource that is not there, for the actions that want one.
MISSING: dict[str, Request] = {
    **{action: {"ModelName": "none"} for action in ("DescribeModel", "DeleteModel")},
    **{action: {"EndpointConfigName": "none"} for action in ("DescribeEndpointConfig", "DeleteEndpointConfig")},
    **{action: {"EndpointName": "none"} for action in ("DescribeEndpoint", "DeleteEndpoint")},
    "CreateEndpoint": {"EndpointName": "new", "EndpointConfigName": "none"},
    "CreateEndpointConfig": Kit.config_request("new", "none", "bucket"),
    "UpdateEndpoint": {"EndpointName": "none", "EndpointConfigName": "none"},
    "UpdateEndpointWeightsAndCapacities": {"EndpointName": "none", "DesiredWeightsAndCapacities": [{"VariantName": "v"}]},
}
EVERY_ACTION = pytest.mark.parametrize("action", REQUESTS)


def call(kit: Kit, action: str) -> Callable[..., Any]:
    made: Callable[..., Any] = getattr(kit.sagemaker, xform_name(action))
    return made


def test_every_action_of_the_control_plane_is_here(tmp_path: Path) -> None:
    control = ControlPlane(Hosting(HostingContext(ScaledClock(), tmp_path, 0)))
    assert set(REQUESTS) == {action for action in MODEL.operation_names if control.answers(action, {})} | TAGS


@EVERY_ACTION
def test_an_action_answers_as_the_model_says(remote_kit: Kit, store: Deployed, action: str) -> None:
    before = remote_kit.aws.status()["calls"].get("sagemaker", {}).get(action, 0)
    answer = call(remote_kit, action)(**REQUESTS[action](remote_kit, store))
    assert answer["ResponseMetadata"]["RequestId"]
    assert remote_kit.aws.status()["calls"]["sagemaker"][action] == before + 1


def sent_raw(kit: Kit, action: str, body: bytes) -> tuple[str, str]:
    """The refusal of an action that is called with this body."""
    client, method = kit.client("sagemaker", parameter_validation=False), xform_name(action)
    client.meta.events.register(f"before-call.sagemaker.{action}", lambda params, **_: params.update(body=body))
    return refusal(getattr(client, method))


@EVERY_ACTION
def test_an_action_refuses_a_request_of_the_wrong_shape(remote_kit: Kit, store: Deployed, action: str) -> None:
    """The required members all of the wrong type; where none is, or has to be right, a page of no results."""
    wrong: Request = {name: {"wrong": 7} for name in MODEL.operation_model(action).input_shape.required_members}
    if action in TAGS:
        wrong["ResourceArn"] = arn("model", store.model)  # of what is not ours, tags are moto's
    if action == "ListTags" or not wrong:
        wrong["MaxResults"] = 0
    code, message = sent_raw(remote_kit, action, json.dumps(wrong).encode())
    assert (code, "validation error detected" in message) == ("ValidationException", True)


@pytest.mark.parametrize("action", MISSING)
def test_an_action_names_what_is_not_there(remote_kit: Kit, action: str) -> None:
    code, message = refusal(call(remote_kit, action), **MISSING[action])
    assert (code, message.startswith("Could not find ")) == ("ValidationException", True)
    assert f'"arn:aws:sagemaker:{REGION}:{ACCOUNT}:' in message


# --- the wire -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_what_is_no_json_object_is_a_serialization_exception(remote_kit: Kit, body: bytes) -> None:
    assert sent_raw(remote_kit, "ListModels", body)[0] == "SerializationException"


def test_refusals_of_the_runtime_are_its_own(remote_kit: Kit, store: Deployed) -> None:
    invoke = remote_kit.runtime.invoke_endpoint_async
    for request in (
        {"EndpointName": "none", "Body": b"{}"},
        {"EndpointName": store.name},
        {"EndpointName": store.name, "Body": b"{}", "InputLocation": "s3://bucket/key"},
        {"EndpointName": store.name, "InputLocation": "https://elsewhere"},
        {"EndpointName": store.name, "Body": b"{}", "Filename": "a/b"},
    ):
        assert refusal(invoke, **request)[0] == "ValidationError"
    accepted = invoke(EndpointName=store.name, Body=json.dumps({"answer": ""}), ContentType="application/json")
    assert accepted["InferenceId"] and accepted["OutputLocation"] and accepted["FailureLocation"]


def test_an_object_tells_its_type_where_the_request_does_not(remote_kit: Kit, store: Deployed) -> None:
    location = remote_kit.put(store.bucket, "input/orders", b'{"answer": "understood"}', ContentType="application/json")
    assert store.ask(InputLocation=location).body == b"understood"
    assert store.ask(InputLocation=location, ContentType="text/plain").body == b'{"answer": "understood"}'

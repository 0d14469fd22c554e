"""The conformance checker finds each kind of violation in an otherwise conforming response."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.model import OperationModel

from support.conformity import Answer, NotConforming, problems
from support.in_process_aws import AwsHarness

ARN = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/e"
ENDPOINT = {
    "EndpointName": "e",
    "EndpointArn": ARN,
    "EndpointConfigName": "c",
    "EndpointStatus": "InService",
    "CreationTime": 1.5,
    "LastModifiedTime": 2,
    "ProductionVariants": [{"VariantName": "v", "CurrentInstanceCount": 0}],
}


def operation(service: str, name: str) -> OperationModel:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def found(
    answer: Any, name: str = "DescribeEndpoint", service: str = "sagemaker", status: int = 200, **headers: str
) -> list[str]:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    named = {"x-amzn-requestid": "1"} | {header.replace("_", "-"): value for header, value in headers.items()}
    return problems(operation(service, name), Answer(status, named, body))


def test_a_conforming_response_has_no_problem() -> None:
    assert found(ENDPOINT) == []
    assert found(b"", "DeleteEndpoint") == []
    assert found({"InferenceId": "i"}, "InvokeEndpointAsync", "sagemaker-runtime", 202) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Colour": "red"}, "Colour is unknown to the model"),
        ({"EndpointArn": None}, "EndpointArn is null"),
        ({"EndpointStatus": "Sleepy"}, "EndpointStatus is 'Sleepy', none of"),
        ({"EndpointName": "not a name"}, "which [a-zA-Z0-9]"),
        ({"EndpointName": 7}, "EndpointName is 7, no string"),
        ({"EndpointName": "n" * 64}, "above 63"),
        ({"EndpointArn": "arn"}, "below 20"),
        ({"CreationTime": "today"}, "CreationTime is 'today', not seconds since the epoch"),
        ({"ProductionVariants": {}}, "ProductionVariants is {}, no list"),
        ({"ProductionVariants": []}, "below 1"),
        ({"ProductionVariants": [{"VariantName": "v", "CurrentInstanceCount": -1}]}, "below 0"),
        ({"ProductionVariants": [{"VariantName": "v", "CurrentInstanceCount": True}]}, "no integer"),
        ({"ProductionVariants": [{"VariantName": "v", "Colour": 1}]}, "ProductionVariants[0].Colour is unknown"),
        ({"ProductionVariants": [{}]}, "ProductionVariants[0].VariantName is required and missing"),
        ({"ProductionVariants": ["v"]}, "ProductionVariants[0] is 'v', no structure"),
    ],
)
def test_an_unknown_member_is_found(change: dict[str, Any], said: str) -> None:
    problem, *more = found(ENDPOINT | change)
    assert said in problem
    assert all("length or value" in other or "does not match" in other for other in more)


def test_a_missing_required_member_is_found() -> None:
    assert found({name: value for name, value in ENDPOINT.items() if name != "EndpointStatus"}) == [
        "EndpointStatus is required and missing"
    ]


@pytest.mark.parametrize(("body", "said"), [(b"<html>", "is not JSON"), (b"[]", "not an object")])
def test_a_body_that_is_not_a_json_object_is_found(body: bytes, said: str) -> None:
    (problem,) = found(body)
    assert said in problem


def test_the_status_and_the_request_id_are_checked() -> None:
    assert found({"InferenceId": "i"}, "InvokeEndpointAsync", "sagemaker-runtime", 200) == ["HTTP 200, not 202"]
    assert problems(operation("sagemaker", "DeleteEndpoint"), Answer(200, {}, b"")) == ["no request id"]


def test_members_in_headers_are_checked() -> None:
    headers = {"x_amzn_sagemaker_outputlocation": "o" * 1_025}
    (problem,) = found({"InferenceId": "i"}, "InvokeEndpointAsync", "sagemaker-runtime", 202, **headers)
    assert problem.startswith("OutputLocation has a length or value of 1025")
    assert found({"OutputLocation": "here"}, "InvokeEndpointAsync", "sagemaker-runtime", 202) == [
        "OutputLocation is unknown to the model"
    ]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, {"message": "no"}, "an error without a code"),
        (400, {"__type": "ValidationException"}, "ValidationException without a message"),
        (500, {"__type": "ValidationException", "message": "no"}, "ValidationException with HTTP 500 is neither modelled"),
        (400, {"__type": "ItBroke", "message": "no"}, "ItBroke with HTTP 400 is neither modelled"),
        (
            400,
            {"__type": "ResourceLimitExceeded", "message": "no", "Colour": 1},
            "ResourceLimitExceeded has the unknown member",
        ),
        (400, b"no", "the body is not JSON"),
    ],
)
def test_errors_are_checked(status: int, body: Any, said: str) -> None:
    assert found(body, "CreateEndpointConfig", status=status)[0].startswith(said)


def test_an_error_has_its_code_once() -> None:
    body = {"__type": "ValidationException", "message": "no"}
    assert found(body, status=400, x_amzn_errortype="Throttling") == [
        "x-amzn-errortype is 'Throttling' and __type is 'ValidationException'"
    ]
    refusal = {"Message": "no"}
    runtime = ("InvokeEndpointAsync", "sagemaker-runtime")
    assert found(refusal, *runtime, status=400, x_amzn_errortype="ValidationError:http://") == []
    assert found(refusal, *runtime, status=503, x_amzn_errortype="ValidationError") == [
        "ValidationError with HTTP 503, modelled with 400"
    ]


def test_xml_responses_are_checked() -> None:
    tag = "<Key>team</Key><Value>shop</Value>"
    answer = (
        "<ListRoleTagsResponse><ListRoleTagsResult><Tags><member>{}</member></Tags></ListRoleTagsResult></ListRoleTagsResponse>"
    )
    assert found(answer.format(tag).encode(), "ListRoleTags", "iam") == []
    assert found(answer.format("<Key>team</Key>").encode(), "ListRoleTags", "iam") == ["Tags[0].Value is required and missing"]


def test_a_boto3_call_fails_on_a_nonconforming_response(remote_aws: AwsHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    sagemaker = remote_aws.client("sagemaker")
    sagemaker.list_endpoints()
    summary = sagemaker.meta.service_model.operation_model("ListEndpoints").output_shape
    monkeypatch.setattr(summary, "required_members", ["Colour"])
    monkeypatch.setattr(summary, "members", {**summary.members, "Colour": next(iter(summary.members.values()))})
    with pytest.raises(NotConforming, match="sagemaker ListEndpoints: Colour is required and missing"):
        sagemaker.list_endpoints()

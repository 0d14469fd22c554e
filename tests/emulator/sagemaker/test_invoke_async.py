"""InvokeEndpointAsync: accepted requests, responses, what reaches the container, refusals."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed
from support.in_process_aws import AwsHarness
from support.sample_model import archive


def test_an_accepted_request_returns_its_output_and_failure_location(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    answer = local_aws.runtime.invoke_endpoint_async(EndpointName=shared_endpoint.name, Body=b"shirt", InferenceId="order-7")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer["InferenceId"] == "order-7"
    assert answer["OutputLocation"].startswith(f"s3://{shared_endpoint.bucket}/output/")
    assert answer["OutputLocation"].endswith(".out")
    assert answer["FailureLocation"].startswith(f"s3://{shared_endpoint.bucket}/failure/")
    until(lambda: local_aws.read(answer["OutputLocation"]), "its output")


def test_a_request_without_an_inference_id_gets_a_unique_one(shared_endpoint: Deployed) -> None:
    first, second = (shared_endpoint.invoke(Body=b"shirt") for _ in range(2))
    assert first.inference_id != second.inference_id
    assert first.output != second.output
    assert first.failure != second.failure


def test_s3_and_inline_inputs_reach_the_model(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    uri = local_aws.put(shared_endpoint.bucket, "input/shirt.bin", b"\x00\xff shirt", ContentType="image/png")
    for arguments in ({"InputLocation": uri}, {"Body": b"\x00\xff shirt"}):
        outcome = shared_endpoint.ask(**arguments, ContentType="image/x", Accept="application/x-answer")
        assert (outcome.kind, outcome.body, outcome.content_type) == ("output", b"\x00\xff shirt", "application/x-answer")


def test_an_input_is_found_by_any_key_and_by_https_url(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    key = "input/a b+c%20é.bin"
    uri = local_aws.put(shared_endpoint.bucket, key, b"shirt", ContentType="image/x")
    hosts = (f"{shared_endpoint.bucket}.s3.eu-west-1.amazonaws.com", f"s3.amazonaws.com/{shared_endpoint.bucket}")
    for location in (uri, *(f"https://{host}/{quote(key)}" for host in hosts)):
        assert shared_endpoint.ask(InputLocation=location).body == b"shirt", location


def test_content_type_accept_attributes_and_id_reach_the_handlers(shared_endpoint: Deployed) -> None:
    for attributes in ("trace=1", "trace=2"):
        outcome = shared_endpoint.ask({}, CustomAttributes=attributes, InferenceId=attributes, Accept="application/x-seen")
        assert outcome.content_type == "application/x-seen"
        seen = outcome.document["seen"]
        assert (seen["content_type"], seen["attributes"], seen["inference_id"]) == ("application/json", attributes, attributes)


def test_the_container_has_the_models_files_and_environment(deploy: Any) -> None:
    document = deploy(COLOUR="red", SOME_PATH="/opt/ml/model/weights.txt").ask({}).document
    assert document["weights"] == "feather"
    environment = document["environment"]
    assert environment["COLOUR"] == "red"
    assert environment["SOME_PATH"].endswith("/model/weights.txt")
    assert "AWS_ENDPOINT_URL" not in environment


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"Filename": "shirt.json"}, "output/shirt.json"),
        ({"Filename": "shirt", "S3OutputPathExtension": "run-1/part"}, "output/run-1/part/shirt"),
        ({"S3OutputPathExtension": "/run-2/"}, "output/run-2/"),
    ],
)
def test_filename_and_extension_decide_the_key(
    local_aws: AwsHarness, shared_endpoint: Deployed, arguments: dict[str, str], key: str
) -> None:
    invoked = shared_endpoint.invoke(Body=b"shirt", **arguments)
    assert invoked.output.startswith(f"s3://{shared_endpoint.bucket}/{key}")
    assert shared_endpoint.outcome(invoked).body == b"shirt"


def test_a_resubmission_under_one_filename_overwrites_its_own_output(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    first = shared_endpoint.invoke(Body=b"first", Filename="again.out")
    assert shared_endpoint.outcome(first).body == b"first"
    second = shared_endpoint.invoke(Body=b"second", Filename="again.out")
    assert second.output == first.output
    until(lambda: shared_endpoint.outcome(second).body == b"second", "the second answer")
    assert local_aws.keys(shared_endpoint.bucket, "output/again") == ["output/again.out"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"RequestTTLSeconds": 59}, "'59' at 'requestTTLSeconds'"),
        ({"RequestTTLSeconds": 21_601}, "value less than or equal to 21600"),
        ({"InvocationTimeoutSeconds": 0}, "value greater than or equal to 1"),
        ({"InvocationTimeoutSeconds": 3_601}, "'invocationTimeoutSeconds'"),
        ({"InferenceId": "x" * 65}, "'inferenceId'"),
        ({"InferenceId": "hémd"}, "'inferenceId'"),
        ({"CustomAttributes": "x" * 1_025}, "Value at 'customAttributes'"),
        ({"ContentType": "x" * 1_025}, "'contentType'"),
        ({"Filename": "x" * 33}, "'filename'"),
        ({"Filename": "two.dots.json"}, "'filename'"),
        ({"Filename": "a folder/file"}, "'filename'"),
        ({"S3OutputPathExtension": "x" * 513}, "'s3OutputPathExtension'"),
        ({"S3OutputPathExtension": "s3://elsewhere/"}, "'s3OutputPathExtension'"),
        ({"Body": b"x" * 128_001}, "Value at 'body' failed to satisfy constraint: Member must have length less"),
        ({"InputLocation": "s3://bucket/key"}, "both"),
        ({"Body": b"", "InputLocation": "s3://bucket"}, "names a bucket"),
        ({"Body": b"", "InputLocation": "shirt.png"}, "shirt.png"),
        ({"Body": b"", "InputLocation": "s3://bucket/" + "k" * 1_013}, "'inputLocation'"),
        ({"Body": b""}, "neither"),
    ],
)
def test_values_outside_the_limits_are_a_validation_error(
    local_aws: AwsHarness, shared_endpoint: Deployed, arguments: dict[str, Any], said: str
) -> None:
    unchecked = local_aws.client("sagemaker-runtime", parameter_validation=False)
    request = {"EndpointName": shared_endpoint.name, "Body": b"shirt"} | arguments
    code, message = refusal(unchecked.invoke_endpoint_async, **{name: value for name, value in request.items() if value != b""})
    assert (code, said in message) == ("ValidationError", True), message


def test_a_non_numeric_value_is_refused_in_a_sentence(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    client = local_aws.client("sagemaker-runtime")
    client.meta.events.register(
        "before-call.sagemaker-runtime.InvokeEndpointAsync",
        lambda params, **_: params["headers"].__setitem__("X-Amzn-SageMaker-RequestTTLSeconds", "soon"),
    )
    code, message = refusal(client.invoke_endpoint_async, EndpointName=shared_endpoint.name, Body=b"shirt")
    assert (code, message) == (
        "SerializationException",
        "'soon' can not be converted to an Integer (at 'RequestTTLSeconds')",
    )


@pytest.mark.parametrize(
    "limits",
    [
        {"RequestTTLSeconds": 60, "InvocationTimeoutSeconds": 1},
        {"RequestTTLSeconds": 21_600, "InvocationTimeoutSeconds": 3_600, "InferenceId": "x" * 64, "Filename": "y" * 32},
    ],
)
def test_the_limits_themselves_are_accepted(shared_endpoint: Deployed, limits: dict[str, Any]) -> None:
    assert shared_endpoint.invoke(Body=b"x" * 128_000, **limits).output


def test_an_unknown_endpoint_is_a_validation_error(local_aws: AwsHarness) -> None:
    code, message = refusal(local_aws.runtime.invoke_endpoint_async, EndpointName="missing", Body=b"shirt")
    assert (code, message) == ("ValidationError", "Endpoint missing of account 123456789012 not found.")


def test_an_endpoint_of_another_region_is_not_found(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    elsewhere = local_aws.client("sagemaker-runtime", region="us-east-1")
    assert "not found" in refusal(elsewhere.invoke_endpoint_async, EndpointName=shared_endpoint.name, Body=b"shirt")[1]


def test_a_creating_endpoint_accepts_no_request(local_aws: AwsHarness, deploy: Any, tmp_path: Any) -> None:
    gate = tmp_path / "open"
    code = f"import os, time\ndef model_fn(d):\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    deployed = deploy(archive(code), wait=False)
    assert deployed.describe()["EndpointStatus"] == "Creating"
    refused_with, message = refusal(local_aws.runtime.invoke_endpoint_async, EndpointName=deployed.name, Body=b"shirt")
    assert (refused_with, "Creating" in message) == ("ValidationError", True)
    gate.touch()
    deployed.until_status("InService")


def test_an_asynchronous_endpoint_does_not_answer_invoke_endpoint(local_aws: AwsHarness, shared_endpoint: Deployed) -> None:
    code, message = refusal(local_aws.runtime.invoke_endpoint, EndpointName=shared_endpoint.name, Body=b"shirt")
    assert (code, "InvokeEndpointAsync" in message) == ("ValidationError", True)
    assert "not found" in refusal(local_aws.runtime.invoke_endpoint, EndpointName=unique("missing"), Body=b"shirt")[1]

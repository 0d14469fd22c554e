"""A customer with plain boto3 and the environment that `async-endpoint local env` exports."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from support.common import until

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-staging"),
    pytest.mark.parametrize("root", ["staging"], indirect=True),
    pytest.mark.usefixtures("awake"),
]

Client = Callable[[str], Any]


@pytest.fixture
def client(root: Any, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Creates boto3 clients from that environment only."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in root.checkout.succeed("local", "env", "--json").document.items():
        monkeypatch.setenv(name, value)
    make: Client = boto3.Session().client
    return make


def test_put_invoke_and_get_return_the_same_bytes_as_the_command(root: Any, client: Client) -> None:
    command = root.succeed("invoke", root.checkout.query("red-shirt.png"), "--wait", "--json").document
    bucket, key = root.outputs.storage.bucket, "input/a customer/red-shirt.png"
    image = Path(root.checkout.folder, root.checkout.query("red-shirt.png")).read_bytes()
    client("s3").put_object(Bucket=bucket, Key=key, Body=image)

    accepted = client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=root.name, InputLocation=f"s3://{bucket}/{key}", ContentType="image/png"
    )

    assert accepted["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert accepted["OutputLocation"].startswith(root.outputs.storage.output_uri)
    body = until(lambda: _body(client("s3"), accepted["OutputLocation"]), "answered")
    assert body == _body(client("s3"), command["output_location"])
    assert json.loads(body)["recommendations"][0]["path"].startswith("catalogue/shirt/red-")


def test_a_consumer_of_the_results_queue_receives_the_notification(root: Any, client: Client) -> None:
    image = Path(root.checkout.folder, root.checkout.query("red-shirt.png")).read_bytes()

    accepted = client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=root.name, Body=image, ContentType="image/png", InferenceId="a-customer-s-own-id"
    )

    message = root.notification("a-customer-s-own-id")
    assert accepted["InferenceId"] == "a-customer-s-own-id"
    assert message["invocationStatus"] == "Completed"
    assert message["eventName"] == "InferenceResult"
    assert message["requestParameters"]["endpointName"] == root.name
    assert message["responseParameters"]["outputLocation"] == accepted["OutputLocation"]
    assert message["responseBody"]["content"].encode() == _body(client("s3"), accepted["OutputLocation"])


def test_a_request_to_an_unknown_or_creating_endpoint_is_refused(root: Any, client: Client) -> None:
    sagemaker, name = client("sagemaker"), "still-creating"

    def refusal(name: str) -> str:
        with pytest.raises(ClientError) as refused:
            client("sagemaker-runtime").invoke_endpoint_async(EndpointName=name, Body=b"{}", ContentType="application/json")
        assert refused.value.response["Error"]["Code"] == "ValidationError"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return str(refused.value)

    assert "not found" in refusal("no-such-endpoint")
    runtime = client("sagemaker-runtime")  # made beforehand: making one takes longer than the endpoint
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=root.outputs.endpoint.config_name)
    with pytest.raises(ClientError, match="ValidationError"):
        runtime.invoke_endpoint_async(EndpointName=name, Body=b"{}", ContentType="application/json")
    until(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService", "InService")
    sagemaker.delete_endpoint(EndpointName=name)


def _body(s3: Any, uri: str) -> bytes | None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return body

"""invoke_sync beside InvokeEndpoint of a real-time endpoint of the same model, on a local AWS in another process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from async_endpoint import AsyncEndpoint, Weight, WeightedEndpoint, invoke_sync
from support.client_against_emulator import JSON, Stage, orders
from support.common import until
from support.fault_injection import fault
from support.in_process_aws import REGION, AwsHarness
from support.synchronous_endpoint import Live, go_live

pytestmark = pytest.mark.xdist_group("synchronous-calls")  # one local AWS, and one real-time endpoint


@pytest.fixture(scope="module")
def real_time(local_aws: AwsHarness, stage: Stage) -> Live:
    """A real-time endpoint of the model of `stage`."""
    deployed = stage.deployed
    variant = {"VariantName": "old", "ModelName": deployed.model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    return go_live(local_aws, deployed.bucket, deployed.role, [variant])


@pytest.fixture
def endpoint(stage: Stage) -> Iterator[AsyncEndpoint]:
    """Knows no more than SageMaker says: results are read from S3."""
    with AsyncEndpoint.from_name(stage.deployed.name, REGION, endpoint_url=stage.local_aws.url) as found:
        yield found


@pytest.fixture
def runtime(local_aws: AwsHarness) -> Any:
    return local_aws.client("sagemaker-runtime")


def both(runtime: Any, real_time: Live, endpoint: AsyncEndpoint, **what: Any) -> list[Any]:
    """What the two calls return or raise for the same request."""

    def ask(call: Any) -> Any:
        try:
            return call()
        except ClientError as error:
            return error

    body = orders(**what)
    return [
        ask(
            lambda: runtime.invoke_endpoint(EndpointName=real_time.name, Body=body, ContentType=JSON, CustomAttributes="shop=7")
        ),
        ask(
            lambda: invoke_sync(
                endpoint, body, 60, content_type=JSON, custom_attributes="shop=7", exceptions=runtime.exceptions
            )
        ),
    ]


def test_the_response_is_that_of_invoke_endpoint(runtime: Any, real_time: Live, endpoint: AsyncEndpoint) -> None:
    expected, found = both(runtime, real_time, endpoint)
    assert set(expected) <= set(found) <= set(expected) | {"CustomAttributes"}
    assert type(found["Body"]) is type(expected["Body"])
    assert set(expected["ResponseMetadata"]) - {"MaxAttemptsReached"} <= set(found["ResponseMetadata"])  # that client makes one
    assert (found["ContentType"], found["InvokedProductionVariant"]) == (expected["ContentType"], "primary")
    seen, of_real_time = json.load(found["Body"])["seen"], json.load(expected["Body"])["seen"]
    assert (seen["attributes"], seen["content_type"], seen["bytes"]) == ("shop=7", JSON, of_real_time["bytes"])


@pytest.mark.parametrize("what", [{"status": 422, "message": 'no "size"\nXL'}, {"raise": "out of memory"}])
def test_an_error_of_the_model_is_that_of_invoke_endpoint(
    runtime: Any, real_time: Live, endpoint: AsyncEndpoint, what: dict[str, Any]
) -> None:
    expected, found = both(runtime, real_time, endpoint, **what)
    assert type(found) is type(expected) is runtime.exceptions.ModelError
    assert set(expected.response) <= set(found.response)
    assert found.response["OriginalStatusCode"] == expected.response["OriginalStatusCode"]
    assert found.response["OriginalMessage"].strip() == expected.response["OriginalMessage"].strip()
    assert found.response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_a_body_above_6_mb_is_answered_in_both_directions_without_notifications(stage: Stage) -> None:
    body, kind = b"\xff" * 7_000_000, "application/octet-stream"
    with AsyncEndpoint(replace(stage.target, topics=()), endpoint_url=stage.local_aws.url) as endpoint:
        assert invoke_sync(endpoint, body, 60, content_type=kind, accept=kind)["Body"].read() == body


def test_an_unknown_endpoint_is_the_validation_error_of_invoke_endpoint(runtime: Any, stage: Stage) -> None:
    with pytest.raises(ClientError) as expected:
        runtime.invoke_endpoint(EndpointName="nothing", Body=b"1")
    with (
        AsyncEndpoint(replace(stage.target, name="nothing"), endpoint_url=stage.local_aws.url) as missing,
        pytest.raises(type(expected.value)) as found,
    ):
        invoke_sync(missing, b"1", 20, exceptions=runtime.exceptions)
    assert found.value.response["Error"] == expected.value.response["Error"]


def test_a_late_answer_is_a_read_timeout(endpoint: AsyncEndpoint, tmp_path: Path) -> None:
    flag = tmp_path / "go"
    with pytest.raises(ReadTimeoutError):
        invoke_sync(endpoint, orders(until=str(flag)), 1, content_type=JSON)
    flag.touch()
    assert invoke_sync(endpoint, orders(answer=7), 60, content_type=JSON)["Body"].read() == b"7"


def test_a_throttled_or_failing_service_is_retried(local_aws: AwsHarness, endpoint: AsyncEndpoint) -> None:
    with (
        fault(local_aws, "throttle", action="InvokeEndpointAsync", count=2),
        fault(local_aws, "error", service="s3", action="GetObject", count=1),
    ):
        reply = invoke_sync(endpoint, orders(answer=7), 60, content_type=JSON)
    assert (reply["Body"].read(), reply["ResponseMetadata"]["RetryAttempts"]) == (b"7", 0)


def test_a_weight_in_systems_manager_reaches_a_running_caller(local_aws: AwsHarness) -> None:
    ssm = local_aws.client("ssm")
    ssm.put_parameter(Name="/shop/async-weight", Value="0.25", Type="String")
    weight = Weight.in_parameter(ssm, "/shop/async-weight", refresh=0.01)
    assert weight.current() == 0.25
    ssm.put_parameter(Name="/shop/async-weight", Value="1", Type="String", Overwrite=True)
    until(lambda: weight.current() == 1, "the new weight")
    ssm.delete_parameter(Name="/shop/async-weight")
    for _ in range(20):
        assert weight.current() == 1


def test_callers_of_a_router_move_without_a_failed_call_while_the_endpoint_sleeps_and_wakes(
    local_aws: AwsHarness, real_time: Live, stage: Stage, runtime: Any, tmp_path: Path
) -> None:
    """The asynchronous endpoint has no instance in between: those calls are answered in real time."""
    weight, variant = tmp_path / "weight", {"VariantName": "primary"}
    weight.write_text("0.5")
    scale = local_aws.sagemaker.update_endpoint_weights_and_capacities

    def instances(count: int) -> None:
        scale(EndpointName=stage.deployed.name, DesiredWeightsAndCapacities=[variant | {"DesiredInstanceCount": count}])
        stage.deployed.until_status("InService")

    router = WeightedEndpoint(
        runtime, real_time.name, lambda: stage.client(collect="head"), Weight.in_file(weight), timeout=60, fallback_after=1.5
    )

    def call(number: int) -> bytes:
        if number == 20:
            instances(0)
        elif number == 40:
            instances(1)
            weight.write_text("1")
        answer: bytes = router.invoke_endpoint(EndpointName=real_time.name, Body=orders(answer=number), ContentType=JSON)[
            "Body"
        ].read()
        return answer

    try:
        with ThreadPoolExecutor(4) as callers:
            assert list(callers.map(call, range(60))) == [f"{number}".encode() for number in range(60)]
        assert router.counts.fallbacks > 0 and router.counts.real_time > 0 and router.counts.asynchronous > 20
    finally:
        instances(1)
        until(lambda: stage.local_aws.aws.status()["endpoints"], "the endpoint is awake")
        if router._endpoint is not None:
            router._endpoint.close()

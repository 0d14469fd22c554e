"""InvokeEndpoint on instances: requests and responses, variants by weight and by name, shadows, limits, errors."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from support.common import refusal, until
from support.deployed_endpoint import Deployed
from support.fault_injection import fault
from support.in_process_aws import REGION, AwsHarness
from support.sample_model import archive
from support.synchronous_endpoint import INSTANCES, Live, go_live


@pytest.fixture
def live(local_aws: AwsHarness) -> Iterator[Any]:
    """Creates real-time endpoints from variants (name, weight, environment); deletes them after the test."""
    made: list[Live] = []

    def endpoint(*variants: tuple[str, float, dict[str, str]], shadow: tuple[str, float, dict[str, str]] | None = None) -> Live:
        bucket, role = local_aws.bucket(), local_aws.role()
        role.allow(bucket)

        def variant(name: str, weight: float, environment: dict[str, str]) -> dict[str, Any]:
            model = local_aws.model(bucket, role, **environment)
            return INSTANCES | {"VariantName": name, "ModelName": model, "InitialVariantWeight": weight}

        shadows = [variant(*shadow)] if shadow else []
        made.append(go_live(local_aws, bucket, role, [variant(*item) for item in variants], shadows))
        return made[-1]

    yield endpoint
    for item in made:
        local_aws.forget(item.name)


@pytest.fixture(scope="module")
def shirts(local_aws: AwsHarness) -> Iterator[Live]:
    """An endpoint shared by tests that do not change it."""
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    model = local_aws.model(bucket, role)
    endpoint = go_live(local_aws, bucket, role, [INSTANCES | {"VariantName": "primary", "ModelName": model}])
    yield endpoint
    local_aws.forget(endpoint.name)


def test_the_container_gets_the_request_and_the_caller_the_answer(shirts: Live) -> None:
    answer = shirts.call({}, Accept="application/json", CustomAttributes="colour=red", InferenceId="shirt-1")
    assert (answer.variant, answer.content_type) == ("primary", "application/json")
    seen = answer.document["seen"]
    assert (seen["content_type"], seen["attributes"], seen["inference_id"]) == ("application/json", "colour=red", "shirt-1")


def test_binary_bodies_are_unchanged(shirts: Live) -> None:
    body = bytes(range(256)) * 4_096
    answer = shirts.call(Body=body, ContentType="image/png", Accept="image/png")
    assert (answer.body == body, answer.content_type) == (True, "image/png")


def test_describe_shows_a_real_time_endpoint(shirts: Live) -> None:
    described = shirts.describe()
    (variant,) = described["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"], variant["CurrentWeight"]) == (1, 1, 1.0)
    assert "AsyncInferenceConfig" not in described


def test_an_error_of_the_container_is_a_model_error_with_its_status_and_text(shirts: Live) -> None:
    error = shirts.refused({"status": 400, "message": "no shirt in it"})
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
    assert (error["OriginalStatusCode"], error["OriginalMessage"].splitlines()[0]) == (400, "no shirt in it")
    assert error["Error"]["Message"].startswith('Received client error (400) from primary with message "no shirt in it')
    assert f"/aws/sagemaker/Endpoints/{shirts.name} in account" in error["Error"]["Message"]
    assert error["LogStreamArn"].startswith(f"arn:aws:logs:{REGION}:")
    assert "Received server error (500)" in shirts.refused({"raise": "torn"})["Error"]["Message"]


def test_an_oversized_response_is_a_model_error(shirts: Live) -> None:
    error = shirts.refused({"length": 6_291_457})
    assert (error["Error"]["Code"], "at most 6291456" in error["OriginalMessage"]) == ("ModelError", True)


def test_a_model_that_takes_longer_than_sixty_seconds_fails_with_awss_message(shirts: Live, tmp_path: Path) -> None:
    """Takes a real minute: the time limit is not scaled."""
    gate = tmp_path / "open"
    error = shirts.refused({"until": str(gate)})
    gate.touch()  # the model's code is not interrupted
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
    assert error["Error"]["Message"].startswith(
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response from '
        "container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try "
        'again.". See https://'
    )


def test_a_container_that_dies_fails_its_calls_and_is_replaced(live: Any, tmp_path: Path) -> None:
    endpoint: Live = live(("primary", 1, {}))
    (old,) = endpoint.serving()
    arrivals = tmp_path / "arrivals"
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(endpoint.refused, {"touch": str(arrivals), "until": "/nowhere"})
        until(arrivals.exists, "the request is at the model")
        os.kill(old["pid"], signal.SIGKILL)
        assert (call.result()["Error"]["Code"], call.result()["OriginalStatusCode"]) == ("ModelError", 0)
    (new,) = endpoint.serving()
    assert new["id"] != old["id"]
    assert endpoint.call({"answer": "again"}).body == b"again"


def test_a_variant_without_an_instance_in_service_is_unavailable(local_aws: AwsHarness, live: Any) -> None:
    endpoint: Live = live(("primary", 1, {}))
    (only,) = endpoint.serving()
    with fault(local_aws, "slow-start", endpoint=endpoint.name, seconds=86_400):
        os.kill(only["pid"], signal.SIGKILL)
        until(lambda: all(item["state"] != "InService" for item in endpoint.status()["instances"]), "the instance has ended")
        error = endpoint.refused({})
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ServiceUnavailable", 503)


def test_traffic_is_distributed_by_weight_and_target_variant_selects_one(live: Any) -> None:
    endpoint: Live = live(("often", 3, {"WHO": "often"}), ("rarely", 1, {"WHO": "rarely"}), ("never", 0, {"WHO": "never"}))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: endpoint.call({}), range(200)))
    assert all(answer.document["environment"]["WHO"] == answer.variant for answer in answers)
    counts = Counter(answer.variant for answer in answers)
    # 150 of 200 are expected, with a standard deviation of 6: further off than 36 once in a billion runs.
    assert counts.keys() == {"often", "rarely"}
    assert 114 <= counts["often"] <= 186
    assert endpoint.call({}, TargetVariant="never").variant == "never"
    error = endpoint.refused({}, TargetVariant="unknown")
    assert (error["Error"]["Code"], "Variant unknown not found" in error["Error"]["Message"]) == ("ValidationError", True)


def test_weights_can_be_changed_in_service(local_aws: AwsHarness, live: Any) -> None:
    endpoint: Live = live(("one", 1, {}), ("two", 0, {}))
    assert {endpoint.call({}).variant for _ in range(10)} == {"one"}
    wanted = [{"VariantName": "one", "DesiredWeight": 0.0}, {"VariantName": "two", "DesiredWeight": 2.0}]
    local_aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint.name, DesiredWeightsAndCapacities=wanted)
    assert {endpoint.call({}).variant for _ in range(10)} == {"two"}
    weights = {item["VariantName"]: item["CurrentWeight"] for item in endpoint.describe()["ProductionVariants"]}
    assert weights == {"one": 0.0, "two": 2.0}


def test_a_shadow_variant_gets_requests_and_its_responses_are_discarded(live: Any, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    endpoint: Live = live(("primary", 1, {"WHO": "primary"}), shadow=("shadow", 1, {"WHO": "shadow"}))
    described = endpoint.describe()
    assert [item["VariantName"] for item in described["ShadowProductionVariants"]] == ["shadow"]
    for _ in range(5):
        assert endpoint.call({"touch": str(seen)}).document["environment"]["WHO"] == "primary"
    until(lambda: len(seen.read_text().splitlines()) == 10, "each request was at two models")
    assert len(set(seen.read_text().split())) == 2, "two processes"
    assert "not found" in endpoint.refused({}, TargetVariant="shadow")["Error"]["Message"]


def test_an_update_shifts_the_traffic_and_can_retain_the_instance_count(local_aws: AwsHarness, live: Any) -> None:
    endpoint: Live = live(("primary", 1, {"VERSION": "old"}))
    endpoint.scale(2)
    endpoint.serving(2)
    endpoint.until_status("InService")

    def update(version: str, **retain: Any) -> dict[str, Any]:
        variant = INSTANCES | {
            "VariantName": "primary",
            "ModelName": local_aws.model(endpoint.bucket, endpoint.role, VERSION=version),
        }
        name = f"{endpoint.config}-{version}"
        local_aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        local_aws.sagemaker.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=name, **retain)
        return endpoint.until_status("InService")

    described = update("kept", RetainAllVariantProperties=True)
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 2
    assert endpoint.call({}).document["environment"]["VERSION"] == "kept"
    assert update("reset")["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    excluded = [{"VariantPropertyType": "DesiredInstanceCount"}]
    endpoint.scale(2)
    endpoint.until_status("InService")
    described = update("excluded", RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=excluded)
    assert described["ProductionVariants"][0]["DesiredInstanceCount"] == 1


def test_each_action_requires_its_kind_of_endpoint(local_aws: AwsHarness, shirts: Live, shared_endpoint: Deployed) -> None:
    code, message = refusal(local_aws.runtime.invoke_endpoint_async, EndpointName=shirts.name, Body=b"shirt")
    assert (code, "call InvokeEndpoint." in message) == ("ValidationError", True)
    code, message = refusal(local_aws.runtime.invoke_endpoint, EndpointName=shared_endpoint.name, Body=b"shirt")
    assert (code, "call InvokeEndpointAsync" in message) == ("ValidationError", True)
    for endpoint, other in ((shirts, shared_endpoint), (shared_endpoint, shirts)):
        wanted = {"EndpointName": endpoint.name, "EndpointConfigName": other.config}
        assert "neither added nor removed" in refusal(local_aws.sagemaker.update_endpoint, **wanted)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"Body": b"x" * 6_291_457}, "less than or equal to 6291456"),
        ({"Body": b"x", "InferenceId": "x" * 65}, "'inferenceId'"),
        ({"Body": b"x", "TargetModel": "shirts.tar.gz"}, "not a multi-model container"),
        ({"Body": b"x", "TargetContainerHostname": "first"}, "not in Direct mode"),
        ({"Body": b"x", "InferenceComponentName": "part"}, "does not support inference components"),
        ({"Body": b"x", "SessionId": "NEW_SESSION"}, "does not support stateful sessions"),
        ({"Body": b"x", "EnableExplanations": "`true`"}, "does not support explanations"),
    ],
)
def test_invalid_requests_are_a_validation_error(local_aws: AwsHarness, shirts: Live, arguments: Any, said: str) -> None:
    unchecked = local_aws.client("sagemaker-runtime", parameter_validation=False)
    code, message = refusal(unchecked.invoke_endpoint, EndpointName=shirts.name, **arguments)
    assert (code, said in message) == ("ValidationError", True), message


def test_container_output_is_in_a_stream_of_the_instance(shirts: Live) -> None:
    shirts.call({"print": "a shirt passed"})
    (instance,) = shirts.serving()
    until(lambda: "a shirt passed" in shirts.log_lines(), "the line is in the log")
    streams = shirts.local_aws.logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{shirts.name}")["logStreams"]
    assert f"primary/{instance['id']}" in [stream["logStreamName"] for stream in streams]


def test_a_real_time_endpoint_publishes_what_an_asynchronous_one_never_does(local_aws: AwsHarness, live: Any) -> None:
    endpoint: Live = live(("primary", 1, {}))
    for orders in ({}, {}, {"status": 400, "message": "no"}):
        endpoint.call(orders) if not orders else endpoint.refused(orders)
    until(lambda: sum(endpoint.metric("Invocations")) == 3, "three invocations are counted")
    assert sum(endpoint.metric("Invocation4XXErrors")) == sum(endpoint.metric("InvocationModelErrors")) == 1
    assert sum(endpoint.metric("InvocationsPerInstance")) == 3
    assert max(endpoint.metric("ModelLatency", "Maximum")) > 0
    names = {item["MetricName"] for item in _metrics(local_aws, endpoint.name)}
    assert not names & {"ApproximateBacklogSize", "HasBacklogWithoutCapacity", "InvocationsProcessed"}


def _metrics(local_aws: AwsHarness, endpoint: str) -> list[dict[str, Any]]:
    dimension = {"Name": "EndpointName", "Value": endpoint}
    pages = local_aws.cloudwatch.get_paginator("list_metrics").paginate(Namespace="AWS/SageMaker", Dimensions=[dimension])
    return [metric for page in pages for metric in page["Metrics"]]


def test_a_failed_endpoint_accepts_no_requests(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    model = local_aws.model(bucket, role, archive("def model_fn(d): raise RuntimeError('torn')\n"))
    endpoint = go_live(local_aws, bucket, role, [INSTANCES | {"VariantName": "primary", "ModelName": model}], wait=False)
    assert "did not pass the ping health check" in endpoint.until_status("Failed")["FailureReason"]
    assert "is not in service: its status is Failed" in endpoint.refused({})["Error"]["Message"]
    local_aws.forget(endpoint.name)

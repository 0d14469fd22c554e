"""Data capture of real-time endpoints: JSON Lines in S3, keys and content as in the developer guide."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.common import refusal, unique, until
from support.in_process_aws import IMAGE, AwsHarness
from support.sample_model import archive
from support.synchronous_endpoint import INSTANCES, Live, make_model


def capture(bucket: str, percent: int = 100, modes: tuple[str, ...] = ("Input", "Output"), **more: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": f"s3://{bucket}/capture",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
    } | more


@pytest.fixture
def serve(local_aws: AwsHarness) -> Iterator[Any]:
    """A real-time endpoint with data capture; with `shadow`, it also has a shadow variant."""
    made: list[Live] = []

    def endpoint(*, shadow: bool = False, **config: Any) -> Live:
        bucket, role = local_aws.bucket(), local_aws.role()
        role.allow(bucket)
        container = {"Image": IMAGE, "ModelDataUrl": local_aws.put(bucket, "model.tar.gz", archive())}
        model = make_model(local_aws, role, PrimaryContainer=container)
        live = Live(local_aws, unique("endpoint"), bucket, role, config=unique("config"))
        names = ["primary", "shadow"][: 1 + shadow]
        variants = [{"VariantName": name, "ModelName": model} | INSTANCES for name in names]
        request = {"ProductionVariants": variants[:1]} | ({"ShadowProductionVariants": variants[1:]} if shadow else {})
        local_aws.sagemaker.create_endpoint_config(
            EndpointConfigName=live.config, DataCaptureConfig=capture(bucket, **config), **request
        )
        local_aws.sagemaker.create_endpoint(EndpointName=live.name, EndpointConfigName=live.config)
        live.until_status("InService")
        made.append(live)
        return live

    yield endpoint
    for live in made:
        local_aws.forget(live.name)


def lines(live: Live, variant: str = "primary") -> list[Any]:
    """All captured lines of a variant, unordered."""
    keys = live.local_aws.keys(live.bucket, f"capture/{live.name}/{variant}/")
    bodies = [found.body.decode() for key in keys if (found := live.local_aws.read(f"s3://{live.bucket}/{key}"))]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_each_request_is_captured_as_a_line_with_input_and_output(serve: Any) -> None:
    live: Live = serve(CaptureContentTypeHeader={"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]})
    live.call(Body=b"1,2", ContentType="text/csv", Accept="text/csv", InferenceId="mine", CustomAttributes="shop=7")
    until(lambda: lines(live), "the first line")
    live.call({"answer": "red"}, Accept="application/octet-stream")
    first, second = until(lambda: found if len(found := lines(live)) == 2 else None, "both lines")
    if first["eventMetadata"].get("inferenceId") != "mine":
        first, second = second, first
    assert first["captureData"] == {
        "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "mode": "OUTPUT", "data": "1,2", "encoding": "CSV"},
    }
    assert first["eventMetadata"]["customAttributes"] == ["shop=7"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["eventMetadata"]["inferenceTime"])
    assert (first["eventVersion"], first["eventMetadata"].keys()) == (
        "0",
        {"eventId", "inferenceTime", "inferenceId", "customAttributes"},
    )
    assert second["captureData"]["endpointInput"]["encoding"] == "JSON"
    answer = second["captureData"]["endpointOutput"]
    assert (answer["encoding"], base64.b64decode(answer["data"])) == ("BASE64", b"red")


def test_captured_objects_are_keyed_by_endpoint_variant_and_hour(serve: Any) -> None:
    live: Live = serve()
    live.call({"answer": "red"})
    (key,) = until(lambda: live.local_aws.keys(live.bucket, "capture/"), "an object")
    hour = r"\d{4}/\d\d/\d\d/\d\d"
    assert re.fullmatch(rf"capture/{live.name}/primary/{hour}/\d\d-\d\d-\d{{3}}-[0-9a-f-]{{36}}\.jsonl", key)


def test_only_configured_modes_are_captured(serve: Any) -> None:
    live: Live = serve(modes=("Output",))
    live.refused({"raise": "no"})
    live.call({"answer": "red"})
    (line,) = until(lambda: lines(live), "a line")
    assert line["captureData"].keys() == {"endpointOutput"}


def test_the_sampling_percentage_is_respected(serve: Any) -> None:
    none: Live = serve(percent=0)
    half: Live = serve(percent=50)
    for live in (none, half):
        for _ in range(60):
            live.call({"answer": "red"})
    found = until(lambda: lines(half), "some")
    assert 0 < len(found) < 60
    assert lines(none) == []


def test_shadow_responses_are_captured_separately(serve: Any) -> None:
    live: Live = serve(shadow=True)
    live.call({"answer": "red"})
    until(lambda: lines(live) and lines(live, "shadow"), "a line of each")


def test_a_capture_that_the_role_may_not_write_is_logged_and_does_not_affect_the_caller(serve: Any) -> None:
    live: Live = serve()
    live.role.allow(live.bucket, without=["write"])
    assert live.call({"answer": "red"}).body == b"red"
    until(lambda: any("Failed to write captured data" in line for line in live.log_lines()), "the log says so")
    assert lines(live) == []


def test_a_destination_that_is_not_an_s3_uri_is_refused(local_aws: AwsHarness) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    model = make_model(local_aws, role, PrimaryContainer={"Image": IMAGE})
    variant = {"VariantName": "primary", "ModelName": model} | INSTANCES
    code, message = refusal(
        local_aws.sagemaker.create_endpoint_config,
        EndpointConfigName=unique("config"),
        ProductionVariants=[variant],
        DataCaptureConfig=capture(bucket) | {"DestinationS3Uri": "s3://No_Bucket/capture"},
    )
    assert (code, "DestinationS3Uri" in message) == ("ValidationException", True)


@pytest.mark.parametrize("excluded", [True, False])
def test_an_update_that_retains_properties_retains_the_capture(local_aws: AwsHarness, serve: Any, excluded: bool) -> None:
    live: Live = serve(percent=70)
    request = local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=live.config)
    config = {"EndpointConfigName": unique("config"), "ProductionVariants": request["ProductionVariants"]}
    local_aws.sagemaker.create_endpoint_config(**config)
    local_aws.sagemaker.update_endpoint(
        EndpointName=live.name,
        EndpointConfigName=config["EndpointConfigName"],
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}] if excluded else [],
    )
    live.until_status("InService")
    described = local_aws.sagemaker.describe_endpoint(EndpointName=live.name)
    assert described["EndpointConfigName"] == config["EndpointConfigName"]
    assert described.get("DataCaptureConfig", {}).get("CurrentSamplingPercentage") == (None if excluded else 70)

"""Hosted models with several containers or models: pipelines, direct invocation, multi-model."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import scipy.sparse  # type: ignore[import-untyped]

from support.common import refusal, unique, until
from support.deployed_endpoint import Deployed, Role
from support.in_process_aws import IMAGE, AwsHarness
from support.sample_model import archive
from support.synchronous_endpoint import INSTANCES, Live, containers, go_live, make_model

# Adds its word to what it gets; a shout ends a pipeline.
ADDING = """
from sagemaker_inference.errors import BaseInferenceToolkitError
def model_fn(model_dir): print("{word} loaded"); return "{word}"
def input_fn(data, content_type): return (bytes(data).decode(), content_type)
def predict_fn(seen, model):
    text, content_type = seen
    if text == "shout at " + model: raise BaseInferenceToolkitError(400, "not so loud", "refused")
    return f"{{text}}>{{model}}({{content_type}})"
def output_fn(prediction, accept): return prediction, "text/{word}"
"""


def adding(*words: str) -> list[tuple[str, str]]:
    return [(word, ADDING.format(word=word)) for word in words]


@pytest.fixture(scope="module")
def place(local_aws: AwsHarness) -> tuple[str, Role]:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    return bucket, role


@pytest.fixture
def live(local_aws: AwsHarness, place: tuple[str, Role]) -> Iterator[Any]:
    made: list[Live] = []

    def endpoint(**model: Any) -> Live:
        variant = INSTANCES | {"VariantName": "primary", "ModelName": make_model(local_aws, place[1], **model)}
        made.append(go_live(local_aws, *place, [variant]))
        return made[-1]

    yield endpoint
    for item in made:
        local_aws.forget(item.name)


def test_a_pipeline_passes_each_response_on(local_aws: AwsHarness, live: Any, place: tuple[str, Role]) -> None:
    endpoint: Live = live(Containers=containers(local_aws, place[0], adding("wash", "dry")))
    answer = endpoint.call(Body=b"shirt", ContentType="text/plain")
    assert (answer.body, answer.content_type) == (b"shirt>wash(text/plain)>dry(text/wash)", "text/dry")
    error = endpoint.refused(Body=b"shout at wash", ContentType="text/plain")
    assert error["Error"]["Message"].startswith('Received client error (400) from wash with message "not so loud')
    (instance,) = endpoint.serving()
    until(lambda: {"wash loaded", "dry loaded"} <= set(endpoint.log_lines()), "both have said so")
    streams = local_aws.logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint.name}")["logStreams"]
    assert {f"primary/{instance['id']}/{word}" for word in ("wash", "dry")} <= {item["logStreamName"] for item in streams}
    described = local_aws.sagemaker.describe_model(ModelName=_model_of(local_aws, endpoint))
    assert [item["ContainerHostname"] for item in described["Containers"]] == ["wash", "dry"]
    assert len(endpoint.describe()["ProductionVariants"][0]["DeployedImages"]) == 2


def _model_of(local_aws: AwsHarness, endpoint: Live) -> str:
    config = local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint.config)
    name: str = config["ProductionVariants"][0]["ModelName"]
    return name


def test_arrays_are_decoded_and_encoded_by_sagemaker_inference(
    local_aws: AwsHarness, live: Any, place: tuple[str, Role]
) -> None:
    summing = "def model_fn(model_dir): pass\ndef predict_fn(matrix, model): return matrix.sum(axis=0)\n"
    endpoint: Live = live(Containers=containers(local_aws, place[0], [("sum", summing)]))
    sent = io.BytesIO()
    scipy.sparse.save_npz(sent, scipy.sparse.csr_matrix([[1, 2], [3, 4]]))

    sparse = endpoint.call(Body=sent.getvalue(), ContentType="application/x-npz", Accept="application/json")
    dense = endpoint.call(Body=b"[[1, 2], [3, 4]]", ContentType="application/json", Accept="text/csv")

    assert json.loads(sparse.body) == [[4, 6]]
    assert dense.body.split() == [b"4", b"6"]


def test_an_asynchronous_endpoint_runs_a_pipeline_too(local_aws: AwsHarness, place: tuple[str, Role]) -> None:
    bucket, role = place
    model = make_model(local_aws, role, Containers=containers(local_aws, bucket, adding("wash", "dry")))
    deployed = Deployed(local_aws, unique("endpoint"), bucket, role, model, local_aws.config(model, bucket))
    local_aws.sagemaker.create_endpoint(EndpointName=deployed.name, EndpointConfigName=deployed.config)
    deployed.until_status("InService")
    assert deployed.ask(Body=b"shirt", ContentType="text/plain").body == b"shirt>wash(text/plain)>dry(text/wash)"
    reason = deployed.failure(Body=b"shout at wash", ContentType="text/plain")
    assert reason.startswith('Received client error (400) from wash with message "not so loud')
    local_aws.forget(deployed.name)


def test_a_direct_model_answers_by_hostname(local_aws: AwsHarness, live: Any, place: tuple[str, Role]) -> None:
    direct = {"Mode": "Direct"}
    endpoint: Live = live(Containers=containers(local_aws, place[0], adding("red", "blue")), InferenceExecutionConfig=direct)
    for word in ("red", "blue"):
        answer = endpoint.call(Body=b"shirt", ContentType="text/plain", TargetContainerHostname=word)
        assert answer.body == f"shirt>{word}(text/plain)".encode()
    assert "requires a TargetContainerHostname" in endpoint.refused(Body=b"x")["Error"]["Message"]
    unknown = endpoint.refused(Body=b"x", TargetContainerHostname="green")
    assert (unknown["Error"]["Code"], "red, blue" in unknown["Error"]["Message"]) == ("ValidationError", True)


def multi_model(local_aws: AwsHarness, bucket: str, words: list[str], **environment: str) -> dict[str, Any]:
    prefix = f"many/{unique('models')}"
    for word in words:
        local_aws.put(bucket, f"{prefix}/{word}.tar.gz", archive(ADDING.format(word=word)))
    where = f"s3://{bucket}/{prefix}/"
    return {"Image": IMAGE, "Mode": "MultiModel", "ModelDataUrl": where, "Environment": environment}


def test_a_multi_model_endpoint_loads_the_target_model(local_aws: AwsHarness, live: Any, place: tuple[str, Role]) -> None:
    container = multi_model(local_aws, place[0], ["red", "blue"])
    endpoint: Live = live(PrimaryContainer=container)
    for word in ("red", "blue", "red"):
        answer = endpoint.call(Body=b"shirt", ContentType="text/plain", TargetModel=f"{word}.tar.gz")
        assert answer.body == f"shirt>{word}(text/plain)".encode()
    lines = endpoint.log_lines()
    assert lines.count("red loaded") == lines.count("blue loaded") == 1, "each was loaded once"
    late = container["ModelDataUrl"].removeprefix(f"s3://{place[0]}/") + "late.tar.gz"
    missing = endpoint.refused(Body=b"x", TargetModel="late.tar.gz")
    assert missing["Error"]["Code"] == "ValidationError"
    assert f"Failed to download model data(bucket: {place[0]}, key: {late})" in missing["Error"]["Message"]
    local_aws.put(place[0], late, archive(ADDING.format(word="late")))
    assert endpoint.call(Body=b"x", ContentType="text/plain", TargetModel="late.tar.gz").body == b"x>late(text/plain)"
    assert "requires a TargetModel" in endpoint.refused(Body=b"x")["Error"]["Message"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({}, "1 to 15 containers"),
        ({"PrimaryContainer": {"Image": IMAGE}, "Containers": [{"Image": IMAGE}]}, "has both"),
        ({"Containers": [{"Image": IMAGE}] * 16}, "15"),
        ({"Containers": [{"Image": IMAGE, "ContainerHostname": "same"}] * 2}, "must be unique"),
        (
            {"Containers": [{"Image": IMAGE}] * 2, "InferenceExecutionConfig": {"Mode": "Direct"}},
            "each with a ContainerHostname",
        ),
        ({"PrimaryContainer": {"Image": IMAGE, "Mode": "MultiModel"}}, "ModelDataUrl"),
        ({"PrimaryContainer": {"ModelPackageName": "package"}}, "ModelPackage package does not exist"),
    ],
)
def test_an_invalid_model_is_refused(local_aws: AwsHarness, place: tuple[str, Role], model: dict[str, Any], said: str) -> None:
    code, message = refusal(local_aws.sagemaker.create_model, ModelName=unique("model"), ExecutionRoleArn=place[1].arn, **model)
    assert (code, said in message) == ("ValidationException", True), message


@pytest.mark.parametrize("kind", ["multi-model", "direct"])
def test_an_asynchronous_endpoint_refuses_a_model_that_requires_a_target(
    local_aws: AwsHarness, place: tuple[str, Role], kind: str
) -> None:
    bucket, role = place
    if kind == "direct":
        both = containers(local_aws, bucket, adding("red", "blue"))
        model = make_model(local_aws, role, Containers=both, InferenceExecutionConfig={"Mode": "Direct"})
    else:
        model = make_model(local_aws, role, PrimaryContainer=multi_model(local_aws, bucket, ["red"]))
    code, message = refusal(
        local_aws.sagemaker.create_endpoint_config, **local_aws.config_request(unique("config"), model, bucket)
    )
    assert (code, "has no target" in message) == ("ValidationException", True), message

"""Endpoints whose images a real engine runs: answers, large inputs, failures, and the end of the local AWS."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.emulator.container.runtime import EngineRuntime
from support.common import process_runs, refusal, unique, until
from support.deployed_endpoint import Deployed
from support.engines import INSTANCE_TYPE, RealEngine, one_model, packed
from support.in_process_aws import AwsHarness
from support.remote_aws import RemoteAws, running

pytestmark = pytest.mark.xdist_group("requests")

VARIANT = {"InstanceType": INSTANCE_TYPE}
LARGEST_BYTES = 1 << 30  # of an input (developer guide, asynchronous inference)


@pytest.fixture(scope="module")
def probe(local_aws: AwsHarness, engine: RealEngine) -> Deployed:
    """An endpoint with the probe image."""
    return local_aws.endpoint(packed(shirts="red"), image=engine.images.probe, variant=VARIANT, COLOUR="blue")


def test_a_request_is_answered_by_the_image(probe: Deployed) -> None:
    outcome = probe.ask({"report": True})
    assert (outcome.kind, outcome.content_type) == ("output", "application/json")
    seen = outcome.document
    assert (seen["files"], seen["environment"]["COLOUR"]) == ({"weights/shirts": "red"}, "blue")


@pytest.mark.parametrize("how", ["chunked", "close"])
def test_an_answer_without_a_content_length_fails_its_request_only(probe: Deployed, how: str) -> None:
    before = [instance["id"] for instance in probe.serving()]
    assert "did not specify the required Content-Length header" in probe.failure({how: True})
    assert probe.ask({"append": "alive"}).kind == "output"
    assert [instance["id"] for instance in probe.serving()] == before


def test_the_largest_input_reaches_the_image_whole(probe: Deployed, tmp_path: Path) -> None:
    sparse = tmp_path / "input"
    with sparse.open("wb") as file:
        file.truncate(LARGEST_BYTES)
    digest = hashlib.sha256()
    for _ in range(LARGEST_BYTES >> 20):
        digest.update(bytes(1 << 20))
    probe.local_aws.s3.upload_file(str(sparse), probe.bucket, "input/largest")
    sparse.unlink()
    where = f"s3://{probe.bucket}/input/largest"
    outcome = probe.outcome(probe.invoke(InputLocation=where, ContentType="application/octet-stream"), 120)
    assert outcome.document == {"bytes": LARGEST_BYTES, "sha256": digest.hexdigest()}
    probe.local_aws.s3.delete_object(Bucket=probe.bucket, Key="input/largest")


def test_an_image_that_exits_during_a_request_is_replaced(local_aws: AwsHarness, engine: RealEngine) -> None:
    deployed = local_aws.endpoint(packed(shirts="red"), image=engine.images.probe, variant=VARIANT)
    [before] = deployed.serving()
    deployed.failure({"exit": 3})
    until(lambda: [item["id"] for item in deployed.serving()] != [before["id"]], "another instance serves")
    assert "no weights in this model" in deployed.log_lines()
    deployed.delete()


def test_a_command_that_is_not_found_is_the_failure_reason(local_aws: AwsHarness, engine: RealEngine) -> None:
    deployed = local_aws.endpoint(packed(shirts="red"), image=engine.images.unlabelled, variant=VARIANT, wait=False)
    reason = deployed.until_status("Failed")["FailureReason"]
    assert "did not pass the ping health check" in reason
    assert '"serve": executable file not found' in reason
    until(lambda: [line for line in deployed.log_lines() if '"serve": executable file' in line], "the log has it too")
    deployed.delete()


def test_images_are_checked_when_a_model_is_created(local_aws: AwsHarness, engine: RealEngine) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    container = {"ModelDataUrl": local_aws.put(bucket, "model.tar.gz", packed(shirts="red"))}

    def refused(*images: str, **more: Any) -> str:
        containers = [container | more | {"Image": image} for image in images]
        return refusal(
            local_aws.sagemaker.create_model, ModelName=unique("model"), ExecutionRoleArn=role.arn, Containers=containers
        )[1]

    missing, images = f"{engine.images.probe}-missing", engine.images
    assert refused(missing).startswith(f"Requested image {missing} not found. (")
    assert "accept-bind-to-port=true Docker label(s)" in refused(images.probe, images.unlabelled)
    several = {"Mode": "MultiModel", "ModelDataUrl": f"s3://{bucket}/models/"}
    assert "multi-models=true Docker label(s)" in refused(images.unlabelled, **several)


def test_several_models_and_several_containers(local_aws: AwsHarness, engine: RealEngine) -> None:
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    url = local_aws.put(bucket, "model/model.tar.gz", packed(shirts="red"))
    for name in ("blue", "red"):
        local_aws.put(bucket, f"models/{name}.tar.gz", one_model(f"{name} shirts"))
    stage = {"Image": engine.images.probe, "ModelDataUrl": url}
    containers = {
        "pipeline": [stage | {"ContainerHostname": name} for name in ("clean", "count")],
        "several": [{"Image": engine.images.probe, "Mode": "MultiModel", "ModelDataUrl": f"s3://{bucket}/models/"}],
    }
    for name, given in containers.items():
        local_aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role.arn, Containers=given)
        variant = {"VariantName": "primary", "ModelName": name, "InstanceType": INSTANCE_TYPE, "InitialInstanceCount": 1}
        local_aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        local_aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    deployed = {name: Deployed(local_aws, name, bucket, role) for name in containers}
    for endpoint in deployed.values():
        endpoint.until_status("InService")

    def invoke(name: str, **more: Any) -> str:
        order = {"Body": b'{"append": "shirt"}', "ContentType": "application/json"}
        answer = local_aws.patient_runtime.invoke_endpoint(EndpointName=name, **order, **more)
        return str(answer["Body"].read().decode())

    assert json.loads(invoke("pipeline"))["append"] == "shirt clean:8081 count:8082"
    assert [invoke("several", TargetModel=f"{name}.tar.gz") for name in ("red", "blue", "red")] == [
        "red shirts",
        "blue shirts",
        "red shirts",
    ]
    for endpoint in deployed.values():
        endpoint.delete()


# --- the end of the local AWS ---------------------------------------------------------------------------------------------


def label_of(aws: RemoteAws, engine: RealEngine) -> str:
    return EngineRuntime(engine.program, aws.workspace.local / "aws")._engine.label


def supervisors(label: str) -> list[int]:
    """The supervisor processes of a local AWS's containers, by its label in their command lines."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(b"supervisor.py") for word in words[:3]) and any(label.encode() in word for word in words):
            found.append(int(path.parent.name))
    return found


def deployed_on(aws: Any, folder: Path, engine: RealEngine) -> Deployed:
    return AwsHarness(aws, folder).endpoint(packed(shirts="red"), image=engine.images.probe, variant=VARIANT)


def test_nothing_outlives_a_killed_local_aws(engine: RealEngine, tmp_path: Path) -> None:
    with running(tmp_path / "home", time_scale=60, containers=engine.program) as aws:
        label = label_of(aws, engine)
        deployed_on(aws, tmp_path, engine)
        assert engine.leftovers(label)
        os.kill(aws.record.pid, signal.SIGKILL)
        until(lambda: not engine.leftovers(label), "container and network are gone", 20)


def test_what_outlives_its_supervisor_is_swept_at_the_next_start(engine: RealEngine, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home, time_scale=60, containers=engine.program) as aws:
        label = label_of(aws, engine)
        deployed_on(aws, tmp_path, engine)
        pids = supervisors(label)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in (aws.record.pid, *pids):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not any(process_runs(pid) for pid in (aws.record.pid, *pids)), "all are dead")
        assert len(engine.leftovers(label)) == 2, "a container and its network"
    with running(home, time_scale=60, containers=engine.program):
        assert engine.leftovers(label) == []

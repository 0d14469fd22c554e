"""CreateModel where images are run: the image must be there, with the labels for what it is to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from async_endpoint.emulator.container.container import CannotStart
from async_endpoint.emulator.container.runtime import PythonRuntime
from support.common import refusal, unique
from support.in_process_aws import IMAGE, AwsHarness
from support.sample_model import OBEDIENT, archive

BIND_TO_PORT = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"
MULTI_MODELS = "com.amazonaws.sagemaker.capabilities.multi-models"


@pytest.fixture
def create(local_aws: AwsHarness) -> Callable[..., dict[str, Any]]:
    """The arguments of a CreateModel of containers with a valid role and archive."""
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    url = local_aws.put(bucket, "model/model.tar.gz", archive(OBEDIENT))

    def request(*containers: dict[str, Any]) -> dict[str, Any]:
        whole = [{"Image": IMAGE, "ModelDataUrl": url, **container} for container in containers]
        return {"ModelName": unique("labels"), "ExecutionRoleArn": role.arn, "Containers": whole}

    return request


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The labels of every image, as of a container engine."""
    found: dict[str, str] = {}
    monkeypatch.setattr(PythonRuntime, "image_labels", lambda _self, _image: found)
    return found


def missing(label: str) -> tuple[str, str]:
    return "ValidationException", f"Your Ecr Image {IMAGE} does not contain required {label}=true Docker label(s)."


def test_an_image_of_a_pipeline_must_declare_that_it_listens_where_it_is_ordered_to(
    local_aws: AwsHarness, create: Callable[..., dict[str, Any]], labels: dict[str, str]
) -> None:
    pipeline = create({}, {})
    assert refusal(local_aws.sagemaker.create_model, **pipeline) == missing(BIND_TO_PORT)
    labels[BIND_TO_PORT] = "false"
    assert refusal(local_aws.sagemaker.create_model, **pipeline) == missing(BIND_TO_PORT)
    labels[BIND_TO_PORT] = "true"
    local_aws.sagemaker.create_model(**pipeline)
    labels.clear()
    local_aws.sagemaker.create_model(**create({}))


def test_an_image_for_many_models_must_declare_that_it_can(
    local_aws: AwsHarness, create: Callable[..., dict[str, Any]], labels: dict[str, str]
) -> None:
    several = create({"Mode": "MultiModel", "ModelDataUrl": f"s3://{local_aws.bucket()}/models/"})
    labels[BIND_TO_PORT] = "true"
    assert refusal(local_aws.sagemaker.create_model, **several) == missing(MULTI_MODELS)
    labels[MULTI_MODELS] = "true"
    local_aws.sagemaker.create_model(**several)


def test_an_image_that_is_not_there_is_refused_with_the_remedy(
    local_aws: AwsHarness, create: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_self: PythonRuntime, image: str) -> None:
        raise CannotStart(f"The image {image} is not on this machine; get it with: docker pull {image}")

    monkeypatch.setattr(PythonRuntime, "image_labels", absent)
    code, message = refusal(local_aws.sagemaker.create_model, **create({}))
    assert code == "ValidationException"
    assert message.startswith(f"Requested image {IMAGE} not found. (")
    assert f"docker pull {IMAGE}" in message


def test_without_an_engine_no_image_is_looked_for(local_aws: AwsHarness, create: Callable[..., dict[str, Any]]) -> None:
    local_aws.sagemaker.create_model(**create({}, {}))

"""Changes of what is deployed: each applies without a step by hand, and the endpoint is there all the while."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

LOOK_SECONDS = 0.3

pytestmark = [pytest.mark.terraform, pytest.mark.parametrize("example", ["bring-your-own"], indirect=True)]


@contextmanager
def _asked(example: Any, endpoint: str) -> Iterator[set[str]]:
    """What a customer sees who asks for the endpoint until the block ends: its states, and each refusal."""
    seen, ended = set[str](), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            try:
                seen.add(example.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"])
            except ClientError as error:
                seen.add(str(error))

    customer = threading.Thread(target=look)
    customer.start()
    try:
        yield seen
    finally:
        ended.set()
        customer.join()


def _change(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        assert old in text, f"{file} has no {old!r}"
        text = text.replace(old, new)
    file.write_text(text)


def test_upgrades_in_place_never_leave_a_gap(example: Any, nothing_left: Callable[[], dict[str, list[str]]]) -> None:
    endpoint = example.apply()["endpoint_name"]
    ours, theirs = example.root / "endpoint.tf", example.root / "main.tf"
    example.still(endpoint)

    def variant() -> Any:
        config = example.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        described = example.sagemaker.describe_endpoint_config(EndpointConfigName=config)
        return described["ProductionVariants"][0], described["AsyncInferenceConfig"]

    def answer() -> Any:
        accepted = example.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"a rose", ContentType="text/plain")
        return json.loads(example.until(lambda: example.object(accepted["OutputLocation"]), "an output"))

    with _asked(example, endpoint) as seen:
        # Image, artifact, concurrency, scaling limits.
        _change(ours, ('tag = "1.0.0"', 'tag = "1.1.0"'), ("max_capacity = 2", "max_capacity = 3"))
        _change(ours, ("async = {\n", "async = {\n      max_concurrent_invocations = 7\n"))
        _change(theirs, ('"models/counter/', '"models/counter-2/'))
        _change(example.root / "model/code/inference.py", ("text.lower()", "text.upper()"))
        example.apply()
        example.still(endpoint)
        deployed, asynchronous = variant()
        assert asynchronous["ClientConfig"]["MaxConcurrentInvocationsPerInstance"] == 7
        (container,) = example.sagemaker.describe_model(ModelName=deployed["ModelName"])["Containers"]
        assert container["Image"].endswith("bring-your-own/serve:1.1.0")
        assert "models/counter-2/" in container["ModelDataSource"]["S3DataSource"]["S3Uri"]
        assert answer() == {"A": 1, "ROSE": 1}
        scaling = example.aws.client("application-autoscaling")
        (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        assert target["MaxCapacity"] == 3

        # Instance type, which SageMaker refuses to change while a scalable target is registered, and the name of a topic.
        _change(ours, ('"ml.m5.large"', '"ml.m5.xlarge"'))
        _change(theirs, ('"bring-your-own-${each.key}"', '"brought-${each.key}"'))
        example.apply()
        example.still(endpoint)
        deployed, asynchronous = variant()
        assert deployed["InstanceType"] == "ml.m5.xlarge"
        assert asynchronous["OutputConfig"]["NotificationConfig"]["SuccessTopic"].endswith(":brought-success")
        assert answer() == {"A": 1, "ROSE": 1}
        assert len(scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]) == 1

    assert {"InService", "Updating"} <= seen <= {"InService", "Updating", "SystemUpdating"}, seen
    example.still(endpoint)
    example.destroy()
    assert nothing_left() == {}

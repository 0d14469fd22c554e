"""Changes of what is deployed: each applies without a step by hand, and the endpoint is there all the while."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
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


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, f"{file} has no {old!r}"
    file.write_text(text.replace(old, new))


@dataclass(frozen=True)
class Deployed:
    """What serves now, as SageMaker and Application Auto Scaling describe it."""

    variant: Any
    asynchronous: Any
    container: Any
    target: Any


def _deployed(example: Any, endpoint: str) -> Deployed:
    config = example.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    described = example.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    [variant] = described["ProductionVariants"]
    container = example.sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]
    scaling = example.aws.client("application-autoscaling")
    [target] = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    return Deployed(variant, described["AsyncInferenceConfig"], container, target)


# Changes, the files they are made in, and what is deployed afterwards.
Change = tuple[str, str, str]
UPGRADES: dict[str, tuple[list[Change], Callable[[Deployed], bool]]] = {
    "image": (
        [("endpoint.tf", 'tag = "1.0.0"', 'tag = "1.1.0"')],
        lambda now: now.container["Image"].endswith("bring-your-own/serve:1.1.0"),
    ),
    "artifact": (
        [("main.tf", '"models/counter/', '"models/counter-2/'), ("model/code/inference.py", "text.lower()", "text.upper()")],
        lambda now: "models/counter-2/" in now.container["ModelDataSource"]["S3DataSource"]["S3Uri"],
    ),
    # SageMaker refuses to change it while a scalable target is registered.
    "instance type": (
        [("endpoint.tf", '"ml.m5.large"', '"ml.m5.xlarge"')],
        lambda now: now.variant["InstanceType"] == "ml.m5.xlarge",
    ),
    "concurrency": (
        [("endpoint.tf", "async = {\n", "async = {\n      max_concurrent_invocations = 7\n")],
        lambda now: now.asynchronous["ClientConfig"]["MaxConcurrentInvocationsPerInstance"] == 7,
    ),
    "scaling limits": (
        [("endpoint.tf", "max_instances = 2", "max_instances = 3")],
        lambda now: now.target["MaxCapacity"] == 3,
    ),
    "renamed topic": (
        [("main.tf", '"bring-your-own-${each.key}"', '"renamed-${each.key}"')],
        lambda now: now.asynchronous["OutputConfig"]["NotificationConfig"]["SuccessTopic"].endswith(":renamed-success"),
    ),
}


def test_upgrades_in_place_never_leave_a_gap(example: Any, nothing_left: Callable[[], dict[str, list[str]]]) -> None:
    endpoint = example.apply()["endpoint_name"]
    example.still(endpoint)
    answers = {"a": 1, "rose": 1}

    with _asked(example, endpoint) as seen:
        for upgrade, (changes, done) in UPGRADES.items():
            before = _deployed(example, endpoint)
            assert not done(before), f"{upgrade} is as it will be already"
            for file, old, new in changes:
                _change(example.root / file, old, new)
            if upgrade == "artifact":
                answers = {"A": 1, "ROSE": 1}

            example.apply()

            example.still(endpoint)
            assert done(_deployed(example, endpoint)), upgrade
            accepted = example.runtime.invoke_endpoint_async(EndpointName=endpoint, Body=b"a rose", ContentType="text/plain")
            output = example.until(partial(example.object, accepted["OutputLocation"]), f"an output after: {upgrade}")
            assert json.loads(output) == answers, upgrade
            example.still(endpoint)

    assert {"InService", "Updating"} <= seen <= {"InService", "Updating", "SystemUpdating"}, seen
    example.destroy()
    assert nothing_left() == {}

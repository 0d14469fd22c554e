"""Changed settings applied to an endpoint that is in use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.common import until

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.xdist_group("root-local"),
    pytest.mark.parametrize("root", ["local"], indirect=True),
]

LOOK_SECONDS = 0.5


@dataclass
class Use:
    """What a customer observed during the update: states of the endpoint, and output locations of its requests."""

    states: set[str] = field(default_factory=set)
    locations: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def test_an_update_in_place_is_verified_and_never_interrupts(root: Any) -> None:
    before = root.outputs
    root.keep_at_least(1)  # SageMaker refuses to update an endpoint while it is scaling
    root.succeed("invoke", root.checkout.query("red-shirt.png"), "--wait")
    until(lambda: root.counts() == (1, 1), "awake")
    settings = root.checkout.folder / "envs" / "local" / "main.tf"
    changed = settings.read_text()
    for old, new in (
        ("max_concurrent_invocations = 4", "max_concurrent_invocations = 2"),
        ("max_instances = 2\n  }", "max_instances = 3\n  }\n\n  guardrails = { new_fleet_only = true }"),
    ):
        assert changed.count(old) == 1, settings
        changed = changed.replace(old, new)
    settings.write_text(changed)

    with _in_use(root) as use:
        root.apply()

    assert root.applied.code == 0, root.applied.err
    after = root.outputs
    assert after.endpoint.name == before.endpoint.name
    assert after.endpoint.config_name != before.endpoint.config_name
    assert after.endpoint.max_concurrent_invocations_per_instance == 2
    assert (after.scaling.min_instances, after.scaling.max_instances) == (0, 3)
    assert (
        f"verified recommender: endpoint: {root.name} is InService with configuration {after.endpoint.config_name}"
        in root.applied.err
    )
    assert "verified recommender: scaling range: 0 to 3 instances" in root.applied.err
    live = root.client("sagemaker").describe_endpoint(EndpointName=root.name)
    [rollback] = live["LastDeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    [alarm] = root.client("cloudwatch").describe_alarms(AlarmNames=[rollback["AlarmName"]])["MetricAlarms"]
    assert {"Name": "EndpointConfigName", "Value": after.endpoint.config_name} in alarm["Dimensions"]
    assert alarm["AlarmName"] in after.monitoring.alarm_names
    assert use.refusals == []
    assert use.states == {"InService", "Updating"}
    assert len(use.locations) > 5
    until(lambda: all(root.object(location) for location in use.locations), "all answered")
    assert len({root.object(location) for location in use.locations}) == 1
    configurations = root.client("sagemaker").list_endpoint_configs(NameContains=root.name)["EndpointConfigs"]
    assert [item["EndpointConfigName"] for item in configurations] == [after.endpoint.config_name]


@contextmanager
def _in_use(root: Any) -> Iterator[Use]:
    """A customer that describes the endpoint and sends requests until the block ends."""
    use, ended = Use(), threading.Event()
    sagemaker, runtime, name = root.client("sagemaker"), root.client("sagemaker-runtime"), root.name
    image = Path(root.checkout.folder, root.checkout.query("red-shirt.png")).read_bytes()

    def run() -> None:
        while not ended.wait(LOOK_SECONDS):
            try:
                use.states.add(sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])
                accepted = runtime.invoke_endpoint_async(EndpointName=name, Body=image, ContentType="image/png")
                use.locations.append(accepted["OutputLocation"])
            except ClientError as error:
                use.refusals.append(str(error))

    customer = threading.Thread(target=run)
    customer.start()
    try:
        yield use
    finally:
        ended.set()
        customer.join()

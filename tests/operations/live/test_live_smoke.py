"""The smoke test of a live endpoint: its checks, where the time went, and a real-time endpoint of the same model beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.operations.smoke import smoke_test
from support.client_against_emulator import Stage, orders
from support.in_process_aws import AwsHarness
from support.synchronous_endpoint import INSTANCES, go_live


def test_a_healthy_endpoint_passes_and_the_time_is_split(
    local_aws: AwsHarness, stage: Stage, stage_outputs: AsyncEndpointOutputs, tmp_path: Path
) -> None:
    good, bad = files(tmp_path, {"answer": {"score": 0.5}}, {"status": 400, "message": "not an image"})
    variant = INSTANCES | {"VariantName": "primary", "ModelName": stage.deployed.model}
    twin = go_live(local_aws, stage.deployed.bucket, stage.deployed.role, [variant])

    report = smoke_test(stage_outputs, good, bad, endpoint_url=local_aws.url, deadline_seconds=90, compare_real_time=twin.name)

    assert report.passed, report
    assert [check.name for check in report.checks] == [
        "result object",
        "failure object",
        "same as real time",
        "success notification",
        "error notification",
        "scaling",
    ]
    known = report.latency.known
    assert known["upload"] == 0, "it went inline"
    assert known["accept"] > 0
    assert known["wake"] == 0, "an instance served"
    assert known["collect"] >= 0
    assert json.loads(json.dumps(report.as_dict()))["latency"]["accept"] == known["accept"]
    twin.delete()


def test_a_real_time_endpoint_without_response_fails_the_check(
    local_aws: AwsHarness, stage_outputs: AsyncEndpointOutputs, tmp_path: Path
) -> None:
    good, bad = files(tmp_path, {"answer": 1}, {"status": 400, "message": "no"})
    report = smoke_test(
        stage_outputs, good, bad, endpoint_url=local_aws.url, deadline_seconds=90, compare_real_time="not-there"
    )
    [missed] = report.failed
    assert missed.name == "same as real time"
    assert "sagemaker:InvokeEndpoint on endpoint not-there" in missed.detail


def files(folder: Path, good: dict[str, Any], bad: dict[str, Any]) -> tuple[Path, Path]:
    for name, what in (("good.json", good), ("bad.json", bad)):
        (folder / name).write_bytes(orders(**what))
    return folder / "good.json", folder / "bad.json"

"""A deployed environment survives a stop of its local AWS: the plan is empty, and queued requests are answered."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.core.s3_uri import S3Uri
from support.common import until

BACKLOG = 100

pytestmark = pytest.mark.terraform


def start(checkout: Any, state: Path, time_scale: int, port: int = 0) -> dict[str, Any]:
    options = ("--port", str(port), "--time-scale", str(time_scale), "--instance-launch-seconds", "0", "--detach", "--json")
    record: dict[str, Any] = checkout.succeed("local", "up", "--state-dir", str(state), *options).document
    return record


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def endpoint(checkout: Any) -> dict[str, Any]:
    [found] = checkout.succeed("local", "status", "--json").document["endpoints"]
    return dict(found)


def test_after_a_stop_and_a_start_the_plan_is_empty_and_the_backlog_of_100_completes(
    checkout: Any, with_provider: Any, tmp_path: Path
) -> None:
    checkout.build_archives()
    first = start(checkout, tmp_path / "state", 1)  # at time scale 1, so that nothing wakes the endpoint
    checkout = with_provider(checkout, "dev")
    checkout.succeed("apply", "dev", "--local")
    [document] = checkout.succeed("outputs", "dev", "--local", "--json").document["endpoints"].values()
    outputs = AsyncEndpointOutputs.parse(document)
    name, sagemaker = outputs.endpoint.name, checkout.client("sagemaker")
    [variant] = sagemaker.describe_endpoint(EndpointName=name)["ProductionVariants"]
    asleep = [{"VariantName": variant["VariantName"], "DesiredInstanceCount": 0}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=asleep)
    until(lambda: not endpoint(checkout)["instances"], "asleep")
    runtime = checkout.client("sagemaker-runtime")
    query = Path(checkout.folder / checkout.query("red-shirt.png")).read_bytes()
    sent = [
        runtime.invoke_endpoint_async(EndpointName=name, Body=query, ContentType="image/png", Filename=f"answer-{number}")
        for number in range(BACKLOG)
    ]
    assert endpoint(checkout)["backlog"] == BACKLOG
    checkout.succeed("local", "down")

    again = start(checkout, tmp_path / "state", 600, a_free_port())

    assert again["instance_id"] == first["instance_id"]
    assert again["endpoint_url"] != first["endpoint_url"]
    planned = checkout.run("plan", "dev", "--local", "--detailed-exitcode")
    assert planned.code == 0, planned.err
    assert planned.err.rstrip().endswith("No changes.")
    s3 = checkout.client("s3")
    where = S3Uri.parse(sent[0]["OutputLocation"])

    def answered() -> set[str]:
        found = s3.list_objects_v2(Bucket=where.bucket, Prefix=where.key.rpartition("/")[0]).get("Contents", [])
        return {f"s3://{where.bucket}/{item['Key']}" for item in found}

    wanted = {one["OutputLocation"] for one in sent}
    until(lambda: wanted <= answered(), "all answered", 180)
    document = json.loads(s3.get_object(Bucket=where.bucket, Key=where.key)["Body"].read())
    assert len(document["recommendations"]) == 5
    until(lambda: endpoint(checkout)["backlog"] == 0, "nothing waits")
    [report] = checkout.succeed("smoke-test", "dev", "--local", "--json").document["endpoints"].values()
    assert report["passed"], "queues are found by the URLs in Terraform's state, which contain the previous port"

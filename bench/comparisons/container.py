"""The published experiment with its own server: FastAPI in an image, on Docker or Podman."""

from __future__ import annotations

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.harness import Endpoint, Harness
from bench.program import REGION, until
from bench.report import Report

IMAGE = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/fastapi-container:1"
REQUESTS, INSTANCES, SECONDS = 4, 2, 5.0
LONGEST_SECONDS = 11.0


def measure(report: Report) -> None:
    """Four requests of 5 s on two instances, by the server's own timestamps; without engine or image a line says so."""
    engine = next((program for program in ("docker", "podman") if _has_image(program)), None)
    if engine is None:
        report.add("container", "not measured", f"no Docker or Podman with the image {IMAGE} (examples/fastapi-container)")
        return
    with Harness(containers=engine) as harness:
        endpoint = harness.endpoint("container", instances=INSTANCES, concurrency=1, image=IMAGE)
        with ThreadPoolExecutor(REQUESTS) as threads:
            ran = sorted(threads.map(lambda _: _invoke(endpoint), range(REQUESTS)), key=lambda one: one["begun"])
    seconds = max(one["ended"] for one in ran) - ran[0]["begun"]
    rounds = [[one for one in ran if one["instance"] == name] for name in {one["instance"] for one in ran}]
    alone = all(first["ended"] <= second["begun"] for first, second in (one for one in rounds if len(one) == 2))
    even = [len(one) for one in rounds] == [REQUESTS // INSTANCES] * INSTANCES
    report.add("container", "engine", engine)
    report.bar("container", "requests of each instance", ", ".join(str(len(one)) for one in rounds), even and alone, "2, 2")
    report.bar("container", "first begun to last ended", f"{seconds:.2f} s", seconds <= LONGEST_SECONDS, "≤ 11 s")
    for one in ran:
        begun, ended = (one[word] - ran[0]["begun"] for word in ("begun", "ended"))
        report.add("container", f"instance {one['instance']}", f"{begun:.2f} s to {ended:.2f} s")


def _has_image(program: str) -> bool:
    if shutil.which(program) is None:
        return False
    return subprocess.run([program, "image", "inspect", IMAGE], capture_output=True, check=False).returncode == 0


def _invoke(endpoint: Endpoint) -> dict[str, Any]:
    """One request through boto3 alone, until its output is there."""
    harness = endpoint.harness
    accepted = harness.runtime.invoke_endpoint_async(
        EndpointName=endpoint.name, Body=b'{"message": "test"}', ContentType="application/json"
    )
    key = accepted["OutputLocation"].removeprefix(f"s3://{harness.bucket}/")
    until(lambda: harness.s3.list_objects_v2(Bucket=harness.bucket, Prefix=key)["KeyCount"], f"the output {key}")
    document: dict[str, Any] = json.loads(harness.s3.get_object(Bucket=harness.bucket, Key=key)["Body"].read())
    return document

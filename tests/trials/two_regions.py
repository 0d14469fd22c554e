"""One environment in two regions of an account, by the command line on a local AWS: `python tests/trials/two_regions.py [ENV]`.

Applies ENV (prod) in both regions at the same time, and asks in each: the verification and the smoke test hold, a second plan
is empty, an invocation is answered by the endpoint of its region alone. Destroys the first region while a client calls the
second, which must answer every request; then the second. Nothing may be left, and neither destroy may report or remove what
is the other's. Prints a line a step, with its seconds; ends with 1 unless every step held. Some four minutes on two cores.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.local_aws import require_credentials
from async_endpoint.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("async-endpoint")
REGIONS = ("eu-west-1", "us-east-1")
QUERY = "examples/fashion-recommender/queries/red-shirt.png"
COMMAND_SECONDS = 600

# Kinds of resources by how they are listed: service, operation, members, and the member that names one.
KINDS = {
    "alarm": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "bucket": ("s3", "list_buckets", "Buckets", "Name"),
    "dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    "endpoint": ("sagemaker", "list_endpoints", "Endpoints", "EndpointArn"),
    "endpoint configuration": ("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigArn"),
    "key alias": ("kms", "list_aliases", "Aliases", "AliasArn"),
    "log group": ("logs", "describe_log_groups", "logGroups", "arn"),
    "model": ("sagemaker", "list_models", "Models", "ModelArn"),
    "policy": ("iam", "list_policies", "Policies", "Arn"),
    "queue": ("sqs", "list_queues", "QueueUrls", ""),
    "role": ("iam", "list_roles", "Roles", "Arn"),
    "subscription": ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    "topic": ("sns", "list_topics", "Topics", "TopicArn"),
}
GLOBAL = ("bucket", "dashboard", "policy", "role")
OPTIONS: dict[str, dict[str, str]] = {"policy": {"Scope": "Local"}}


@dataclass(frozen=True)
class Region:
    """The deployment of `environment` in one region, from a checkout that both regions share."""

    folder: Path
    environment: str
    name: str

    def run(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, verb, *arguments],
            cwd=self.folder,
            env=os.environ | {"TF_VAR_region": self.name, "COLUMNS": "4000"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def succeed(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.run(verb, self.environment, *arguments, "--local")
        _require(done.returncode == 0, f"{verb} in {self.name} ended with {done.returncode}: {done.stderr[-3000:]}")
        return done

    @property
    def outputs(self) -> AsyncEndpointOutputs:
        document = json.loads(self.succeed("outputs", "--json").stdout)
        return AsyncEndpointOutputs.parse(next(iter(document["endpoints"].values())))

    def client(self, service: str) -> Any:
        key = require_credentials(Workspace(self.folder)).access_key
        return boto3.client(
            service,
            region_name=self.name,
            endpoint_url=require_credentials(Workspace(self.folder)).endpoint_url,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
        )

    def inventory(self) -> dict[str, set[str]]:
        """What exists, by kind, as seen from this region; keys that wait for their deletion and AWS's own are left out."""
        found = {kind: set(self._listed(kind)) for kind in KINDS}
        found["key alias"] = {arn for arn in found["key alias"] if ":alias/aws/" not in arn}
        targets = self.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
        found["scalable target"] = {target["ResourceId"] for target in targets["ScalableTargets"]}
        return found

    def _listed(self, kind: str) -> Iterator[str]:
        service, operation, members, member = KINDS[kind]
        for page in self.client(service).get_paginator(operation).paginate(**OPTIONS.get(kind, {})):
            for item in page.get(members, ()):
                yield item[member] if member else item

    def answer(self, image: bytes, outputs: AsyncEndpointOutputs) -> Any:
        """The decoded result of one request, whose output lies in this region's bucket."""
        runtime, s3 = self.client("sagemaker-runtime"), self.client("s3")
        sent = runtime.invoke_endpoint_async(EndpointName=outputs.endpoint.name, Body=image, ContentType="image/png")
        _require(sent["OutputLocation"].startswith(outputs.storage.output_uri), f"{sent['OutputLocation']} is elsewhere")
        bucket, _, key = sent["OutputLocation"].removeprefix("s3://").partition("/")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            except ClientError as error:
                _require(error.response["Error"]["Code"] == "NoSuchKey", str(error))
                time.sleep(0.1)
        raise SystemExit(f"{sent['OutputLocation']} did not appear within 120 s")

    def empty_bucket(self, outputs: AsyncEndpointOutputs) -> None:
        """Delete every object but the model, which instances need until they are gone: prod keeps its bucket otherwise."""
        s3 = self.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=outputs.storage.bucket):
            for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                if not one["Key"].startswith("model/"):
                    s3.delete_object(Bucket=outputs.storage.bucket, Key=one["Key"], VersionId=one["VersionId"])


class Failed(SystemExit):
    """A step that did not hold."""


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise Failed(f"FAILED: {sentence}")


@contextmanager
def step(name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{name}: held, {time.monotonic() - began:.0f} s", flush=True)


def in_both(regions: tuple[Region, Region], work: Callable[[Region], Any]) -> list[Any]:
    """The results of `work` on each region, both at the same time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(work, regions))


@contextmanager
def calling(region: Region, outputs: AsyncEndpointOutputs, image: bytes) -> Iterator[list[Any]]:
    """One request after another until the block ends; every one must be answered."""
    ended, answers = threading.Event(), list[Any]()

    def call() -> None:
        while not ended.is_set():
            answers.append(region.answer(image, outputs))

    with ThreadPoolExecutor(1) as pool:
        client = pool.submit(call)
        try:
            yield answers
        finally:
            ended.set()
        client.result()


def check_names(here: dict[str, set[str]], there: dict[str, set[str]], regions: tuple[Region, Region]) -> None:
    """Both regions have the same number of everything; global resources name their region, regional ones are only there."""
    for kind, found in here.items():
        other = there[kind]
        if kind in GLOBAL:
            _require(found == other, f"{kind}: a global kind is listed alike in both regions")
            own = [{name for name in found if region.name in name} for region in regions]
            _require(len(own[0]) == len(own[1]) > 0, f"{kind}: {sorted(found)}")
            _require(own[0] | own[1] == found and not own[0] & own[1], f"{kind} without its region: {sorted(found)}")
        else:
            _require(len(found) == len(other) > 0, f"{kind}: {sorted(found)} and {sorted(other)}")
            if kind not in ("alarm", "queue", "scalable target"):  # names and, on the local AWS, URLs without a region
                _require(not found & other, f"{kind} in both regions: {sorted(found & other)}")


def trial(folder: Path, environment: str) -> None:
    regions = (Region(folder, environment, REGIONS[0]), Region(folder, environment, REGIONS[1]))
    first, second = regions
    image = (REPOSITORY / QUERY).read_bytes()
    with step("apply in both regions at once"):
        in_both(regions, lambda region: region.succeed("apply", "--yes"))
        outputs = in_both(regions, lambda region: region.outputs)
    with step("names"):
        _require([one.region for one in outputs] == list(REGIONS), "the outputs name the region")
        check_names(first.inventory(), second.inventory(), regions)
    with step("a second plan is empty"):
        in_both(regions, lambda region: region.succeed("plan", "--detailed-exitcode"))
    with step("smoke test, and an answer by the region's own endpoint"):
        in_both(regions, lambda region: region.succeed("smoke-test"))
        answers = [region.answer(image, one) for region, one in zip(regions, outputs, strict=True)]
        _require(answers[0] == answers[1], "both regions serve the same model")
    with step("destroy the first region while the second answers"):
        first.empty_bucket(outputs[0])
        before = second.inventory()
        with calling(second, outputs[1], image) as answered:
            first.succeed("destroy", "--yes")
            here = len(answered)
        _require(here > 0, "the second region answered meanwhile")
        left, after = first.inventory(), second.inventory()
        _require({kind for kind, found in left.items() if found} == set(GLOBAL), f"left in the first region: {left}")
        _require(not [name for kind in GLOBAL for name in left[kind] if first.name in name], f"left: {left}")
        _require(
            {kind: found for kind, found in after.items() if kind not in GLOBAL}
            == {kind: found for kind, found in before.items() if kind not in GLOBAL},
            "the second region has what it had",
        )
        second.succeed("verify", "--no-plan")
        print(f"  {len(answered)} requests answered in {second.name} meanwhile", flush=True)
    with step("destroy the second region"):
        second.empty_bucket(outputs[1])
        second.succeed("destroy", "--yes")
        for region in regions:
            left = {kind: found for kind, found in region.inventory().items() if found}
            _require(not left, f"left, as seen from {region.name}: {left}")


def main(environment: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="two-regions-"))
    try:
        for name in ("envs", "examples", "modules"):  # copies: a change of the repository meanwhile would be a change to plan
            shutil.copytree(
                REPOSITORY / name,
                folder / name,
                ignore=shutil.ignore_patterns(".terraform", "*.tfstate*", "*.tfbackend", "*.auto.tfvars"),
            )
        workspace = Region(folder, environment, REGIONS[0])
        for model in ("fashion-recommender", "language-detector"):
            workspace.run("package", f"examples/{model}", "-o", f"build/{model}.tar.gz")
        up = workspace.run("local", "up", "--port", "0", "--time-scale", "60", "--detach")
        _require(up.returncode == 0, up.stderr)
        try:
            trial(folder, environment)
        finally:
            workspace.run("local", "down")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "prod")

"""The steps of the demonstration. Each either tells what it saw or raises, so that the command ends non-zero."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from async_endpoint.client import AsyncEndpoint, ClientConfig
from async_endpoint.core.errors import WorkFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.demo import watching
from async_endpoint.demo.story import Story
from async_endpoint.deploy import deployment
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.emulator import daemon
from async_endpoint.packaging import build_archive
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.workspace import Workspace

EXAMPLE = Path("examples", "fashion-recommender")
ENVIRONMENT = "local"
WAKE_SECONDS = 60.0
RESULT_SECONDS = 120.0
SLEEP_SECONDS = 90.0


def play(story: Story, *, time_scale: float, launch_seconds: float) -> None:
    """Deploy, invoke, sleep, wake, destroy; raises an error of the tree the moment something is not so."""
    workspace = Workspace.find()
    terraform = Terraform(workspace.root, os.environ, story.terraform)
    story.tell(f"tools: Python {platform.python_version()}, Terraform {terraform.version}")
    record = daemon.start_detached(workspace, 0, time_scale, launch_seconds)
    try:
        story.tell(f"local AWS at {record.endpoint_url}; an AWS minute passes in {60 / time_scale:.1f} s")
        archive = build_archive(workspace.root / EXAMPLE, workspace.build / f"{EXAMPLE.name}.tar.gz")
        story.tell(f"model packaged: {archive.path.name}, {archive.files} files, {archive.size_bytes:,} bytes")
        story.tell(f"terraform apply of envs/{ENVIRONMENT}")
        applied = deployment.apply(ENVIRONMENT, on_output=story.terraform)
        story.tell(f"{applied.changes.add} resources applied")
        for check in applied.checks:
            story.tell(f"verified {check.name}: {check.detail}")
        _request_twice(story, workspace, applied.outputs, record.endpoint_url)
        story.tell(f"terraform destroy of envs/{ENVIRONMENT}")
        deployment.destroy(ENVIRONMENT, on_output=story.terraform)
        story.tell("nothing is left")
    finally:
        daemon.stop(workspace)
    story.tell("local AWS stopped")


def _request_twice(story: Story, workspace: Workspace, outputs: AsyncEndpointOutputs, url: str) -> None:
    query = workspace.root / EXAMPLE / "queries" / "red-shirt.png"
    _sleep(story, workspace, outputs, url)
    first = _request(story, workspace, outputs, url, query)
    _sleep(story, workspace, outputs, url)
    story.tell("a second request, to wake it again")
    if _request(story, workspace, outputs, url, query) != first:
        raise WorkFailed(f"{query.name} was answered differently the second time; the model should be deterministic.")
    story.tell("the second answer is the first, byte for byte")


def _request(story: Story, workspace: Workspace, outputs: AsyncEndpointOutputs, url: str, query: Path) -> bytes:
    name, config = outputs.endpoint.name, ClientConfig(deadline_seconds=WAKE_SECONDS + RESULT_SECONDS)
    with AsyncEndpoint(outputs, endpoint_url=url, config=config) as endpoint:
        invocation = endpoint.submit(query)
        story.tell(f"request submitted: {query.name}; its result will be {invocation.accepted().output_location}")
        for state, seconds in watching.states(workspace, name, invocation.done):
            story.tell(f"  {state}: {seconds:.1f} s")
        completed = invocation.result()
    story.tell(f"completed after {completed.seconds:.1f} s: {len(completed.body):,} bytes")
    document = completed.document()
    if not isinstance(document, dict) or not document.get("recommendations"):
        raise WorkFailed(f"The result {completed.output_location} has no recommendations; the model should have made some.")
    story.table(document["recommendations"])
    return completed.body


def _sleep(story: Story, workspace: Workspace, outputs: AsyncEndpointOutputs, url: str) -> None:
    name = outputs.endpoint.name
    story.tell("waiting for the endpoint to scale in to zero by its own policies")
    watching.until(workspace, name, lambda seen: seen.asleep, "asleep", SLEEP_SECONDS)
    scaling = retrying_session(outputs.region, url).client("application-autoscaling")
    activities = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=outputs.scaling.resource_id)
    newest = activities["ScalingActivities"][0]
    if "instance count to 0" not in newest["Description"]:
        raise WorkFailed(f"Endpoint {name} is at zero and its last scaling activity is: {newest['Description']}")
    story.tell(f"asleep at zero instances: {newest['Cause']}")

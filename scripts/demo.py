"""`make demo`: the life of a request on the local AWS, checked at every step.

Starts a local AWS, applies envs/local, waits until its two endpoints have scaled in to zero, sends requests that wake them, and
destroys everything. A step that does not hold ends the program with a non-zero exit code. `build/demo.html` shows the run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint import signals
from async_endpoint.cli.console import console, reported_errors
from async_endpoint.client.config import ClientConfig
from async_endpoint.client.endpoint import AsyncEndpoint
from async_endpoint.core.errors import AsyncEndpointError, WorkFailed
from async_endpoint.core.outputs import AsyncEndpointOutputs
from async_endpoint.deploy.apply import apply_environment
from async_endpoint.deploy.deployment import Deployment
from async_endpoint.deploy.destroy import destroy_environment
from async_endpoint.deploy.retries import retrying_session
from async_endpoint.emulator import daemon
from async_endpoint.packaging import build_archive
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.local_override import process_environment
from async_endpoint.workspace import Workspace
from demo_report import Exchange, Observation, Recording, write_report

ENVIRONMENT: Final = "local"
EXAMPLES: Final = Path("examples")
MODELS: Final = ("fashion-recommender", "language-detector")
RECOMMENDER_QUERY: Final = EXAMPLES / "fashion-recommender/queries/red-shirt.png"
DETECTOR_QUERY: Final = EXAMPLES / "language-detector/queries/soup.txt"

RESULT_TIMEOUT_SECONDS: Final = 180.0
SLEEP_TIMEOUT_SECONDS: Final = 90.0
POLL_INTERVAL_SECONDS: Final = 0.05
PROGRESS_INTERVAL_SECONDS: Final = 10.0

# Terraform's line about a resource, and what follows it in brackets or after "after".
_RESOURCE: Final = re.compile(
    r"^(?P<address>\S+): (?:(?P<done>Creation|Destruction) complete after (?P<time>\w+)"
    r"|Still (?P<going>\w+)\.\.\. \[.*?(?P<so_far>\w+) elapsed)"
)
_TERRAFORM_STEPS: Final = {
    "Initializing the backend...": "  terraform init",
    "Terraform has been successfully initialized!": "  terraform plan",
}


class Log:
    """Writes one line an event, with the seconds since the start."""

    def __init__(self, write: Callable[[float, str], None]) -> None:
        self._write = write
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def progress(self, text: str) -> None:
        self._write(self.seconds, text)

    def terraform(self, line: str) -> None:
        """Log init, plan, each resource created or destroyed, and those that take long; drop the rest of Terraform's output."""
        if line in _TERRAFORM_STEPS:
            self.progress(_TERRAFORM_STEPS[line])
        elif line.startswith("waiting for"):  # the driver's own
            self.progress(f"  {line}")
        elif match := _RESOURCE.match(line):
            address = re.sub(r"\bmodule\.", "", match["address"])
            if match["done"]:
                self.progress(f"  {'+' if match['done'] == 'Creation' else '-'} {address} ({match['time']})")
            else:
                self.progress(f"  … {address}: still {match['going']} ({match['so_far']})")


@dataclass(frozen=True)
class Snapshot:
    """Instances of an endpoint that are wanted, exist and serve, and requests that wait or are in process."""

    desired: int
    existing: int
    serving: int
    backlog: int

    @property
    def asleep(self) -> bool:
        return self.desired == self.existing == 0

    @property
    def request_state(self) -> str:
        """Where a request is that has no result yet."""
        if not self.backlog:
            return "result written, being collected"
        if self.serving:
            return "in process on an instance"
        return "instance starting" if self.existing else "queued at zero instances"

    def __str__(self) -> str:
        return f"{self.desired} instances wanted, {self.existing} exist, {self.serving} serve, backlog {self.backlog}"


def poll(workspace: Workspace, name: str) -> Snapshot:
    """Endpoint `name` as the local AWS reports it; raises WorkFailed when it has none of that name."""
    found = next((item for item in daemon.status(workspace)["endpoints"] if item["name"] == name), None)
    if found is None:
        raise WorkFailed(f"The local AWS has no endpoint {name}; it should have been applied.")
    return Snapshot(found["desired_instances"], len(found["instances"]), found["serving_instances"], found["backlog"])


def wait_until_asleep(log: Log, workspace: Workspace, name: str) -> None:
    """Wait until `name` has no instances, logging what it has meanwhile; raises WorkFailed after SLEEP_TIMEOUT_SECONDS."""
    started = reported = time.monotonic()
    while not (snapshot := poll(workspace, name)).asleep:
        now = time.monotonic()
        if now - started > SLEEP_TIMEOUT_SECONDS:
            raise WorkFailed(f"Endpoint {name} was not asleep within {SLEEP_TIMEOUT_SECONDS:.0f} seconds: {snapshot}.")
        if now - reported >= PROGRESS_INTERVAL_SECONDS:
            log.progress(f"  still waiting for {name} to scale in ({now - started:.0f} s): {snapshot}")
            reported = now
        time.sleep(POLL_INTERVAL_SECONDS)


def request_states(workspace: Workspace, name: str, done: Callable[[], bool]) -> Iterator[tuple[str, float]]:
    """Each state of a request as it ends, with the seconds spent in it, until `done`."""
    state, since = poll(workspace, name).request_state, time.monotonic()
    while not done():
        now = poll(workspace, name).request_state
        if now != state and not done():
            yield state, time.monotonic() - since
            state, since = now, time.monotonic()
        time.sleep(POLL_INTERVAL_SECONDS)
    yield state, time.monotonic() - since


@dataclass(frozen=True)
class Demo:
    """The applied environment: its endpoints by name, and the local AWS's URL."""

    log: Log
    workspace: Workspace
    url: str
    endpoints: Mapping[str, AsyncEndpointOutputs]
    recording: Recording = field(default_factory=Recording)

    def observer(self) -> Callable[[], Observation]:
        """A function that observes the endpoints, and the alarms in state ALARM."""
        names = {outputs.endpoint.name: name for name, outputs in self.endpoints.items()}
        region = next(iter(self.endpoints.values())).region
        cloudwatch = retrying_session(region, self.url).client("cloudwatch")

        def observe() -> Observation:
            found = daemon.status(self.workspace)["endpoints"]
            counts = {
                names[one["name"]]: (len(one["instances"]), one["serving_instances"], one["backlog"])
                for one in found
                if one["name"] in names
            }
            alarms = cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]
            return Observation(self.log.seconds, counts, frozenset(alarm_of(alarm, names) for alarm in alarms))

        return observe

    def sleep(self, name: str) -> None:
        """Wait until endpoint `name` has scaled in, and check that its own policy did that."""
        outputs = self.endpoints[name]
        self.log.progress(f"waiting for {name} to scale in to zero by its own policies")
        wait_until_asleep(self.log, self.workspace, outputs.endpoint.name)
        scaling = retrying_session(outputs.region, self.url).client("application-autoscaling")
        activities = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=outputs.scaling.resource_id)
        newest = activities["ScalingActivities"][0]
        if "instance count to 0" not in newest["Description"]:
            raise WorkFailed(f"Endpoint {name} is at zero and its last scaling activity is: {newest['Description']}")
        self.log.progress(f"{name} is asleep at zero instances: {newest['Cause']}")

    def request(self, name: str, query: Path) -> dict[str, Any]:
        """Send one request, log the states it goes through, and return its result."""
        outputs, submitted = self.endpoints[name], self.log.seconds
        config = ClientConfig(deadline=RESULT_TIMEOUT_SECONDS)
        with AsyncEndpoint.from_outputs(outputs, endpoint_url=self.url, config=config) as endpoint:
            invocation = endpoint.submit(self.workspace.root / query)
            self.log.progress(f"{name}: {query.name} submitted; its result will be {invocation.accepted().output_location}")
            for state, seconds in request_states(self.workspace, outputs.endpoint.name, invocation.done):
                self.log.progress(f"  {state}: {seconds:.1f} s")
            completed = invocation.result()
        self.log.progress(f"{name}: completed after {completed.seconds:.1f} s, {len(completed.body):,} bytes")
        with suppress(ValueError):
            document = json.loads(completed.body)
            if isinstance(document, dict):
                exchange = Exchange(name, self.workspace.root / query, submitted, self.log.seconds, document)
                self.recording.exchanges.append(exchange)
                return document
        raise WorkFailed(f"The result {completed.output_location} of {name} is no JSON object; the model should have made one.")


def alarm_of(alarm: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str]:
    """The endpoint of an alarm, by `names`, and what it is about."""
    dimensions = {item["Name"]: item["Value"] for item in alarm.get("Dimensions", ())}
    below = "Less" in alarm["ComparisonOperator"]
    about = f"{alarm.get('MetricName', alarm['AlarmName'])} {'<' if below else '≥'} {alarm['Threshold']:g}"
    return names.get(dimensions.get("EndpointName", ""), ""), about


def run(log: Log, *, time_scale: float, launch_seconds: float) -> None:
    """Deploy, invoke, sleep, wake, destroy; raises an error of the tree at the first step that does not hold."""
    workspace = Workspace.find()
    environment = process_environment(os.environ, Path(os.devnull), None)
    terraform = Terraform(workspace.root, environment, log.terraform)
    log.progress(f"tools: Python {platform.python_version()}, Terraform {terraform.version}")
    record = daemon.start_detached(workspace, 0, time_scale, launch_seconds)
    try:
        log.progress(f"local AWS at {record.endpoint_url}; an AWS minute passes in {60 / time_scale:.1f} s")
        for model in MODELS:
            archive = build_archive(workspace.root / EXAMPLES / model, workspace.build / f"{model}.tar.gz")
            log.progress(f"model packaged: {archive.path.name}, {archive.files} files, {archive.size_bytes:,} bytes")
        log.progress(f"terraform apply of envs/{ENVIRONMENT}: two endpoints on shared storage")
        applied = apply_environment(Deployment.prepare(ENVIRONMENT, plans=True, on_output=log.terraform))
        log.progress(f"{applied.changes.add} resources applied")
        for name, verified in applied.endpoints.items():
            log.progress(f"verified {name}: {verified.checks[0].detail}, and {len(verified.checks) - 1} more checks")
        demo = Demo(log, workspace, record.endpoint_url, {name: one.outputs for name, one in applied.endpoints.items()})
        with demo.recording.observing(demo.observer(), (AsyncEndpointError, BotoCoreError, ClientError)):
            show_requests(demo)
        tools = f"Python {platform.python_version()}, Terraform {terraform.version}"
        report = workspace.build / "demo.html"
        write_report(
            report,
            demo.recording,
            workspace.root / EXAMPLES / MODELS[0],
            f"{tools}; an AWS minute passed in {60 / time_scale:.1f} s.",
        )
        log.progress(
            f"the requests in pictures, and instances, backlog and alarms meanwhile: {report.relative_to(workspace.root)}"
        )
        log.progress(f"terraform destroy of envs/{ENVIRONMENT}")
        destroy_environment(Deployment.prepare(ENVIRONMENT, on_output=log.terraform))
        log.progress("nothing is left")
    finally:
        daemon.stop(workspace)
    log.progress("local AWS stopped")


def show_requests(demo: Demo) -> None:
    """Both endpoints asleep, woken by a request each; the recommender a second time, which must answer the same."""
    demo.sleep("recommender")
    first = demo.request("recommender", RECOMMENDER_QUERY)
    for rank, item in enumerate(first.get("recommendations", [])[:3], start=1):
        demo.log.progress(f"  {rank}. {item['path']} (score {item['score']:.4f})")
    demo.sleep("language-detector")
    language = demo.request("language-detector", DETECTOR_QUERY).get("language")
    demo.log.progress(f"  language of {DETECTOR_QUERY.name}: {language}")
    if not first.get("recommendations") or language != "de":
        raise WorkFailed(f"The models answered {first} and {language!r}; expected recommendations and 'de'.")
    demo.sleep("recommender")
    if demo.request("recommender", RECOMMENDER_QUERY) != first:
        raise WorkFailed(f"{RECOMMENDER_QUERY.name} was answered differently the second time; the model is deterministic.")
    demo.log.progress("the second answer is the same as the first")


def print_line(elapsed: float, text: str) -> None:
    """Print a line of the log; `elapsed` is in seconds."""
    console.print(f"{elapsed:6.1f} s", style="cyan", end="  ")
    console.print(text)


def main() -> None:
    """Run the demonstration; an error becomes one sentence and an exit code."""
    parser = argparse.ArgumentParser(description="Deploy on the local AWS, invoke, sleep, wake, destroy.")
    parser.add_argument("--time-scale", type=float, default=60.0, help="AWS seconds that pass in a second (60)")
    parser.add_argument("--instance-launch-seconds", type=float, default=60.0, help="AWS seconds to launch an instance (60)")
    arguments = parser.parse_args()

    with signals.terminating(), reported_errors():
        run(Log(print_line), time_scale=arguments.time_scale, launch_seconds=arguments.instance_launch_seconds)


if __name__ == "__main__":
    main()

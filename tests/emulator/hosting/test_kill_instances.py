"""Instances killed at fifty random points of a run of five hundred requests, from outside.

No request is lost, each completes and is notified exactly once, and repeated executions are bounded by the kills.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from async_endpoint.core.notifications import Notification, parse_notification
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator import daemon
from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container.container import ContainerDied
from async_endpoint.emulator.container.http_client import TcpContainerClient
from async_endpoint.emulator.hosting.async_inference import AsyncInference
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.logs import EndpointLogs
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from support.common import process_runs, until
from support.deployed_endpoint import Deployed
from support.emulator_process import empty_checkout, remote
from support.in_process_aws import AwsHarness
from support.sample_model import archive

REQUESTS, KILLS, INSTANCES, CONCURRENCY = 500, 50, 3, 4
MOST_EXECUTIONS = 3
SEED = 20_261_120
PATIENCE_SECONDS = 300.0

# Notes each execution as it begins, in one write of one line, then takes long enough to be killed in the middle.
NOTING = """
import os, time

def model_fn(model_dir):
    return None

def input_fn(data, content_type, context):
    return context.get_request_header(0, "X-Amzn-SageMaker-Inference-Id"), data

def predict_fn(request, model):
    inference_id, data = request
    notes = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(notes, f"{inference_id}\\n".encode())
    os.close(notes)
    time.sleep(0.02)
    return data

def output_fn(prediction, accept):
    return prediction, accept
"""


@pytest.fixture
def local_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsHarness]:
    """A separate local AWS in another process. A dead instance is replaced after half a second."""
    workspace = empty_checkout(tmp_path / "checkout")
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    daemon.start_detached(workspace, 0, 60.0, 0)
    yield remote(workspace)
    daemon.stop(workspace)


class Run:
    """The requests of one endpoint, and their notifications."""

    def __init__(self, local_aws: AwsHarness, deployed: Deployed) -> None:
        self.sent: dict[str, dict[str, Any]] = {}
        self.notifications: dict[str, list[Notification]] = {}
        self._kit = local_aws
        self._deployed = deployed
        self._mine = threading.local()

    def send(self, number: int) -> None:
        if not hasattr(self._mine, "runtime"):
            self._mine.runtime = self._kit.client("sagemaker-runtime")
        name = f"request-{number}"
        self.sent[name] = self._mine.runtime.invoke_endpoint_async(
            EndpointName=self._deployed.name, Body=name.encode(), InferenceId=name, ContentType="text/plain"
        )

    def collect(self) -> bool:
        """Collect notifications; returns whether there were any."""
        bodies = [body for queue in self._deployed.queues.values() for body in queue.take()]
        for body in bodies:
            notification = parse_notification(body)
            assert notification is not None
            self.notifications.setdefault(str(notification.inference_id), []).append(notification)
        return bool(bodies)

    def until_ended(self, count: int) -> None:
        until(lambda: (self.collect(), len(self.notifications) >= count)[1], f"{count} requests have ended", PATIENCE_SECONDS)

    def kill_one(self, chance: random.Random) -> None:
        """Kill the container of a busy serving instance, if there is one."""

        def running() -> list[dict[str, Any]]:
            found = [item for item in self._deployed.status()["instances"] if item["state"] == "InService"]
            found = [item for item in found if process_runs(item["pid"])]
            busy = [item for item in found if item["in_flight"]]
            return busy or (found if len(self.notifications) == REQUESTS or not self.collect() else [])

        def killed() -> bool:
            found = running()
            with suppress(ProcessLookupError):  # it ended a moment ago, of an earlier kill
                if found:
                    os.kill(chance.choice(found)["pid"], signal.SIGKILL)
                    return True
            return False

        until(killed, "an instance serves", PATIENCE_SECONDS)


def test_killing_instances_at_fifty_points_loses_no_request(
    local_aws: AwsHarness, tmp_path: Path, record_property: Any
) -> None:
    chance, notes = random.Random(SEED), tmp_path / "notes"
    deployed = local_aws.endpoint(
        archive(NOTING),
        topics=True,
        concurrency=CONCURRENCY,
        variant={"InitialInstanceCount": INSTANCES},
        MODEL_SERVER_WORKERS=str(CONCURRENCY),
        NOTES=str(notes),
    )
    run = Run(local_aws, deployed)
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(run.send, number) for number in range(REQUESTS)]
        for point in sorted(chance.sample(range(REQUESTS - CONCURRENCY * INSTANCES), KILLS)):
            run.until_ended(point)
            run.kill_one(chance)
        for future in sending:
            future.result()
    run.until_ended(REQUESTS)
    until(lambda: deployed.status()["backlog"] == 0, "nothing waits or is in process")
    while run.collect():
        pass

    outcomes = {uri for prefix in ("output/", "failure/") for uri in _listed(local_aws, deployed.bucket, prefix)}
    executions = Counter(notes.read_text().split())
    again = sum(count - 1 for count in executions.values())
    failed = [name for name, answer in run.sent.items() if answer["FailureLocation"] in outcomes]
    counted = {"kills": KILLS, "executed again": again, "failed": len(failed)}
    record_property("counted", counted)
    print(counted)

    assert set(run.notifications) == set(run.sent)
    assert {len(each) for each in run.notifications.values()} == {1}, "each is announced once"
    ends = [(answer["OutputLocation"] in outcomes, answer["FailureLocation"] in outcomes) for answer in run.sent.values()]
    assert set(ends) <= {(True, False), (False, True)}, "each has one outcome"
    assert len(outcomes) == REQUESTS
    announced = {
        str(notifications[0].output_location or notifications[0].failure_location)
        for notifications in run.notifications.values()
    }
    assert announced == outcomes

    assert 0 < again <= KILLS * CONCURRENCY
    assert max(executions.values()) <= MOST_EXECUTIONS
    for name in set(run.sent) - set(failed):
        assert executions[name] >= 1
        assert local_aws.read(run.sent[name]["OutputLocation"]).body == name.encode()  # type: ignore[union-attr]
    for name in failed:
        reason = local_aws.read(run.sent[name]["FailureLocation"]).body.decode()  # type: ignore[union-attr]
        assert f"The instance died {MOST_EXECUTIONS} times while processing the request" in reason
    assert len(failed) * MOST_EXECUTIONS <= KILLS * CONCURRENCY
    deployed.serving(INSTANCES)


def test_a_request_that_never_reached_its_instance_is_always_requeued(tmp_path: Path) -> None:
    """A request in flight may have caused the death; one whose connection was refused cannot have."""
    changed, clock = threading.Condition(threading.RLock()), ScaledClock()
    requests = AsyncInference(
        "endpoint", "eu-west-1", HostingContext(clock, tmp_path, 0), changed, EndpointLogs("endpoint", "eu-west-1", clock)
    )
    invocation = AsyncInvocation("id", None, None, clock.now(), clock.now() + 3600, 60, "text/plain")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = TcpContainerClient(listener.getsockname()[1])
    with pytest.raises(ContainerDied) as refused:
        port.request("POST", "/invocations", b"", {}, 10)
    broken = ContainerDied("Remote end closed connection without response")
    reasons = [
        requests._handle_death(death, invocation, SimpleNamespace(died=lambda _: None))  # type: ignore[arg-type]
        for death in [refused.value] * 5 + [broken] * (MOST_EXECUTIONS - 1) + [refused.value, broken]
    ]
    assert [bool(reason) for reason in reasons] == [False] * (len(reasons) - 1) + [True]
    assert f"The instance died {MOST_EXECUTIONS} times" in reasons[-1]


def _listed(local_aws: AwsHarness, bucket: str, prefix: str) -> list[str]:
    pages = local_aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [str(S3Uri(bucket, item["Key"])) for page in pages for item in page.get("Contents", ())]

"""`local reset`: everything is forgotten, on disk too, and the local AWS keeps serving as a new one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from async_endpoint.core.errors import LocalAwsNotRunning, WorkFailed
from async_endpoint.emulator import daemon
from async_endpoint.local_aws import read_record
from async_endpoint.workspace import Workspace
from support.common import process_runs, until
from support.deployed_endpoint import Deployed
from support.emulator_process import command, empty_checkout, remote
from support.in_process_aws import REGION, AwsHarness

SECRET = b"a secret that nothing may keep " * 100


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    workspace = empty_checkout(tmp_path / "checkout")
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
    yield workspace
    daemon.stop(workspace, lose_changes=True)


def start(workspace: Workspace, state: Path | None) -> AwsHarness:
    daemon.start_detached(workspace, 0, 600.0, 6, state_dir=state)
    return remote(workspace)


def fill(local_aws: AwsHarness, gate: Path) -> Deployed:
    """Something of everything: an endpoint with requests in process and waiting, a fault, metrics, and what moto holds."""
    deployed = local_aws.endpoint(topics=True)
    local_aws.put(deployed.bucket, "secret", SECRET)
    local_aws.iam.create_user(UserName="another-user")
    local_aws.kms.create_key()
    queue = local_aws.queue()
    local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody="left")
    local_aws.cloudwatch.put_metric_data(Namespace="Own", MetricData=[{"MetricName": "Seen", "Value": 1.0}])
    daemon.faults(Workspace.find(), "POST", document={"kind": "throttle", "action": "CreateGrant"})
    for _ in range(10):
        deployed.invoke({"until": str(gate), "answer": "late"})
    until(lambda: any(instance["in_flight"] for instance in deployed.status()["instances"]), "requests are in process")
    return deployed


def assert_empty(local_aws: AwsHarness) -> None:
    status = local_aws.aws.status()
    assert (status["endpoints"], status["faults"], status["calls"]) == ([], [], {})
    assert local_aws.s3.list_buckets()["Buckets"] == []
    assert local_aws.iam.list_users()["Users"] == local_aws.iam.list_roles()["Roles"] == []
    assert local_aws.kms.list_keys()["Keys"] == []
    assert local_aws.sns.list_topics()["Topics"] == []
    assert "QueueUrls" not in local_aws.sqs.list_queues()
    assert local_aws.cloudwatch.list_metrics(Namespace="Own")["Metrics"] == []
    assert local_aws.cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert local_aws.sagemaker.list_models()["Models"] == local_aws.sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert local_aws.sagemaker.list_endpoints()["Endpoints"] == []
    assert local_aws.logs.describe_log_groups()["logGroups"] == []


def files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_everything_is_forgotten_on_disk_too_and_it_keeps_serving(workspace: Workspace, tmp_path: Path) -> None:
    state, gate = tmp_path / "state", tmp_path / "gate"
    local_aws = start(workspace, state)
    deployed = fill(local_aws, gate)
    before = local_aws.aws.status()
    pids = [instance["pid"] for endpoint in before["endpoints"] for instance in endpoint["instances"]]
    until(lambda: SECRET in files(state), "the object is saved")

    code, out, errors = command("reset", "--json")

    assert (code, errors) == (0, [])
    record = read_record(workspace)
    assert record is not None
    assert json.loads(out) == record.__dict__
    assert (record.endpoint_url, record.pid) == (before["endpoint_url"], before["pid"])
    assert record.instance_id != before["instance_id"]
    assert_empty(remote(workspace))
    assert not any(process_runs(pid) for pid in pids)
    assert SECRET not in files(state)
    gate.touch()  # whatever still waited for it would deliver now
    again = local_aws.endpoint()
    sent = again.invoke({"answer": "new"})
    assert again.outcome(sent).body == b"new"
    assert {key.partition("/")[0] for key in local_aws.keys(again.bucket)} == {"model", "output"}

    command("reset")
    os.kill(record.pid, signal.SIGKILL)
    os.waitpid(record.pid, 0)
    assert_empty(start(workspace, state))
    assert deployed.name not in files(state).decode("latin-1")


def test_a_deletion_in_progress_does_not_affect_the_new_one(workspace: Workspace, tmp_path: Path) -> None:
    local_aws = start(workspace, None)
    deployed = local_aws.endpoint()
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)

    daemon.reset(workspace)

    role, bucket = local_aws.role(), local_aws.bucket()
    role.allow(bucket)
    again = Deployed(local_aws, deployed.name, bucket, role)
    local_aws.sagemaker.create_endpoint(
        EndpointName=again.name, EndpointConfigName=local_aws.config(local_aws.model(bucket, role), bucket)
    )
    now = local_aws.aws.clock.now()
    until(lambda: local_aws.aws.clock.now() > now + 3_600, "longer than a deletion takes")
    assert again.until_status("InService")["EndpointStatus"] == "InService"


def test_calls_are_answered_by_the_old_or_the_new_one_never_in_between(workspace: Workspace) -> None:
    local_aws = start(workspace, None)
    wrong, stopped = list[Exception](), threading.Event()

    def call() -> None:
        client = local_aws.client("s3")
        while not stopped.is_set():
            try:
                client.list_buckets()
                local_aws.client("sns").create_topic(Name="one")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        daemon.reset(workspace)
        assert daemon.status(workspace)["endpoints"] == []
    stopped.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert local_aws.sagemaker.meta.region_name == REGION


def test_a_directory_that_cannot_be_emptied_is_named(workspace: Workspace, tmp_path: Path) -> None:
    state = tmp_path / "state"
    start(workspace, state)
    shutil.rmtree(state)
    with pytest.raises(WorkFailed, match="was reset, but that could not be saved in"):
        daemon.reset(workspace)
    assert daemon.status(workspace)["endpoints"] == []


def test_a_stopped_local_aws_cannot_be_reset(workspace: Workspace) -> None:
    with pytest.raises(LocalAwsNotRunning, match="local up --detach"):
        daemon.reset(workspace)
    assert command("reset")[0] == LocalAwsNotRunning.exit_code

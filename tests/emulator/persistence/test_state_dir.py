"""`--state-dir`: what a local AWS restores after a stop, and after a kill -9. Each runs in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.cli.local import down, status
from async_endpoint.core.errors import InvalidInput, WorkFailed
from async_endpoint.emulator import daemon
from async_endpoint.emulator.hosting.endpoint import HostedEndpoint
from async_endpoint.emulator.hosting.endpoint_snapshot import EndpointSnapshot
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.sagemaker.protocol import ApiError
from async_endpoint.emulator.sagemaker.runtime_api import RuntimeApi
from async_endpoint.local_aws import read_record
from async_endpoint.workspace import Workspace
from support.common import refusal, until
from support.deployed_endpoint import Deployed
from support.emulator_process import empty_checkout, remote
from support.in_process_aws import DIMENSION, REGION, AwsHarness
from support.synchronous_endpoint import INSTANCES, go_live
from support.vpc_endpoint import REMOVAL, Network

SCALE = 600.0
Start = Callable[[], AwsHarness]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    root = tmp_path / "a check out"
    workspace = empty_checkout(root)
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(root))
    yield workspace
    daemon.stop(workspace)


@pytest.fixture
def start(workspace: Workspace, tmp_path: Path) -> Start:
    """Start the local AWS on the state there is."""

    def started() -> AwsHarness:
        daemon.start_detached(workspace, 0, SCALE, 6, state_dir=tmp_path / "state")
        return remote(workspace)

    return started


def kill(workspace: Workspace) -> None:
    record = read_record(workspace)
    assert record is not None
    os.kill(record.pid, signal.SIGKILL)
    os.waitpid(record.pid, 0)


def kinds(deployed: Deployed, sent: list[Any]) -> set[str]:
    return {deployed.outcome(one).kind for one in sent}


def test_every_control_plane_is_restored(workspace: Workspace, start: Start) -> None:
    local_aws = start()
    deployed = local_aws.endpoint(topics=True)
    bucket, queue = deployed.bucket, deployed.queues["Success"]
    local_aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second", bytes(6_000_000)):  # the last above what moto holds in memory
        local_aws.put(bucket, "versions", body, Metadata={"colour": "red"})
    local_aws.s3.delete_object(Bucket=bucket, Key="versions")
    upload = local_aws.s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = local_aws.s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"whole")
    key = local_aws.kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    signing = {"KeyId": key, "Message": b"text", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
    signature = local_aws.kms.sign(**signing)["Signature"]
    for text in ("in flight", "waiting", "gone"):
        local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody=text)
    local_aws.sqs.receive_message(QueueUrl=queue.url, VisibilityTimeout=1)
    gone = local_aws.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=2)["Messages"]
    for message in gone:
        if message["Body"] == "gone":
            local_aws.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
        else:
            local_aws.sqs.change_message_visibility(
                QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
    target = {"ServiceNamespace": "sagemaker", "ScalableDimension": DIMENSION, "ResourceId": deployed.resource_id}
    local_aws.scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=2, Tags={"team": "shirts"})
    local_aws.cloudwatch.put_metric_alarm(
        AlarmName="late", Namespace="own", MetricName="size", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    local_aws.put_minutely("own", {"MetricName": "size", "Value": 1})  # one minute's state is over before anyone has seen it
    arn = deployed.describe()["EndpointArn"]
    local_aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "shirts"}])
    instances = {item["id"] for item in deployed.serving()}

    def seen() -> dict[str, Any]:
        answers = {
            "versions": local_aws.s3.list_object_versions(Bucket=bucket),
            "policy": local_aws.iam.get_role_policy(RoleName=deployed.role.name, PolicyName="execution"),
            "key": local_aws.kms.describe_key(KeyId=key),
            "subscriptions": local_aws.sns.list_subscriptions(),
            "alarms": local_aws.cloudwatch.describe_alarms(),
            "configured": local_aws.cloudwatch.describe_alarm_history(AlarmName="late", HistoryItemType="ConfigurationUpdate"),
            "metrics": local_aws.cloudwatch.list_metrics(Namespace="own"),
            "groups": local_aws.logs.describe_log_groups(),
            "targets": local_aws.scaling.describe_scalable_targets(ServiceNamespace="sagemaker"),
            "model": local_aws.sagemaker.describe_model(ModelName=deployed.model),
            "config": local_aws.sagemaker.describe_endpoint_config(EndpointConfigName=deployed.config),
            "tags": local_aws.sagemaker.list_tags(ResourceArn=arn),
            "created": {"at": deployed.describe()["CreationTime"]},
        }
        for answer in answers.values():
            answer.pop("ResponseMetadata", None)
        for group in answers["groups"]["logGroups"]:
            del group["storedBytes"]  # the model server of a new instance logs that it started
        return answers

    until(
        lambda: local_aws.cloudwatch.describe_alarms(AlarmNames=["late"])["MetricAlarms"][0]["StateValue"] == "OK", "evaluated"
    )
    before, now, url = seen(), local_aws.aws.clock.now(), local_aws.url
    daemon.stop(workspace)

    kit_again = start()

    assert (kit_again.url, kit_again.aws.instance_id) == (url, local_aws.aws.instance_id)
    assert kit_again.aws.clock.now() >= now
    after = seen()
    assert {name for name in before if before[name] != after[name] and name != "alarms"} == set()
    large = next(version["VersionId"] for version in before["versions"]["Versions"] if version["Size"] == 6_000_000)
    whole = local_aws.s3.get_object(Bucket=bucket, Key="versions", VersionId=large)
    assert (len(whole["Body"].read()), whole["Metadata"]) == (6_000_000, {"colour": "red"})
    done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    local_aws.s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=done)
    assert local_aws.kms.verify(**signing, Signature=signature)["SignatureValid"]
    taken: list[str] = []
    until(lambda: taken.extend(queue.take()) or len(taken) == 2, "messages that were not deleted are visible again")
    assert sorted(taken) == ["in flight", "waiting"]
    assert {item["id"] for item in deployed.serving()}.isdisjoint(instances)
    assert deployed.ask({"answer": "awake"}).body == b"awake"
    assert json.loads(until(queue.take, "a notification")[0])["TopicArn"] == deployed.topics["SuccessTopic"]


def test_a_backlog_of_100_and_requests_in_process_are_answered_after_a_stop(
    workspace: Workspace, start: Start, tmp_path: Path
) -> None:
    deployed = start().endpoint(topics=True, SAGEMAKER_MODEL_SERVER_WORKERS="4")
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    held = [deployed.invoke({"touch": str(begun), "until": str(gate), "answer": f"held {number}"}) for number in range(4)]
    until(lambda: begun.exists() and len(begun.read_text().splitlines()) == 4, "four are in process")
    sent = [deployed.invoke({"answer": str(number)}) for number in range(96)]
    daemon.stop(workspace)
    start()

    assert deployed.status()["backlog"] == 100
    gate.touch()

    assert kinds(deployed, held + sent) == {"output"}
    assert [deployed.outcome(one).body for one in held + sent] == [
        *(f"held {number}".encode() for number in range(4)),
        *(str(number).encode() for number in range(96)),
    ]
    reported = {deployed.queues["Success"].notification().inference_id for _ in range(100)}
    assert reported == {one.inference_id for one in held + sent}


def test_a_kill_loses_no_accepted_request_and_status_says_what_it_would_lose(
    workspace: Workspace, start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    local_aws = start()
    deployed = local_aws.endpoint().asleep()
    until_saved(local_aws)
    state = local_aws.aws.status()["state"]
    assert (state["dir"], state["error"], state["not_saved"]) == (str(tmp_path / "state"), "", {})
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    status()
    reported = " ".join(capfd.readouterr().err.split())
    assert f"state in {tmp_path / 'state'}; a kill -9 now would lose changes of the last" in reported
    inline = [deployed.invoke({"answer": str(number)}) for number in range(20)]
    location = local_aws.put(deployed.bucket, "input/fresh.json", b'{"answer": "from S3"}')
    address = f"https://{deployed.bucket}.s3.eu-west-1.amazonaws.com/input/fresh.json"
    by_location = [deployed.invoke(InputLocation=where, ContentType="application/json") for where in (location, address)]
    now = local_aws.aws.clock.now()
    kill(workspace)

    again = start()

    assert again.aws.clock.now() > now
    assert deployed.status()["backlog"] == 22
    deployed.scale(1)
    assert [deployed.outcome(one).body for one in inline] == [str(number).encode() for number in range(20)]
    assert [deployed.outcome(one).body for one in by_location] == [b"from S3"] * 2


def test_deletions_and_network_interfaces_resume_after_a_stop(workspace: Workspace, start: Start) -> None:
    local_aws = start()
    network = Network.of(local_aws, local_aws.endpoint())
    deployed = network.deployed
    local_aws.sagemaker.delete_endpoint(EndpointName=deployed.name)
    deployed.role.delete()
    daemon.stop(workspace)

    again = start()

    described = until(lambda: found if "FailureReason" in (found := deployed.describe()) else None, "the deletion is stuck")
    assert (described["EndpointStatus"], len(network.interfaces())) == ("Deleting", 2)
    assert network.refusals() == ("DependencyViolation", "DependencyViolation")
    deployed.role.create()
    network.allow(*REMOVAL)
    until(lambda: not again.endpoints(deployed.name), "the endpoint is gone")
    until(lambda: not network.interfaces(), "the interfaces are gone")
    network.delete()
    assert "Could not find endpoint" in refusal(deployed.describe)[1]


def until_saved(local_aws: AwsHarness) -> None:
    """Everything there is now has been saved."""
    now = time.time()
    until(lambda: local_aws.aws.status()["state"]["saved_at"] > now, "a save that began later")


def test_creations_and_updates_resume_and_failures_are_reported(workspace: Workspace, start: Start) -> None:
    local_aws = start()
    updated, orphan = local_aws.endpoint(), local_aws.endpoint().asleep()
    new = local_aws.config(updated.model, updated.bucket, concurrency=2)
    waiting = orphan.invoke({"answer": "late"})
    local_aws.s3.delete_object(Bucket=orphan.bucket, Key=f"model/{orphan.model}.tar.gz")
    created = local_aws.endpoint(wait=False)
    local_aws.sagemaker.update_endpoint(EndpointName=updated.name, EndpointConfigName=new)
    daemon.stop(workspace)

    start()

    assert created.until_status("InService")["EndpointConfigName"] == created.config
    until(lambda: updated.describe()["EndpointConfigName"] == new, "the update completes")
    assert updated.until_status("InService").get("FailureReason", "") == ""
    described = orphan.describe()
    assert (described["EndpointStatus"], "NoSuchKey" in described["FailureReason"]) == ("Failed", True)
    failed = orphan.outcome(waiting)
    assert (failed.kind, failed.body.decode()) == ("failure", described["FailureReason"])


def test_real_time_endpoints_are_restored(workspace: Workspace, start: Start) -> None:
    local_aws = start()
    bucket, role = local_aws.bucket(), local_aws.role()
    role.allow(bucket)
    model = local_aws.model(bucket, role)
    pair = [{"VariantName": name, "ModelName": model, **INSTANCES} for name in ("blue", "green")]
    weighted = go_live(local_aws, bucket, role, pair)
    serverless = {"MemorySizeInMB": 2_048, "MaxConcurrency": 2}
    cold = go_live(local_aws, bucket, role, [{"VariantName": "primary", "ModelName": model, "ServerlessConfig": serverless}])
    changes = [
        {"VariantName": "blue", "DesiredWeight": 0.0},
        {"VariantName": "green", "DesiredInstanceCount": 2, "DesiredWeight": 3.0},
    ]
    local_aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=weighted.name, DesiredWeightsAndCapacities=changes)
    weighted.until_status("InService")
    daemon.stop(workspace)

    start()

    variants = {variant["VariantName"]: variant for variant in weighted.describe()["ProductionVariants"]}
    reported = {name: (variant["DesiredInstanceCount"], variant["CurrentWeight"]) for name, variant in variants.items()}
    assert reported == {"blue": (1, 0.0), "green": (2, 3.0)}
    weighted.serving(3)
    assert weighted.call({"answer": "again"}).variant == "green"
    assert cold.call({"answer": "warm"}).body == b"warm"


# --- when it cannot be saved -----------------------------------------------------------------------------------------------


def test_down_fails_while_the_state_cannot_be_saved(
    workspace: Workspace, start: Start, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    local_aws, state = start(), tmp_path / "state"
    bucket = local_aws.bucket()
    state.rename(tmp_path / "away")

    with pytest.raises(WorkFailed, match=r"could not be saved in .*state \(No such file or directory\); fix this") as failed:
        down()
    assert "async-endpoint local down --lose-changes" in str(failed.value)
    assert failed.value.exit_code == 1
    assert bucket in {item["Name"] for item in local_aws.s3.list_buckets()["Buckets"]}
    status()
    assert "the last save failed: No such file or directory" in " ".join(capfd.readouterr().err.split())

    (tmp_path / "away").rename(state)
    down()
    assert bucket in {item["Name"] for item in start().s3.list_buckets()["Buckets"]}


def test_requests_are_refused_while_the_directory_is_missing_and_changes_can_be_discarded(
    workspace: Workspace, start: Start, tmp_path: Path
) -> None:
    local_aws, state = start(), tmp_path / "state"
    deployed = local_aws.endpoint().asleep()
    shutil.rmtree(state)

    code, message = refusal(
        local_aws.runtime.invoke_endpoint_async, EndpointName=deployed.name, InputLocation="s3://bucket/key"
    )

    assert code == "ServiceUnavailable"
    assert (
        f"could not be written to state directory {state} (No such file or directory); fix this, then send it again" in message
    )
    assert deployed.status()["backlog"] == 0
    with pytest.raises(WorkFailed):
        daemon.stop(workspace)
    state.mkdir()
    until(lambda: not local_aws.aws.status()["state"]["error"], "the next save goes into the directory that was made again")
    deployed.invoke({"answer": "late"})
    shutil.rmtree(state)
    down(lose_changes=True)
    assert read_record(workspace) is None


def test_a_failed_save_after_a_signal_is_reported(workspace: Workspace, start: Start, tmp_path: Path) -> None:
    start()
    record = read_record(workspace)
    assert record is not None
    (tmp_path / "state").rename(tmp_path / "away")

    os.kill(record.pid, signal.SIGTERM)

    assert os.waitstatus_to_exitcode(os.waitpid(record.pid, 0)[1]) == 1
    *_, last = daemon.log_path(workspace).read_text().split("error: ")
    reported = " ".join(last.split())
    assert "has ended, and what changed since its last save could not be saved in" in reported
    assert "(No such file or directory); fix this before you start it again" in reported


def test_damaged_state_is_refused_and_left_unchanged(workspace: Workspace, start: Start, tmp_path: Path) -> None:
    local_aws, state = start(), tmp_path / "state"
    deployed = local_aws.endpoint().asleep()
    until_saved(local_aws)
    for number in range(3):
        deployed.invoke({"answer": str(number)})
    kill(workspace)
    shutil.copytree(state, tmp_path / "copy")
    journal = max(state.glob("journal-*"), key=lambda path: path.stat().st_size)
    body = bytearray(journal.read_bytes())
    body[len(body) // 2] ^= 255

    for harm in (lambda: journal.write_bytes(body), journal.unlink, (state / "snapshot").unlink):
        harm()
        before = {path.name: path.read_bytes() for path in state.iterdir()}
        with pytest.raises(
            InvalidInput, match=r"is damaged: its file \S+ (is missing|does not hold what was written); nothing"
        ):
            start()
        assert {path.name: path.read_bytes() for path in state.iterdir()} == before
    shutil.rmtree(state)
    (tmp_path / "copy").rename(state)
    start()
    assert deployed.status()["backlog"] == 3


def test_an_empty_directory_name_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "async_endpoint.cli", "local", "up", "--state-dir", ""]
    (tmp_path / "here").mkdir()
    done = subprocess.run(command, cwd=tmp_path / "here", capture_output=True, text=True, check=False)
    assert (done.returncode, list((tmp_path / "here").iterdir())) == (2, [])
    assert "--state-dir is empty; give the directory that the state is to be kept in" in " ".join(done.stderr.split())


def test_a_request_is_journaled_and_queued_atomically_or_neither(local_aws: AwsHarness, deploy: Any) -> None:
    name = deploy().asleep().name
    endpoint = local_aws.aws.hosting.get(REGION, name)
    assert endpoint is not None
    saves: list[EndpointSnapshot | None] = []
    saving = threading.Thread(target=lambda: saves.append(endpoint.snapshot()))

    def accept(endpoint: HostedEndpoint, invocation: AsyncInvocation) -> None:
        saving.start()
        saving.join(0.5)  # it cannot end yet

    def refuse(endpoint: HostedEndpoint, invocation: AsyncInvocation) -> None:
        raise ApiError("ServiceUnavailable", "full", 503)

    with pytest.raises(ApiError, match="full"):
        RuntimeApi(local_aws.aws.hosting, refuse).invoke_async(REGION, name, {}, b"one")
    assert endpoint.backlog()[0] == 0
    RuntimeApi(local_aws.aws.hosting, accept).invoke_async(REGION, name, {}, b"two")
    saving.join()
    assert saves[0] is not None
    assert [one.body for one in saves[0].requests] == [b"two"]

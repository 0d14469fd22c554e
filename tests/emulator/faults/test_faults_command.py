"""`async-endpoint local fault …` on the command line, clock jumps, and one local AWS per checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.notifications import parse_notification
from async_endpoint.emulator import daemon
from async_endpoint.emulator.faults.kinds import KINDS
from async_endpoint.emulator.file_lock import try_lock
from async_endpoint.local_aws import read_record, record_path
from async_endpoint.workspace import Workspace
from support.common import until
from support.emulator_process import command, empty_checkout, remote
from support.fault_injection import fault, known, put
from support.in_process_aws import DIMENSION, AwsHarness

TIME_SCALE = 6  # an AWS minute takes ten seconds: nothing here is waited for, unless time jumps
STARTING = "A local AWS of this checkout is starting or stopping; wait a moment, then see: async-endpoint local status"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A checkout with nothing in it, and its local AWS."""
    workspace = empty_checkout(tmp_path_factory.mktemp("checkout") / "root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        daemon.start_detached(workspace, 0, TIME_SCALE, 0)
        yield workspace
        daemon.stop(workspace)


@pytest.fixture
def aws(workspace: Workspace) -> AwsHarness:
    """An AwsHarness for that local AWS, which is a process of its own."""
    return remote(workspace)


def test_a_fault_is_set_listed_injected_and_cleared(aws: AwsHarness) -> None:
    code, out, printed = command(
        "fault", "set", "throttle", "--service", "sqs", "--rate", "1", "--duration", "600", "--seed", "4"
    )
    assert (code, out) == (0, "")
    (name,) = known(aws)
    assert printed == [
        f"set {name} throttle (seed 4 rate 1.0 duration 600.0 service sqs): happened in 0 of 0 cases, 600 AWS seconds left"
    ]
    with pytest.raises(aws.sqs.exceptions.RequestThrottled):
        aws.sqs.list_queues()

    code, out, _ = command("fault", "list", "--json")
    (listed,) = json.loads(out)["faults"]
    assert (code, listed["id"], listed["kind"], listed["asked"], listed["happened"]) == (0, name, "throttle", 1, 1)
    assert any(line.startswith(f"  fault set: {name} throttle (") for line in command("status")[2])

    code, out, printed = command("fault", "clear", "throttle")
    assert (code, out, [line.partition(" (")[0] for line in printed]) == (0, "", [f"cleared {name} throttle"])
    assert command("fault", "list") == (0, "", ["no fault is set"])
    assert json.loads(command("status", "--json")[1])["faults"] == []
    aws.sqs.list_queues()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("set", "throttle", "--prefix", "s3://b"),
            "A fault throttle has no option prefix; it takes action, count, duration, endpoint, rate, seed, service.",
        ),
        (("set", "instance-kill", "--endpoint", "none"), "There is no endpoint 'none'; existing endpoints: "),
        (("clear", "fault/../1"), "No fault 'fault/../1' is set; those set: none."),
    ],
)
def test_an_invalid_command_is_refused_with_one_sentence(
    workspace: Workspace, arguments: tuple[str, ...], sentence: str
) -> None:
    code, out, (printed,) = command("fault", *arguments)
    assert (code, out) == (2, "")
    assert printed.startswith(f"error: {sentence}")


def test_help_lists_every_kind() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "async_endpoint.cli", "local", "fault", "set", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [kind for kind in KINDS if f" {kind}: " not in done.stdout] == []


def test_a_clock_jump_triggers_what_waits_for_the_time(aws: AwsHarness) -> None:
    """Expiry, a minute's metrics, and scaling in, which all are an hour away or half of one."""
    deployed = aws.endpoint(topics=True)
    target = {"ServiceNamespace": "sagemaker", "ResourceId": deployed.resource_id, "ScalableDimension": DIMENSION}
    aws.scaling.register_scalable_target(**target, MinCapacity=0, MaxCapacity=1)
    metric = {"MetricName": "ApproximateBacklogSizePerInstance", "Namespace": "AWS/SageMaker", "Statistic": "Average"}
    aws.scaling.put_scaling_policy(
        **target,
        PolicyName="tracking",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": metric | {"Dimensions": [{"Name": "EndpointName", "Value": deployed.name}]},
        },
    )
    (said,) = command("fault", "set", "clock-jump", "--seconds", "1800")[2]
    assert said == "AWS time moved forward by 1800 seconds"
    until(lambda: not deployed.status()["instances"], "the endpoint sleeps")
    until(lambda: len(deployed.metric("ApproximateBacklogSize", "Average", variant=False)) >= 30, "every minute is made up for")
    deployed.until_status("InService")

    invoked = deployed.invoke({"answer": "late"}, RequestTTLSeconds=3600)
    with fault(aws, "notification-delay", topic=deployed.topics["ErrorTopic"], seconds=86_400):
        before = aws.aws.clock.now()
        done = put(aws, "clock-jump", seconds=3600)
        assert done["now"] >= before + 3600
        assert deployed.outcome(invoked).body.startswith(b"The request expired")
    assert not any(map(parse_notification, deployed.queues["Error"].take())), "there are TestNotifications only"
    put(aws, "clock-jump", seconds=86_400)
    assert deployed.queues["Error"].notification().inference_id == invoked.inference_id


def test_a_clock_jump_completes_the_launch_of_an_instance(aws: AwsHarness) -> None:
    with fault(aws, "slow-start", seconds=86_400, count=1):
        deployed = aws.endpoint(wait=False)
        until(lambda: [item["state"] for item in deployed.status()["instances"]] == ["Launching"], "it is being launched")
        put(aws, "clock-jump", seconds=86_400)
        deployed.until_status("InService")


def test_a_rollback_is_seen_while_it_lasts(aws: AwsHarness) -> None:
    deployed = aws.endpoint()
    config = aws.config(deployed.model, deployed.bucket)
    with fault(aws, "update-rollback", endpoint=deployed.name):
        aws.sagemaker.update_endpoint(EndpointName=deployed.name, EndpointConfigName=config)
        deployed.until_status("RollingBack")
    assert deployed.until_status("InService")["EndpointConfigName"] == deployed.config


def test_a_second_local_aws_is_refused_while_the_first_has_no_record_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = empty_checkout(tmp_path)
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
    record_path(workspace).parent.mkdir(parents=True)
    with try_lock(record_path(workspace).parent) as alone:
        assert alone
        assert command("up", "--port", "0") == (2, "", [f"error: {STARTING}"])
        with pytest.raises(InvalidInput, match=STARTING):
            daemon.start_detached(workspace, 0, 60, 60)
    with try_lock(record_path(workspace).parent) as again:
        assert again


def test_of_two_started_at_the_same_instant_one_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = empty_checkout(tmp_path)
    monkeypatch.setenv("ASYNC_ENDPOINT_HOME", str(workspace.root))
    up = [sys.executable, "-m", "async_endpoint.cli", "local", "up", "--port", "0", "--json"]
    both: list[subprocess.Popen[Any]] = [
        subprocess.Popen(up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)
    ]
    try:
        ended = until(lambda: [one for one in both if one.poll() is not None], "one of the two has ended")
        assert [one.returncode for one in ended] == [2]
        (other,) = [one for one in both if one not in ended]
        record = until(lambda: read_record(workspace), "the other has a record")
        assert record is not None
        assert record.pid == other.pid
        assert daemon.status(workspace)["pid"] == other.pid
    finally:
        daemon.stop(workspace)
        for one in both:
            one.kill()
            one.wait()

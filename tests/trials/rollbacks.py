"""Rollbacks by the command line on a local AWS: `python tests/trials/rollbacks.py [ROUNDS]`, 4 rounds of five causes.

A trial breaks an update and applies it, which must end with exit code 4 and the reason; asks the endpoint, which must answer
with the model it had; corrects the cause and applies again, which must succeed at once. Causes take turns in going back to the
model that serves and on to another one; every third changes the instance type besides. The alarm trips during the update.

With `update-endpoint` instead: an UpdateEndpoint by hand drops the deployment configuration, and the next apply must leave the
endpoint as it is, and serving meanwhile. Prints a line a trial and a count; ends with 1 unless every trial held.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from async_endpoint.local_aws import read_credentials
from async_endpoint.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("async-endpoint")
ENDPOINT, ALARM, ROLE = "minimal-local", "rollback-trial", "minimal-local-eu-west-1-execution"
REFUSED, DONE = 4, 0
ANSWERS = (
    'def model_fn(d): return "{0}"\ndef predict_fn(data, model): return model\ndef output_fn(p, accept): return p, accept\n'
)
ENDS = "import os\ndef model_fn(d):\n    print('no weights to load', flush=True)\n    os._exit(7)\n"


@dataclass
class Trials:
    """A checkout with the minimal root as environment local, and a local AWS of its own."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([COMMAND, *arguments], cwd=self.folder, capture_output=True, text=True, check=False)

    def apply(self, **settings: Any) -> subprocess.CompletedProcess[str]:
        self.settings |= settings
        (self.folder / "envs/local/terraform.tfvars.json").write_text(json.dumps(self.settings))
        return self.run("apply", "local")

    def client(self, service: str) -> Any:
        credentials = read_credentials(Workspace(self.folder))
        assert credentials is not None
        return boto3.client(
            service,
            region_name="eu-west-1",
            endpoint_url=credentials.endpoint_url,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
        )

    def archive(self, name: str, code: str | None) -> str:
        """A model archive, or a file that is none; its path as the root says it."""
        path = self.folder / "build" / f"{name}.tar.gz"
        if code is None:
            path.write_bytes(f"{name} is not an archive".encode())
        else:
            with tarfile.open(path, "w:gz") as tar:
                member = tarfile.TarInfo("code/inference.py")
                member.size = len(code.encode())
                tar.addfile(member, io.BytesIO(code.encode()))
        return f"../../build/{path.name}"

    def ask(self, seconds: float = 120) -> str:
        """The answer to a request, which wakes the endpoint if it sleeps; its failure where it ends as one."""
        runtime, s3 = self.client("sagemaker-runtime"), self.client("s3")
        asked = runtime.invoke_endpoint_async(EndpointName=ENDPOINT, Body=b"{}", ContentType="application/json")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for location in (asked["OutputLocation"], asked["FailureLocation"]):
                bucket, _, key = location.removeprefix("s3://").partition("/")
                if s3.list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]:
                    return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
            time.sleep(0.2)
        return f"no answer within {seconds:.0f} s"


@dataclass(frozen=True)
class Cause:
    """What breaks an update. `occur` makes it so on AWS, and what it returns undoes that."""

    reason: str
    code: str | None = ANSWERS.format("broken")
    occur: Callable[[Trials], Callable[[], Any]] = lambda trials: lambda: None


def _unreadable_image(trials: Trials) -> Callable[[], Any]:
    iam = trials.client("iam")
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=ROLE, PolicyName="no-image", PolicyDocument=json.dumps(deny))
    return lambda: iam.delete_role_policy(RoleName=ROLE, PolicyName="no-image")


def _alarm(trials: Trials) -> Callable[[], Any]:
    """Trip the alarm once the update has begun: before it, an apply would be refused."""

    def trip_during_update() -> None:
        until(lambda: trials.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "Updating")
        put_alarm(trials, missing_data="breaching")

    tripping = threading.Thread(target=trip_during_update, daemon=True)
    tripping.start()

    def undo() -> None:
        tripping.join()
        put_alarm(trials, missing_data="notBreaching")

    return undo


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def muted_update(trials: Trials) -> list[str]:
    """One trial of an alarm in ALARM before the apply: refused, then muted for the update; what did not hold."""
    cloudwatch, wrong = trials.client("cloudwatch"), []

    def alarm() -> dict[str, Any]:
        found: dict[str, Any] = cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"][0]
        return found

    def definition() -> dict[str, Any]:
        return {member: value for member, value in alarm().items() if "Timestamp" not in member and "State" not in member}

    put_alarm(trials, missing_data="breaching")
    until(lambda: bool(alarm()["StateValue"] == "ALARM"))
    before, archive = definition(), trials.archive("cure", ANSWERS.format("cured"))
    refused = trials.apply(archive=archive)
    last = refused.stderr.splitlines()[-1]
    if refused.returncode != REFUSED or f"rollback alarm {ALARM} (" not in last or "--mute-rollback-alarms" not in last:
        wrong.append(f"exit code {refused.returncode}, {last!r}")
    applied = trials.run("apply", "local", "--mute-rollback-alarms")
    if applied.returncode != DONE or f"Muted alarm {ALARM}" not in applied.stderr:
        wrong.append(f"muted: exit code {applied.returncode}, {applied.stderr.splitlines()[-1]!r}")
    if (answer := trials.ask()) != "cured":
        wrong.append(f"muted: it answered {answer!r}")
    if definition() != before:
        wrong.append(f"the alarm is {definition()} and was {before}")
    until(lambda: bool(alarm()["StateValue"] == "ALARM"))  # the alarm watches again
    put_alarm(trials, missing_data="notBreaching")
    return wrong


def _fault(trials: Trials) -> Callable[[], Any]:
    trials.run("local", "fault", "set", "update-rollback", "--count", "1")
    return lambda: trials.run("local", "fault", "clear")


CAUSES = {
    "bad archive": Cause("not a gzip", code=None),
    "bad image": Cause("permission for the image", occur=_unreadable_image),
    "failing health check": Cause("exit code 7", code=ENDS),
    "alarm": Cause(f"alarm {ALARM} is in ALARM", occur=_alarm),
    "injected fault": Cause("update-rollback", occur=_fault),
}


def put_alarm(trials: Trials, missing_data: str) -> None:
    trials.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM,
        Namespace="minimal",
        MetricName="Failures",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData=missing_data,
    )
    trials.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="OK", StateReason="set up")


def rollback(trials: Trials, name: str, number: int, serving: str) -> tuple[str, list[str]]:
    """One trial; the answer of the model that serves afterwards, and what did not hold."""
    cause, wrong = CAUSES[name], []
    undo = cause.occur(trials)
    good = trials.settings["archive"]
    archive, kind = trials.archive(f"broken-{number}", cause.code), "ml.m5.xlarge" if number % 3 == 0 else "ml.m5.large"
    broken = trials.apply(archive=archive, instance_type=kind, max_concurrent_invocations=4 + number)
    undo()
    last = broken.stderr.splitlines()[-1] if broken.stderr else ""
    if broken.returncode != REFUSED or cause.reason not in last or "was rolled back" not in last:
        wrong.append(f"exit code {broken.returncode}, {last!r}")
    if (answer := trials.ask()) != serving:
        wrong.append(f"afterwards it answered {answer!r} and not {serving!r}")
    if number % 2:
        good, serving = trials.archive(f"good-{number}", ANSWERS.format(f"model {number}")), f"model {number}"
    corrected = trials.apply(archive=good, instance_type="ml.m5.large")
    if corrected.returncode != DONE:
        wrong.append(f"corrected: exit code {corrected.returncode}, {corrected.stderr.splitlines()[-1]!r}")
    return serving, wrong


def update_by_hand(trials: Trials, number: int) -> list[str]:
    """One trial of an UpdateEndpoint without a deployment configuration; what did not hold."""
    sagemaker, wrong = trials.client("sagemaker"), []
    before = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=before["EndpointConfigName"])
    deadline = time.monotonic() + 60
    while sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] != "InService":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    with refusals(trials) as refused:
        applied = trials.apply(max_concurrent_invocations=4 + number)
    after = sagemaker.describe_endpoint(EndpointName=ENDPOINT)
    if applied.returncode != DONE:
        wrong.append(f"exit code {applied.returncode}, {applied.stderr.splitlines()[-1]!r}")
    if refused:
        wrong.append(f"{len(refused)} requests refused: {refused[0]}")
    if after["CreationTime"] != before["CreationTime"]:
        wrong.append("the endpoint was replaced")
    if after.get("LastDeploymentConfig", {}) != before["LastDeploymentConfig"]:
        wrong.append(f"its deployment configuration is {after.get('LastDeploymentConfig')}")
    return wrong


@contextmanager
def refusals(trials: Trials) -> Iterator[list[str]]:
    """What requests were refused with, of those sent until the block ends."""
    runtime, refused, ended = trials.client("sagemaker-runtime"), list[str](), threading.Event()

    def send() -> None:
        while not ended.wait(0.2):
            try:
                runtime.invoke_endpoint_async(EndpointName=ENDPOINT, Body=b"{}", ContentType="application/json")
            except Exception as error:
                refused.append(str(error))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield refused
    finally:
        ended.set()
        sender.join()


@contextmanager
def deployment(answer: str) -> Iterator[Trials]:
    """The minimal root, applied with a model that answers `answer`, on a local AWS that ends with the block.

    Its role is new to SageMaker when the endpoint is created first, as on AWS now and then.
    """
    with tempfile.TemporaryDirectory(prefix="rollbacks-") as name:
        folder = Path(name)
        for linked in ("modules", "examples"):
            (folder / linked).symlink_to(REPOSITORY / linked)
        (folder / "build").mkdir()
        shutil.copytree(REPOSITORY / "tests/trials/minimal_root", folder / "envs/local")
        shutil.copy(REPOSITORY / "envs/local/.terraform.lock.hcl", folder / "envs/local")
        guardrails = {"rollback_on": ["errors"], "termination_wait_seconds": 0}
        trials = Trials(folder, {"alarm_names": {"errors": [ALARM]}, "guardrails": guardrails})
        started = trials.run("local", "up", "--detach", "--port", "0")
        assert started.returncode == DONE, started.stderr
        try:
            put_alarm(trials, missing_data="notBreaching")
            assert trials.run("local", "fault", "set", "role-propagation").returncode == DONE
            first = trials.apply(archive=trials.archive("first", ANSWERS.format(answer)))
            assert first.returncode == DONE and "A new role may not have reached SageMaker yet" in first.stderr, first.stderr
            yield trials
        finally:
            trials.run("local", "down")


def main(arguments: list[str]) -> int:
    by_hand = "update-endpoint" in arguments
    rounds = next((int(argument) for argument in arguments if argument.isdigit()), 3 if by_hand else 4)
    held, serving = 0, "model 0"
    names = ["update by hand"] * rounds if by_hand else [*CAUSES] * rounds
    with deployment(serving) as trials:
        for number, name in enumerate(names, start=1):
            began = time.monotonic()
            if by_hand:
                wrong = update_by_hand(trials, number)
            else:
                serving, wrong = rollback(trials, name, number, serving)
            held += not wrong
            print(f"{number:2} {name:22} {time.monotonic() - began:4.0f} s  {'; '.join(wrong) or 'held'}", flush=True)
        destroyed = trials.run("destroy", "local")
    last = destroyed.stderr.splitlines()[-1]
    print(f"{held} of {len(names)} held; destroy ended with exit code {destroyed.returncode}: {last}")
    return int(held != len(names) or destroyed.returncode != DONE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

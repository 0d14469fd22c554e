"""An apply that is interrupted at a chosen point, and what the next one, from a fresh checkout, makes of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.suspension import TAG_KEY, suspensions
from async_endpoint.terraform.state_lock import running_terraform
from support.common import unique, until
from support.in_process_aws import AwsHarness

CHECKOUT: Final = Path(__file__).resolve().parents[2]
ROOT: Final = CHECKOUT / "tests" / "trials" / "sleeper.tf"
NAME: Final = "sleeper"
RESOURCE_ID: Final = f"endpoint/{NAME}/variant/primary"
LONGEST_APPLY_SECONDS: Final = 240
TARGETS: Final = ("driver", "group", "everything")


class Sleeper:
    """The deployed endpoint `sleeper`, and checkouts to apply it from. `home` is the checkout of its local AWS."""

    def __init__(self, local_aws: AwsHarness, home: Path) -> None:
        self.local_aws, self.home = local_aws, home
        self._concurrency = 1
        self._states = home / "states"
        self._states.mkdir()
        bucket, role = local_aws.bucket(), local_aws.role()
        role.allow(bucket)
        given = {
            "bucket": bucket,
            "error_topic": local_aws.topic(),
            "model": local_aws.model(bucket, role),
            "role": role.arn,
            "success_topic": local_aws.topic(),
        }
        self._given, self._bucket = given, bucket

    @property
    def name(self) -> str:
        return NAME

    def checkout(self) -> Path:
        """A fresh one: it shares the local AWS and the state of Terraform with the others, and nothing else."""
        folder = Path(tempfile.mkdtemp(dir=self.home, prefix="checkout-"))
        (folder / "modules").symlink_to(CHECKOUT / "modules")
        root = folder / "envs" / NAME
        root.mkdir(parents=True)
        shutil.copyfile(ROOT, root / "main.tf")
        shutil.copyfile(CHECKOUT / "envs/local/.terraform.lock.hcl", root / ".terraform.lock.hcl")
        (folder / ".local/deployments" / f"{NAME}-local").mkdir(parents=True)
        (folder / ".local/aws").symlink_to(self.home / ".local/aws")
        (folder / ".local/deployments" / f"{NAME}-local" / "state").symlink_to(self._states)
        return folder

    def start(self, checkout: Path, verb: str = "apply", *options: str) -> Running:
        """Start `async-endpoint VERB sleeper --local` with the values of now, in a session of its own."""
        values = {"concurrency": self._concurrency, "given": self._given}
        (checkout / "envs" / NAME / "terraform.tfvars.json").write_text(json.dumps(values))
        log = checkout / f"{unique(verb)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "async_endpoint.cli", verb, NAME, "--local", *options],
                env=os.environ | {"ASYNC_ENDPOINT_HOME": str(checkout), "XDG_CACHE_HOME": str(self.home / "cache")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(process, log)

    def run(self, checkout: Path, verb: str = "apply", *options: str) -> Running:
        running = self.start(checkout, verb, *options)
        running.wait()
        return running

    def change(self) -> None:
        """The next apply updates the endpoint."""
        self._concurrency = self._concurrency % 8 + 1

    def fall_asleep(self) -> None:
        until(lambda: self.variant()["CurrentInstanceCount"] == 0, "the endpoint sleeps", 120)

    def variant(self) -> dict[str, Any]:
        [variant] = self.describe()["ProductionVariants"]
        return dict(variant)

    def describe(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.local_aws.sagemaker.describe_endpoint(EndpointName=NAME)
        return answer

    def target(self) -> dict[str, Any]:
        asked = {"ServiceNamespace": "sagemaker", "ResourceIds": [RESOURCE_ID]}
        [target] = self.local_aws.scaling.describe_scalable_targets(**asked)["ScalableTargets"]
        return dict(target)

    def suspensions(self) -> list[str]:
        return suspensions(self.target())

    def record(self) -> str | None:
        tags = self.local_aws.scaling.list_tags_for_resource(ResourceARN=self.target()["ScalableTargetARN"])["Tags"]
        found: str | None = tags.get(TAG_KEY)
        return found

    def wakes(self, seconds: float = 90) -> bool:
        """Whether a request that is sent now gets its result."""
        where = self.local_aws.put(self._bucket, f"input/{unique('request')}", b"{}")
        answer = self.local_aws.runtime.invoke_endpoint_async(EndpointName=NAME, InputLocation=where)
        deadline = time.monotonic() + seconds
        while self.local_aws.read(answer["OutputLocation"]) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True


@dataclass
class Running:
    """A command that runs or has ended; both its outputs are in `log`, which is in its checkout."""

    process: subprocess.Popen[bytes]
    log: Path

    def send(self, number: int, target: str) -> None:
        """Send a signal to the driver, to its process group, or to Terraform as well, as when a container is killed."""
        terraform = running_terraform(self.log.parent / ".local/deployments" / f"{NAME}-local" / "envs" / NAME)
        (os.kill if target == "driver" else os.killpg)(self.process.pid, number)
        if target == "everything" and terraform is not None:
            os.killpg(os.getpgid(terraform.process), number)

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def error(self) -> str:
        return next((line for line in self.text.splitlines() if line.startswith("error: ")), "")

    def wait(self) -> int:
        return self.process.wait(LONGEST_APPLY_SECONDS)


@dataclass(frozen=True)
class Point:
    """A moment of an apply, recognised from outside."""

    name: str
    reached: Callable[[Sleeper, Running], bool]


def _says(*words: str) -> Callable[[Sleeper, Running], bool]:
    def reached(sleeper: Sleeper, running: Running) -> bool:
        return any(all(word in line for word in words) for line in running.text.splitlines())

    return reached


POINTS: Final = (
    Point("planning", _says("Refreshing state")),
    Point("planned", _says("Plan: ")),
    Point("recorded", lambda sleeper, running: sleeper.record() is not None),
    Point("suspended", lambda sleeper, running: len(sleeper.suspensions()) == 3),
    Point("configuration begun", _says("endpoint_configuration", "Creating...")),
    Point("configuration made", _says("endpoint_configuration", "Creation complete")),
    Point("update begun", _says("aws_sagemaker_endpoint.this", "Modifying...")),
    Point("updating", lambda sleeper, running: sleeper.describe()["EndpointStatus"] == "Updating"),
    Point("update ended", _says("aws_sagemaker_endpoint.this", "Modifications complete")),
    Point("applied", _says("Apply complete!")),
)


@dataclass(frozen=True)
class Trial:
    """What was done, and what came of it. `refusals` are the errors of applies that were refused before one succeeded."""

    signal: str
    target: str
    point: str
    exit_code: int
    suspended_after: bool
    refusals: tuple[str, ...]
    active: bool
    woken: bool

    @property
    def passed(self) -> bool:
        return self.active and self.woken

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"passed": self.passed}


def interrupt(sleeper: Sleeper, number: int, point: Point, target: str) -> Running:
    """Update the sleeping endpoint, and send a signal to one of TARGETS once `point` is reached."""
    sleeper.fall_asleep()
    sleeper.change()
    running = sleeper.start(sleeper.checkout())
    deadline = time.monotonic() + LONGEST_APPLY_SECONDS
    while not point.reached(sleeper, running):
        assert running.process.poll() is None, f"ended before {point.name}: {running.text}"
        assert time.monotonic() < deadline, f"never {point.name}: {running.text}"
        time.sleep(0.005)
    running.send(number, target)
    running.wait()
    return running


def recover(sleeper: Sleeper, attempts: int = 40) -> tuple[list[str], Running]:
    """Apply from a fresh checkout, as often as it is refused for a holder that is running; the refusals, and the last one."""
    checkout, refusals = sleeper.checkout(), []
    for _ in range(attempts):
        running = sleeper.run(checkout)
        if running.process.returncode == 0:
            break
        refusals.append(running.error)
        time.sleep(2)
    return refusals, running


def trial(sleeper: Sleeper, number: int, point: Point, target: str) -> Trial:
    """One interrupted apply, and all that has to hold afterwards."""
    interrupted = interrupt(sleeper, number, point, target)
    suspended_after = bool(sleeper.suspensions())
    refusals, last = recover(sleeper)
    active = last.process.returncode == 0 and not sleeper.suspensions() and sleeper.record() is None
    name = signal.Signals(number).name
    code = interrupted.process.returncode
    return Trial(name, target, point.name, code, suspended_after, tuple(refusals), active, sleeper.wakes())

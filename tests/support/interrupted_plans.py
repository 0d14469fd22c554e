"""Commands that keep plans or create the state bucket, interrupted at any moment: what is there then, and after a rerun."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.errors import PlanDamaged
from async_endpoint.terraform.plan_files import read_plan_file
from async_endpoint.terraform.plan_record import parse_record
from async_endpoint.terraform.state_lock import running_terraform
from support.applied_roots import CHECKOUT
from support.common import until
from support.in_process_aws import REGION, AwsHarness
from support.module_copies import LEFT_OUT
from support.state_in_s3 import ACCOUNT, COMMAND, KEY, StateInS3

COMMANDS: Final = ("out", "store", "approved", "bootstrap")
TARGETS: Final = ("driver", "everything")
# Creation and replacement take a while, and need no provider.
MAIN: Final = """
variable "size" {
  type = string
}

resource "terraform_data" "this" {
  count            = 3
  input            = var.size
  triggers_replace = var.size

  provisioner "local-exec" {
    command = "sleep 0.2"
  }
}

output "async_endpoints" {
  value = {}
}
"""
# The provider waits a minute for rules of a lifecycle.
_LIFECYCLE: Final = re.compile(r'^resource "aws_s3_bucket_lifecycle_configuration" .*?^\}', re.MULTILINE | re.DOTALL)
_TEMPORARY: Final = re.compile(r"\.[0-9a-f]{8,}$|\.\d{3,}$|tfplan$")
_ENDED: Final = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
_UNLOCK: Final = re.compile(r"unlock it with: (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Trial:
    """`after` are the seconds before the signal, `code` how the command ended, `reruns` how those until one succeeded."""

    command: str
    signal: str
    target: str
    after: float
    code: int
    reruns: tuple[str, ...]
    faults: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def add_bootstrap(checkout: Path) -> None:
    """Add environment new, whose state is to be in S3, and what creates the bucket for it."""
    shutil.copytree(CHECKOUT / "modules/state-backend", checkout / "modules/state-backend", ignore=LEFT_OUT)
    main = checkout / "modules/state-backend/main.tf"
    main.write_text(_LIFECYCLE.sub("", main.read_text()))
    shutil.copytree(CHECKOUT / "examples/state-bucket", checkout / "examples/state-bucket", ignore=LEFT_OUT)
    shutil.copyfile(CHECKOUT / "envs/local/.terraform.lock.hcl", checkout / "examples/state-bucket/.terraform.lock.hcl")
    new = checkout / "envs/new"
    new.mkdir()
    (new / "main.tf").write_text(f'{ACCOUNT}variable "region" {{\n  type    = string\n  default = "{REGION}"\n}}\n')
    (new / "backend.tf").write_text('terraform {\n  backend "s3" {\n    use_lockfile = true\n  }\n}\n')


class InterruptedPlans:
    """One checkout whose commands are interrupted, each measured by a run that is not."""

    def __init__(self, folder: Path, local_aws: AwsHarness, seed: int) -> None:
        self.local_aws, self._random, self._number = local_aws, random.Random(seed), 0
        self.checkout = StateInS3(folder / "checkout", local_aws, MAIN)
        self.out = folder / "plans of mine/dev.plan"
        self.out.parent.mkdir()
        self._seconds: dict[str, float] = {}
        add_bootstrap(self.checkout.folder)

    def arguments(self, command: str) -> list[str]:
        name = f"pr-{self._number}"
        return {
            "out": ["plan", "dev", "--out", str(self.out)],
            "store": ["plan", "dev", "--store", name],
            "approved": ["apply", "dev", "--approved", name, "--yes"],
            "bootstrap": ["bootstrap", "new", "--bucket", f"states-of-trial-{self._number}", "--yes"],
        }[command]

    def prepare(self, command: str) -> None:
        """Something to plan that was not there before, or a bucket to create."""
        self._number += 1
        (self.checkout.folder / "envs/dev/values.auto.tfvars").write_text(f'size = "{self._number}"\n')
        if command == "approved":
            self._succeed("plan", "dev", "--store", f"pr-{self._number}")
        for name in ("state.s3.tfbackend", "account.auto.tfvars"):
            (self.checkout.folder / "envs/new" / name).unlink(missing_ok=True)

    def measure(self, command: str) -> None:
        """How long the command takes here, once what it installs is installed."""
        for _ in range(2):
            self.prepare(command)
            began = time.monotonic()
            self._succeed(*self.arguments(command))
            self._seconds[command] = time.monotonic() - began

    def trial(self, command: str, number: signal.Signals, target: str) -> Trial:
        if command not in self._seconds:
            self.measure(command)
        self.prepare(command)
        files, before = self._files(), self._state()
        after = self._random.uniform(0, self._seconds[command] * 1.1)
        process = self._start(*self.arguments(command))
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            self._signal(process, number, target)
        process.communicate(timeout=120)
        faults = list(self._half_written(command, before))
        # A signal before the command has installed its handlers, or after it has removed them, ends it as any process.
        if process.returncode not in (0, _ENDED[number], -number):
            faults.append(f"exit code {process.returncode}")
        reruns = list(self._rerun(command))
        if not reruns or reruns[-1] != "0":
            faults.append("no rerun succeeds")
        faults += self._half_written(command, None)
        faults += [f"left: {name}" for name in sorted(self._files() - files) if _TEMPORARY.search(name)]
        if self.checkout.is_locked():
            faults.append("the lock is left")
        return Trial(command, number.name, target, round(after, 2), process.returncode, tuple(reruns), tuple(faults))

    def _rerun(self, command: str) -> Iterator[str]:
        """Run again, doing what each refusal says: wait, unlock, or have what is left approved."""
        arguments = self.arguments(command)
        for _ in range(30):
            process = self._start(*arguments)
            said = process.communicate(timeout=180)[1]
            yield f"{process.returncode}" if process.returncode == 0 else f"{process.returncode}: {said.strip()[-300:]}"
            if process.returncode == 0:
                return
            if "wait until it ends" in said:
                time.sleep(0.5)
            elif unlock := _UNLOCK.search(said):
                words = shlex.split(unlock[1])
                if words[0] == COMMAND.name:
                    self._succeed(*words[1:])
                else:
                    subprocess.run(words, env=self.checkout.environment, check=True, capture_output=True)
            elif command == "approved" and process.returncode == 4:
                name = f"pr-{self._number}-rest"
                self._succeed("plan", "dev", "--store", name)
                arguments = ["apply", "dev", "--approved", name, "--yes"]

    def _half_written(self, command: str, before: Any) -> Iterator[str]:
        """What can neither be from before nor from after the command."""
        if command == "out" and self.out.exists():
            try:
                read_plan_file(self.out)
            except PlanDamaged as error:
                yield str(error)
            if self.out.stat().st_mode & 0o077:
                yield "others can read the plan"
        if command == "store":
            yield from self._records()
        self._state()  # raises for one that is no JSON
        if command != "approved" and before is not None and self._state() != before:
            yield "the state has changed"

    def _records(self) -> Iterator[str]:
        s3, bucket = self.local_aws.s3, self.checkout.bucket
        keys = [key for key in self.local_aws.keys(bucket) if key.startswith("plans/")]
        for key in (key for key in keys if key.endswith(".json")):
            record = parse_record(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), key)
            if f"{key.removesuffix('.json')}.{record.plan[:12]}.plan" not in keys:
                yield f"{key} has no plan"

    def _state(self) -> Any:
        s3 = self.local_aws.s3
        try:
            return json.loads(s3.get_object(Bucket=self.checkout.bucket, Key=KEY)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return None

    def _files(self) -> set[str]:
        folders = (self.checkout.folder, self.out.parent)
        return {str(path) for folder in folders for path in folder.rglob("*") if ".terraform" not in path.parts}

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return self.checkout.start(*arguments)

    def _succeed(self, *arguments: str) -> None:
        process = self._start(*arguments)
        said = process.communicate(timeout=180)[1]
        assert process.returncode == 0, (arguments, said)

    def _signal(self, process: subprocess.Popen[str], number: signal.Signals, target: str) -> None:
        """To the command alone, or as well to its Terraform and that one's children, as where a container is killed."""
        terraform = self._terraform()
        os.killpg(process.pid, number)
        if target == "everything":
            for one in terraform:
                os.killpg(os.getpgid(one), number)
            until(lambda: not self._terraform(), "Terraform has ended", 60)

    def _terraform(self) -> list[int]:
        found = map(running_terraform, self._working_copies())
        return [one.process for one in found if one is not None and not one.elsewhere]

    def _working_copies(self) -> list[Path]:
        return [path.parent for path in (self.checkout.folder / ".local").rglob("main.tf") if ".terraform" not in path.parts]

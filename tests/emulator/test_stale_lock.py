"""A command that is killed leaves its lock beside the state in S3: the next one says whose it is, and what it advises works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from async_endpoint.terraform.state_lock import running_terraform
from support.common import until
from support.in_process_aws import REGION, AwsHarness

COMMAND = Path(sys.executable).with_name("async-endpoint")
KEY = "async-endpoint/dev/terraform.tfstate"
BACKEND = f'terraform {{\n  backend "s3" {{\n    key          = "{KEY}"\n    use_lockfile = true\n  }}\n}}\n'
# Its creation never ends, and needs no provider but Terraform's own.
ACCOUNT = 'variable "allowed_account_ids" {\n  type = list(string)\n}\n'
ENDLESS = ACCOUNT + 'resource "terraform_data" "this" {\n  provisioner "local-exec" {\n    command = "sleep 600"\n  }\n}\n'

pytestmark = pytest.mark.terraform


class Checkout:
    """A checkout whose environment dev keeps its state in a bucket of the local AWS, as dev, staging and prod do on AWS."""

    def __init__(self, folder: Path, local_aws: AwsHarness) -> None:
        self.folder, self.local_aws, self.bucket = folder, local_aws, local_aws.bucket()
        root = folder / "envs/dev"
        root.mkdir(parents=True)
        (folder / "modules/async-inference").mkdir(parents=True)
        (root / "main.tf").write_text(ENDLESS)
        (root / "backend.tf").write_text(BACKEND)
        (root / "state.s3.tfbackend").write_text(f'bucket = "{self.bucket}"\nregion = "{REGION}"\nuse_path_style = true\n')
        (root / "account.auto.tfvars").write_text('allowed_account_ids = ["123456789012"]\n')

    @property
    def copy(self) -> Path:
        """Where the driver runs Terraform."""
        return self.folder / ".local/deployments/dev/envs/dev"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_", "ASYNC_ENDPOINT_"))}
        credentials = self.local_aws.s3._request_signer._credentials
        return kept | {
            "ASYNC_ENDPOINT_HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_ENDPOINT_URL": self.local_aws.url,
            "AWS_REGION": REGION,
            "COLUMNS": "1000",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code and the last line on standard error."""
        process = self.start(*arguments)
        _, text = process.communicate(timeout=100)
        return process.returncode, text.rstrip().splitlines()[-1]

    def lock(self) -> dict[str, Any]:
        """The state's lock as Terraform wrote it; empty when there is none, as between plan and apply of one command."""
        try:
            written = self.local_aws.s3.get_object(Bucket=self.bucket, Key=f"{KEY}.tflock")["Body"].read()
        except self.local_aws.s3.exceptions.NoSuchKey:
            return {}
        lock: dict[str, Any] = json.loads(written)
        return lock

    def is_locked(self) -> bool:
        return f"{KEY}.tflock" in self.local_aws.keys(self.bucket)


def killed_while_applying(checkout: Checkout) -> None:
    """An apply and its Terraform that both end at once, in the middle of a creation."""
    process = checkout.start("apply", "dev", "--yes")
    assert process.stderr is not None
    for line in process.stderr:
        if "Provisioning with" in line:
            break
    kill(checkout, process)


def kill(checkout: Checkout, process: subprocess.Popen[str]) -> None:
    """Kill a command and its Terraform, which outlives it otherwise, with all that they started."""
    terraform = running_terraform(checkout.copy)
    for number in filter(None, (process.pid, terraform)):
        os.killpg(os.getpgid(number), signal.SIGKILL)
    process.communicate()
    until(lambda: running_terraform(checkout.copy) is None, "Terraform has ended")


@pytest.fixture
def checkout(tmp_path: Path, local_aws: AwsHarness) -> Checkout:
    return Checkout(tmp_path, local_aws)


def test_the_lock_of_a_killed_apply_is_reported_and_the_command_in_the_message_removes_it(checkout: Checkout) -> None:
    killed_while_applying(checkout)
    assert checkout.is_locked()
    plans = checkout.folder / ".local/plans"
    assert len(list(plans.iterdir())) == 1

    code, said = checkout.run("plan", "dev")

    assert code == 3
    assert "The state of dev is locked by " in said
    assert "(apply, lock ID " in said
    assert "no Terraform of this checkout works on it any more" in said
    assert list(plans.iterdir()) == [], "the killed command's plan is removed by the next"
    program, *advised = said.partition("unlock it with: ")[2].split()
    assert program == COMMAND.name
    assert checkout.run(*advised) == (0, "The state of dev is unlocked.")
    assert not checkout.is_locked()
    assert checkout.run("plan", "dev") == (0, "1 to add, 0 to change, 0 to destroy.")


def test_a_living_holder_is_named_and_cannot_be_unlocked_from_here(checkout: Checkout) -> None:
    holder = checkout.start("apply", "dev", "--yes")
    try:
        until(lambda: checkout.lock().get("Operation") == "OperationTypeApply", "the apply has locked the state", 60)
        lock_id = checkout.lock()["ID"]
        code, said = checkout.run("plan", "dev")
        assert code == 3
        assert "Terraform still works on it, as process " in said
        code, said = checkout.run("unlock", "dev", lock_id)
        assert code == 4
        assert "Terraform still works on dev" in said
        assert checkout.is_locked()
    finally:
        kill(checkout, holder)

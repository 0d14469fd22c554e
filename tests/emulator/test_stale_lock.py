"""A command that is killed leaves its lock beside the state in S3: the next one says whose it is, and what it advises works."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from async_endpoint.terraform.state_lock import running_terraform
from support.common import until
from support.in_process_aws import AwsHarness
from support.state_in_s3 import COMMAND, StateInS3

# Its creation never ends, and needs no provider but Terraform's own.
ENDLESS = 'resource "terraform_data" "this" {\n  provisioner "local-exec" {\n    command = "sleep 600"\n  }\n}\n'

pytestmark = pytest.mark.terraform


def killed_while_applying(checkout: StateInS3) -> None:
    """An apply and its Terraform that both end at once, in the middle of a creation."""
    process = checkout.start("apply", "dev", "--yes")
    assert process.stderr is not None
    for line in process.stderr:
        if "Provisioning with" in line:
            break
    kill(checkout, process)


def kill(checkout: StateInS3, process: subprocess.Popen[str]) -> None:
    """Kill a command and its Terraform, which outlives it otherwise, with all that they started."""
    terraform = running_terraform(checkout.copy)
    assert terraform is None or not terraform.elsewhere
    for number in filter(None, (process.pid, terraform and terraform.process)):
        os.killpg(os.getpgid(number), signal.SIGKILL)
    process.communicate()
    until(lambda: running_terraform(checkout.copy) is None, "Terraform has ended")


@pytest.fixture
def checkout(tmp_path: Path, local_aws: AwsHarness) -> StateInS3:
    return StateInS3(tmp_path, local_aws, ENDLESS)


def test_the_lock_of_a_killed_apply_is_reported_and_the_command_in_the_message_removes_it(checkout: StateInS3) -> None:
    killed_while_applying(checkout)
    assert checkout.is_locked()
    plans = checkout.folder / ".local/plans"
    assert len(list(plans.iterdir())) == 1

    code, said = checkout.run("plan", "dev")

    assert code == 3
    assert "The state of dev is locked by " in said
    assert "(apply, lock ID " in said
    assert "no Terraform was found that works on it on this machine" in said
    assert list(plans.iterdir()) == [], "the killed command's plan is removed by the next"
    program, *advised = said.partition("unlock it with: ")[2].split()
    assert program == COMMAND.name
    assert checkout.run(*advised) == (0, "The state of dev is unlocked.")
    assert not checkout.is_locked()
    assert checkout.run("plan", "dev") == (0, "1 to add, 0 to change, 0 to destroy.")


def test_a_living_holder_is_named_and_cannot_be_unlocked_from_here(checkout: StateInS3) -> None:
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

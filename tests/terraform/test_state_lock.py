"""A locked state: who holds it, and which command unlocks it."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput, PlanStale, StateLocked, TerraformFailed
from async_endpoint.terraform.adapter import Terraform
from async_endpoint.terraform.state_lock import read_lock, running_terraform

# What Terraform 1.11.4 prints with -no-color for an S3 backend with use_lockfile.
LOCKED = """
Error: Error acquiring the state lock

Error message: operation error S3: PutObject, https response error StatusCode:
412, RequestID: NO7Z, HostID: abc, api error PreconditionFailed: At least one of
the pre-conditions you specified did not hold
Lock Info:
  ID:        9dbe2b0d-4d30-bf5b-35b0-3c1ad3e5b0b5
  Path:      states/async-endpoint/dev/terraform.tfstate
  Operation: OperationTypeApply
  Who:       {who}
  Version:   1.11.4
  Created:   2026-11-29 18:02:11.123456789 +0000 UTC
  Info:


Terraform acquires a state lock to protect the state from being written
by multiple users at the same time.
"""
LOCK_ID = "9dbe2b0d-4d30-bf5b-35b0-3c1ad3e5b0b5"
UNLOCK = "async-endpoint unlock dev"
OWN = f"{getpass.getuser()}@{socket.gethostname()}"

FakeTerraform = Callable[..., dict[str, str]]


def silent(line: str) -> None:
    pass


def refused(root: Path, fake_terraform: FakeTerraform, who: str, unlock: str | None = UNLOCK) -> str:
    """The sentence for a plan that meets a lock of `who`."""
    (root / "said").write_text(LOCKED.format(who=who))
    environment = fake_terraform("cat said >&2; exit 1")
    with pytest.raises(StateLocked) as failure:
        Terraform(root, environment, silent, unlock_command=unlock).plan(root / "saved")
    return str(failure.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "dev"
    folder.mkdir()
    return folder


def test_a_lock_of_another_machine_names_holder_time_operation_and_command(root: Path, fake_terraform: FakeTerraform) -> None:
    assert refused(root, fake_terraform, "ci@runner-7") == (
        f"The state of dev is locked by ci@runner-7 since 2026-11-29 18:02:11 UTC (apply, lock ID {LOCK_ID}); "
        f"confirm that its command has ended on runner-7, then unlock it with: {UNLOCK} {LOCK_ID}"
    )


def test_a_lock_of_this_machine_that_no_terraform_holds_says_so(root: Path, fake_terraform: FakeTerraform) -> None:
    said = refused(root, fake_terraform, OWN)
    assert "no Terraform was found that works on it on this machine" in said
    assert "Confirm that its command has ended, then unlock it with: " in said
    assert said.endswith(f"unlock it with: {UNLOCK} {LOCK_ID}")


@contextmanager
def terraform_at_work(program: Path, folder: Path) -> Iterator[int]:
    """A living process called terraform that works in `folder`."""
    shutil.copyfile(shutil.which("sleep") or "/bin/sleep", program)
    program.chmod(0o755)
    process = subprocess.Popen([program, "600"], cwd=folder)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def initialised(folder: Path, key: str) -> Path:
    """`folder` as `terraform init` leaves it with a state at `key` in bucket states."""
    (folder / ".terraform").mkdir(parents=True)
    backend = {"backend": {"type": "s3", "config": {"bucket": "states", "key": key, "use_lockfile": True}}}
    (folder / ".terraform/terraform.tfstate").write_text(json.dumps(backend))
    return folder


linux = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="who works where is read from /proc")


@linux
def test_a_living_holder_is_named_and_is_not_to_be_unlocked(root: Path, tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    with terraform_at_work(tmp_path / "terraform", root) as process:
        said = refused(root, fake_terraform, OWN)
        assert f"Terraform still works on it, as process {process} of this machine: wait until it ends" in said
        assert UNLOCK not in said
        assert running_terraform(root.parent) is None


@linux
def test_a_living_holder_in_another_checkout_is_known_by_the_state_it_works_on(
    root: Path, tmp_path: Path, fake_terraform: FakeTerraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    initialised(root, "dev")
    other, unrelated = initialised(tmp_path / "clone/dev", "dev"), initialised(tmp_path / "clone/prod", "prod")
    with terraform_at_work(tmp_path / "terraform", other) as process:
        said = refused(root, fake_terraform, OWN)
        assert f"Terraform still works on it, as process {process} of this machine in {other}: wait until it ends" in said
        assert UNLOCK not in said
        assert "confirm that its command has ended on runner-7" in refused(root, fake_terraform, "ci@runner-7")
        assert running_terraform(unrelated) is None
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        assert running_terraform(root) is None, "a bucket of that name on another local AWS"
        monkeypatch.delenv("AWS_ENDPOINT_URL")
        assert running_terraform(tmp_path, ("states", "dev")) is not None
    assert refused(root, fake_terraform, OWN).endswith(f"then unlock it with: {UNLOCK} {LOCK_ID}")


def test_a_local_state_has_nothing_to_unlock(root: Path, fake_terraform: FakeTerraform) -> None:
    assert "only a running process can hold a local state" in refused(root, fake_terraform, OWN, unlock=None)


# What Terraform 1.11.4 prints where the lock is gone.
NOT_LOCKED = (
    "Failed to unlock state: unable to retrieve file from S3 bucket 'states' with key 'dev.tflock': operation error S3: "
    "GetObject, https response error StatusCode: 404, RequestID: NO7Z, HostID: abc, NoSuchKey: "
)


def test_unlocking_what_is_not_locked_says_so(root: Path, fake_terraform: FakeTerraform) -> None:
    (root / "said").write_text(NOT_LOCKED)
    environment = fake_terraform("cat said >&2; exit 1")
    with pytest.raises(InvalidInput, match="The state of dev is not locked; repeat the command that was refused"):
        Terraform(root, environment, silent).force_unlock(LOCK_ID)


def test_another_failure_to_unlock_is_terraforms(root: Path, fake_terraform: FakeTerraform) -> None:
    (root / "said").write_text("Failed to unlock state: lock ID '123' does not match existing lock ID '456'\n")
    environment = fake_terraform("cat said >&2; exit 1")
    with pytest.raises(TerraformFailed, match="does not match existing lock ID"):
        Terraform(root, environment, silent).force_unlock("123")


RELEASED = """
Error: Error acquiring the state lock

Error message: operation error S3: PutObject, https response error StatusCode:
412, RequestID: NO7Z, HostID: abc, api error PreconditionFailed: At least one of
the pre-conditions you specified did not hold
unable to retrieve file from S3 bucket 'states' with key 'dev.tflock': operation error S3: GetObject, NoSuchKey:
"""


def test_a_lock_that_is_released_before_it_is_read_is_tried_again(root: Path, fake_terraform: FakeTerraform) -> None:
    (root / "said").write_text(RELEASED)
    environment = fake_terraform("cat said >&2; test -e again && exit 2; touch again; exit 1")
    assert Terraform(root, environment, silent, unlock_command=UNLOCK).plan(root / "saved").any


def test_a_holder_that_stays_unknown_is_no_local_state(root: Path, fake_terraform: FakeTerraform) -> None:
    (root / "said").write_text(RELEASED)
    environment = fake_terraform("echo x >> runs; cat said >&2; exit 1")
    with pytest.raises(StateLocked, match=r"an unknown user .*; repeat the command\. If the holder stays unknown, delete"):
        Terraform(root, environment, silent, unlock_command=UNLOCK).plan(root / "saved")
    assert (root / "runs").read_text() == "x\n" * 3


def test_another_failure_is_no_lock(root: Path, fake_terraform: FakeTerraform) -> None:
    assert read_lock("Error: Invalid value\n\nLock Info is not here\n") is None
    (root / "said").write_text("Error: Error acquiring the state lock\n\nError message: api error AccessDenied: Forbidden\n")
    environment = fake_terraform("cat said >&2; exit 1")
    with pytest.raises(TerraformFailed, match="AccessDenied"):
        Terraform(root, environment, silent, unlock_command=UNLOCK).plan(root / "saved")


def test_a_plan_of_a_state_that_another_command_has_changed_is_stale(root: Path, fake_terraform: FakeTerraform) -> None:
    (root / "said").write_text("\nError: Saved plan is stale\n\nThe given plan file can no longer be applied\n")
    environment = fake_terraform("cat said >&2; exit 1")
    with pytest.raises(PlanStale, match="Another command has changed the state of dev since this one planned"):
        Terraform(root, environment, silent, unlock_command=UNLOCK).apply(root / "saved")

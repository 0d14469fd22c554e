"""Folders with credentials, state or programs are private to their owner, whatever the umask, existing ones too."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from async_endpoint import workspace as workspaces
from async_endpoint.core.errors import InvalidInput
from async_endpoint.workspace import HOME_VARIABLE, Workspace, make_private
from support.emulator_process import empty_checkout

# Under a umask that withholds nothing: everything that makes a folder below the one that is given.
MAKES_FOLDERS = """
import os, sys
from pathlib import Path
from async_endpoint.emulator.auth.credentials import write_credentials
from async_endpoint.emulator.container import python_environment
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.persistence.folder import StateFolder
from async_endpoint.local_aws import LocalAwsRecord, write_record
from async_endpoint.local_aws import LocalCredentials
from async_endpoint.terraform.working_copy import prepare
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.workspace import Workspace
os.umask(0)
workspace = Workspace(Path(sys.argv[1]))
made = {
    "record": lambda: write_record(workspace, LocalAwsRecord("http://127.0.0.1:1", "id", os.getpid(), 60.0)),
    "credentials": lambda: write_credentials(workspace, LocalCredentials("http://127.0.0.1:1", "A", "B", "C")),
    "plans": lambda: saved_plan(workspace).__enter__(),
    "deployments": lambda: prepare(workspace, "dev", local=False),
    "state": lambda: StateFolder(workspace.root / "parent" / "state"),
    "environments": lambda: python_environment._exclusive(workspace.root / "cache/containers/one", Deadline()).__enter__(),
}
made[sys.argv[2]]()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("what", "entrance"),
    [
        ("record", ".local"),
        ("credentials", ".local"),
        ("plans", ".local"),
        ("deployments", ".local"),
        ("state", "parent"),
        ("environments", "cache"),
    ],
)
def test_folders_are_private_with_any_umask(tmp_path: Path, what: str, entrance: str) -> None:
    root = empty_checkout(tmp_path / "checkout").root
    (root / "envs" / "dev").mkdir()
    (root / "envs" / "dev" / "main.tf").touch()
    subprocess.run([sys.executable, "-c", MAKES_FOLDERS, root, what], check=True, timeout=60)
    assert mode(root / entrance) == 0o700
    assert any((root / entrance).iterdir())


def test_folders_open_to_others_are_made_private(tmp_path: Path) -> None:
    workspace = empty_checkout(tmp_path)
    for folder in (workspace.local, workspace.local / "aws"):
        folder.mkdir()
        folder.chmod(0o777)
    assert workspace.make_local("aws") == workspace.local / "aws"
    assert (mode(workspace.local), mode(workspace.local / "aws")) == (0o700, 0o700)


def test_folders_of_another_user_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_permitted(*_: object) -> None:
        raise PermissionError(1, os.strerror(1))

    tmp_path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", not_permitted)
    with pytest.raises(InvalidInput, match="another user"):
        make_private(tmp_path)
    assert Workspace(tmp_path).local == tmp_path / ".local"


@pytest.mark.parametrize("planted", ["modules", "modules/async-inference", "envs", ".local"])
def test_a_checkout_of_another_user_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    """Anyone can create a checkout under /tmp, with Terraform code to run and credentials that clients would sign with."""
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    above = empty_checkout(tmp_path).root
    (above / ".local").mkdir()
    here = above / "of this user" / "work"
    here.mkdir(parents=True)
    assert Workspace.find(here).root == above
    lstat = Path.lstat

    def of_another_user(path: Path) -> os.stat_result:
        found = lstat(path)
        return os.stat_result([*found[:4], os.geteuid() + 1, *found[5:]]) if path == above / planted else found

    monkeypatch.setattr(Path, "lstat", of_another_user)
    assert Workspace.find(here).root != above
    monkeypatch.setenv(HOME_VARIABLE, str(above))
    assert Workspace.find(here).root == above, "named, it is trusted"


def test_a_checkout_is_found_from_within_regardless_of_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For example as root in a container with a user's checkout mounted."""
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    monkeypatch.setattr(workspaces.os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    root = empty_checkout(tmp_path).root
    assert Workspace.find(root / "envs").root == root

"""A provider that outlives commands: it is the one of the lock file, and ends when its user does, however that ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from async_endpoint.core.errors import TerraformFailed
from async_endpoint.terraform.provider import (
    LOCK_FILE,
    cli_configuration,
    find_provider_mirror,
    install_provider,
    running_provider,
)

LOCKED = Path(__file__).resolve().parents[2] / "envs/local" / LOCK_FILE
SAYS = "TF_REATTACH_PROVIDERS='{}'"


@pytest.fixture
def provider(tmp_path: Path) -> Path:
    """Something that says what a provider says, leaves its process id in the folder it runs in, and stays."""
    path = tmp_path / "terraform-provider-aws_v0"
    path.write_text(f'#!/bin/sh\n[ "$1" = -debug ] || exit 1\necho $$ > pid\necho "\t{SAYS}"\nexec sleep 600\n')
    path.chmod(0o755)
    return path


def ends(pid: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_it_runs_where_the_root_is_until_the_block_ends(provider: Path, tmp_path: Path) -> None:
    root = tmp_path / "a root"
    root.mkdir()

    with running_provider(provider, root, os.environ) as attached:
        assert attached == {"TF_REATTACH_PROVIDERS": "{}"}
        pid = int((root / "pid").read_text())
        os.kill(pid, 0)

    assert ends(pid)


def test_what_it_makes_is_closed_to_others_whatever_the_umask(provider: Path, tmp_path: Path) -> None:
    """Its socket, which another user could else connect to: the provider acts for any client."""
    before = os.umask(0)
    try:
        with running_provider(provider, tmp_path, os.environ):
            assert (tmp_path / "pid").stat().st_mode & 0o077 == 0
    finally:
        os.umask(before)


def test_it_ends_with_a_user_that_is_killed(provider: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from async_endpoint.terraform.provider import running_provider\n"
        "with running_provider(Path(sys.argv[1]), Path(sys.argv[2]), os.environ):\n"
        "    print(flush=True)\n"
        "    sys.stdin.read()\n"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", code, str(provider), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert user.stdout is not None and user.stdout.readline()
    pid = int((tmp_path / "pid").read_text())

    user.send_signal(signal.SIGKILL)
    user.communicate()

    assert ends(pid)


def test_one_that_does_not_start_is_named_with_what_it_printed(provider: Path, tmp_path: Path) -> None:
    provider.write_text("#!/bin/sh\necho no room for a socket\n")

    with (
        pytest.raises(TerraformFailed, match=r"terraform-provider-aws_v0 did not start; it printed: no room for a socket"),
        running_provider(provider, tmp_path, os.environ),
    ):
        pass


@pytest.mark.terraform
def test_another_than_that_of_the_lock_file_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked.hcl"
    locked.write_text(re.sub(r'"(h1|zh):[^"]*"', '"h1:H3mU/7URhP0uCRGK8jeQRKxx2XFzEqLiOq/L2BbiaxA="', LOCKED.read_text()))
    (tmp_path / "terraform.rc").write_text(cli_configuration(find_provider_mirror()))
    environment = os.environ | {"TF_CLI_CONFIG_FILE": str(tmp_path / "terraform.rc")}

    with pytest.raises(TerraformFailed, match=r"cannot be installed: .*checksums"):
        install_provider(tmp_path / "provider", locked, environment)

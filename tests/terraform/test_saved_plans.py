"""Saved plans hold secrets: private, gone with their command, and removed by the next one where a command was killed."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.workspace import Workspace

PROGRAM = """
import pathlib, sys
from async_endpoint.terraform.saved_plans import saved_plan
from async_endpoint.workspace import Workspace
with saved_plan(Workspace(pathlib.Path(sys.argv[1]))) as file:
    file.write_text("a secret")
    print(file, flush=True)
    sys.stdin.read()
"""


def command(checkout: Workspace) -> tuple[subprocess.Popen[str], Path]:
    """A command that has saved a plan and is at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(checkout.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_plan_is_private_and_gone_afterwards(checkout: Workspace) -> None:
    with saved_plan(checkout) as file:
        for folder in (file.parent, checkout.local / "plans"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        file.write_text("a secret")
    assert list((checkout.local / "plans").iterdir()) == []


def test_the_plan_of_a_killed_command_goes_and_that_of_a_living_one_stays(checkout: Workspace) -> None:
    killed, abandoned = command(checkout)
    living, in_use = command(checkout)
    try:
        killed.kill()
        killed.wait()
        assert abandoned.exists()
        with saved_plan(checkout):
            assert not abandoned.parent.exists()
            assert in_use.read_text() == "a secret"
    finally:
        living.communicate(timeout=20)
    assert not in_use.exists()

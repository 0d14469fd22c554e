"""A file is written whole or not at all, and what a killed writer leaves is removed by the next command."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from async_endpoint.terraform.whole_files import FOLDER, remove_partial_files, write_whole
from async_endpoint.workspace import Workspace

# Stops once the temporary file is written and before it has its name.
WRITER = """
import os, pathlib, sys
from async_endpoint.terraform.whole_files import write_whole
from async_endpoint.workspace import Workspace
def replace(self, target):
    print("written", flush=True)
    sys.stdin.read()
    return os.replace(self, target)
pathlib.Path.replace = replace
write_whole(Workspace(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2]), b"a secret", mode=0o600)
"""


def writer(checkout: Workspace, path: Path) -> subprocess.Popen[str]:
    """A process that has written a temporary file for `path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(checkout.root), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    return process


def test_a_file_is_replaced_and_nothing_is_left_beside_it(checkout: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "plan"
    path.write_text("before")
    write_whole(checkout, path, b"after", mode=0o600)
    assert path.read_text() == "after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(OSError, match="No such file"):
        write_whole(checkout, tmp_path / "no/folder", b"")
    assert not list(tmp_path.glob(".plan*"))
    assert not list((checkout.local / FOLDER).iterdir())


def test_what_a_killed_writer_leaves_is_removed_and_a_living_one_is_left_alone(checkout: Workspace, tmp_path: Path) -> None:
    killed, living = writer(checkout, tmp_path / "first"), writer(checkout, tmp_path / "second")
    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        [left] = tmp_path.glob(".first.*")
        assert left.read_text() == "a secret"

        remove_partial_files(checkout)

        assert not left.exists() and not (tmp_path / "first").exists()
        assert len(list(tmp_path.glob(".second.*"))) == 1
        living.communicate(timeout=20)
        assert (tmp_path / "second").read_text() == "a secret"
    finally:
        living.kill()
        living.wait()
    remove_partial_files(checkout)
    assert not list((checkout.local / FOLDER).iterdir())


@pytest.mark.parametrize("noted", ["", "relative", "/etc/passwd", "NAME/mine"])
def test_a_note_removes_nothing_but_a_temporary_file_of_its_own_name(checkout: Workspace, tmp_path: Path, noted: str) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (checkout.make_local(FOLDER) / "0123").write_bytes(os.fsencode(noted.replace("NAME", str(tmp_path))))
    remove_partial_files(checkout)
    assert mine.read_text() == "mine"
    assert not list((checkout.local / FOLDER).iterdir())

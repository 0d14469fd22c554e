"""Ctrl-C of `make test` leaves no local AWS running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.common import process_runs, until

TESTS = Path(__file__).parents[1]
STARTS_ONE_AND_WAITS = """
import threading
from support.emulator_process import empty_checkout
from async_endpoint.emulator import daemon

def test_that_never_ends(tmp_path):
    record = daemon.start_detached(empty_checkout(tmp_path / "a check out"), 0, 60, 60)
    (tmp_path.parents[1] / "pid").write_text(str(record.pid))
    threading.Event().wait()
"""


@pytest.mark.slow
def test_ctrl_c_stops_the_local_aws_of_a_test(tmp_path: Path) -> None:
    (tmp_path / "test_waiting.py").write_text(STARTS_ONE_AND_WAITS)
    paths = [TESTS, TESTS / "local", TESTS / "conformance"]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "1",
            "-p",
            "conftest",
            "--rootdir",
            tmp_path,
            "--basetemp",
            tmp_path / "base",
            ".",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    pid_file = tmp_path / "base" / "pid"
    try:
        pid = int(until(lambda: pid_file.is_file() and pid_file.read_text(), "the test has started a local AWS"))
        assert process_runs(pid)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 2
    finally:
        process.kill()
    assert not process_runs(pid)

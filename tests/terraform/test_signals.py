"""Signals end a command at a point where nothing is left half done, and a killed driver leaves Terraform to finish."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from async_endpoint import signals
from async_endpoint.terraform.adapter import REPEATED_INTERRUPT_SECONDS, Terraform
from async_endpoint.workspace import Workspace

FakeTerraform = Callable[..., dict[str, str]]
pytestmark = pytest.mark.slow

# Counts the SIGINTs it gets in the file `interrupts`; ends once it got one and `release` is there, or at the second one.
INTERRUPTIBLE = """
interrupted() {
  echo INT >> interrupts
  [ "$(wc -l < interrupts)" -lt 2 ] || exit 1
}
trap interrupted INT
trap 'echo TERM >> interrupts; exit 1' TERM HUP
echo ready
while [ ! -e interrupts ] || [ ! -e release ]; do sleep 0.02; done
echo written
"""
DRIVER = """
import os, pathlib, sys
from async_endpoint import signals
from async_endpoint.terraform.adapter import Terraform
with signals.terminating():
    try:
        Terraform(pathlib.Path(sys.argv[1]), dict(os.environ), lambda line: print(line, flush=True)).destroy()
    except signals.Interrupted as interrupted:
        print("interrupted by", interrupted, flush=True)
    except KeyboardInterrupt:
        print("interrupted by SIGINT", flush=True)
"""


def until(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
    return seen


@contextmanager
def driving(folder: Path, environment: dict[str, str], *prefix: str) -> Iterator[subprocess.Popen[str]]:
    """A driver in a process group of its own, whose Terraform is ready."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", DRIVER, str(folder)],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        (folder / "interrupts").touch()  # whatever has happened, it ends
        (folder / "release").touch()
        process.kill()
        process.wait()


def interrupts(folder: Path) -> list[str]:
    file = folder / "interrupts"
    return file.read_text().split() if file.exists() else []


@pytest.mark.parametrize("group", [False, True], ids=["driver", "group"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_terraform_is_interrupted_once_and_waited_for(
    tmp_path: Path, fake_terraform: FakeTerraform, number: signal.Signals, group: bool
) -> None:
    with driving(tmp_path, fake_terraform(INTERRUPTIBLE)) as process:
        (os.killpg if group else os.kill)(process.pid, number)
        until(lambda: interrupts(tmp_path), "Terraform got a signal")
        for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # as CI systems and people in a hurry send them
            os.killpg(process.pid, other)
        assert process.poll() is None
        (tmp_path / "release").touch()
        rest, _ = process.communicate(timeout=20)
    assert interrupts(tmp_path) == ["INT"]
    assert rest.splitlines() == [
        f"{number.name}: Terraform finishes the calls it is in and writes its state.",
        "written",
        f"interrupted by {number.name}",
    ]


def test_a_control_c_that_is_repeated_after_a_pause_is_passed_on(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    with driving(tmp_path, fake_terraform(INTERRUPTIBLE)) as process:
        os.kill(process.pid, signal.SIGINT)
        until(lambda: interrupts(tmp_path) == ["INT"], "Terraform got the first")
        began = time.monotonic()
        until(lambda: os.kill(process.pid, signal.SIGINT) or interrupts(tmp_path) == ["INT", "INT"], "Terraform got the second")
        assert time.monotonic() - began >= 0.9 * REPEATED_INTERRUPT_SECONDS
        process.communicate(timeout=20)


@pytest.mark.parametrize("group", [False, True], ids=["driver", "group"])
def test_terraform_finishes_when_its_driver_is_killed(tmp_path: Path, fake_terraform: FakeTerraform, group: bool) -> None:
    body = "echo ready; until [ -e release ]; do sleep 0.02; done; for n in 1 2 3; do echo $n || exit 1; done; touch finished"
    with driving(tmp_path, fake_terraform(body)) as process:
        (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        (tmp_path / "release").touch()
        until((tmp_path / "finished").exists, "Terraform finished, with no reader of what it prints")


def test_an_inherited_ignore_stays(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    with driving(tmp_path, fake_terraform(INTERRUPTIBLE), "nohup") as process:
        os.kill(process.pid, signal.SIGHUP)
        os.kill(process.pid, signal.SIGTERM)  # is not ignored
        (tmp_path / "release").touch()
        rest, _ = process.communicate(timeout=20)
    assert rest.splitlines()[-1] == "interrupted by SIGTERM"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_line_ends_with_128_and_the_signal(
    tmp_path: Path, checkout: Workspace, fake_terraform: FakeTerraform, number: signal.Signals
) -> None:
    root = checkout.root / ".local/deployments/dev/envs/dev"
    process = subprocess.Popen(
        [sys.executable, "-m", "async_endpoint.cli", "plan", "dev"],
        env=os.environ | fake_terraform(f'[ "$1" = plan ] || exit 0\n{INTERRUPTIBLE}'),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        assert process.stderr.readline() == "ready\n"
        process.send_signal(number)
        until(lambda: interrupts(root), "Terraform got a signal")
        (root / "release").touch()
        _, rest = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 128 + number
    assert "Traceback" not in rest


def test_a_deferred_signal_is_delivered_at_the_end_to_the_handler_of_before() -> None:
    got: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    try:
        with pytest.raises(signals.Interrupted, match="SIGTERM"), signals.deferred():
            with signals.deferred():
                signal.raise_signal(signal.SIGTERM)
            assert (got, signals.pending()) == ([], signal.SIGTERM)
        assert got == [signal.SIGTERM]
        assert signals.pending() is None
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_error_of_the_block_is_not_hidden_by_a_signal() -> None:
    with signals.terminating(), pytest.raises(ValueError, match="mine"), signals.deferred():
        signal.raise_signal(signal.SIGTERM)
        raise ValueError("mine")
    assert signals.received() == signal.SIGTERM


def test_a_thread_may_use_it_too(tmp_path: Path, fake_terraform: FakeTerraform) -> None:
    said: list[str] = []
    terraform = Terraform(tmp_path, fake_terraform("echo one; echo two; printf three"), said.append)
    thread = threading.Thread(target=terraform.destroy)
    thread.start()
    thread.join(20)
    assert said == ["one", "two", "three"]

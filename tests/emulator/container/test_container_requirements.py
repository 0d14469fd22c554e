"""Installing requirements: limited by the startup timeout, and pip is killed when its result is no longer needed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from async_endpoint.emulator.clock import ScaledClock
from async_endpoint.emulator.container import deadline as deadline_module
from async_endpoint.emulator.container.container import ContainerSpec, Workload
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.python_environment import RequirementsFailed, python_for
from async_endpoint.emulator.hosting.context import HostingContext
from async_endpoint.emulator.hosting.instance import Instance, InstanceState
from support.common import process_runs, until
from support.containers import ECHO
from support.sample_model import archive

# A package whose build says which process it is, and never ends.
SETUP = "import os, time\nopen({pid_file!r}, 'w').write(str(os.getpid()) + '.')\ntime.sleep(600)\n"


class Endless:
    """Requirements that never finish installing: `text` is the file, `builder` the build process that pip started."""

    def __init__(self, folder: Path) -> None:
        package = folder / "endless"
        package.mkdir(parents=True)
        self._pid_file = folder / "pid"
        (package / "backend.py").write_text(SETUP.format(pid_file=str(self._pid_file)))
        (package / "pyproject.toml").write_text(
            "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        )
        self.text = f"{package}\n"

    def builder(self) -> int:
        until(lambda: self._pid_file.exists() and self._pid_file.read_text().endswith("."), "it builds")
        return int(self._pid_file.read_text().rstrip("."))


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Endless:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Endless(tmp_path)


class Started:
    """A single instance, and the condition that guards its state."""

    def __init__(self, folder: Path, requirements: str, startup_seconds: float) -> None:
        self._changed = threading.Condition()
        site = HostingContext(ScaledClock(600), folder, launch_seconds=0)
        workload = Workload((ContainerSpec(archive(ECHO, requirements), {}),))
        self.instance = Instance(site, lambda _: workload, startup_seconds, lambda *_: None, self._change)

    def until_state(self, state: InstanceState) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.instance.state is state, 60), self.instance.state

    def _change(self, do: Callable[[], None]) -> None:
        with self._changed:
            do()
            self._changed.notify_all()


def test_an_instance_fails_and_pip_is_killed_when_requirements_exceed_the_startup_timeout(
    tmp_path: Path, endless: Endless, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(deadline_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    started = Started(tmp_path / "site", endless.text, 600)
    builder = endless.builder()
    now[0] = 601.0
    started.until_state(InstanceState.FAILED)
    assert started.instance.reason == "code/requirements.txt could not be installed within 600 seconds"
    until(lambda: not process_runs(builder), "what pip started is gone")
    assert list((tmp_path / "site").iterdir()) == []


def test_stopping_an_instance_during_installation_kills_pip(tmp_path: Path, endless: Endless) -> None:
    started = Started(tmp_path / "site", endless.text, 600)
    builder = endless.builder()
    started.instance.stop()
    until(lambda: not process_runs(builder) and not list((tmp_path / "site").iterdir()), "nothing is left of it")
    assert (started.instance.state, started.instance.reason) == (InstanceState.STOPPED, "")


def test_waiting_for_a_concurrent_installation_counts_towards_the_deadline(tmp_path: Path, endless: Endless) -> None:
    requirements, stop = tmp_path / "requirements.txt", threading.Event()
    requirements.write_text(endless.text)
    failed: list[str] = []

    def install(deadline: Deadline) -> None:
        with pytest.raises(RequirementsFailed) as refused:
            python_for(requirements, deadline=deadline)
        failed.append(str(refused.value))

    first = threading.Thread(target=install, args=(Deadline(600, stop),))
    first.start()
    builder = endless.builder()
    install(Deadline(0.2))
    assert process_runs(builder)
    stop.set()
    first.join(60)
    assert failed == [
        "code/requirements.txt could not be installed within 0.2 seconds",
        "code/requirements.txt could not be installed before it was stopped",
    ]
    until(lambda: not process_runs(builder), "what pip started is gone")


def test_pip_exits_when_the_local_aws_is_killed(tmp_path: Path, endless: Endless) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(endless.text)
    installs = (
        "import sys\nfrom pathlib import Path\nfrom async_endpoint.emulator.container.python_environment import python_for\n"
        "python_for(Path(sys.argv[1]))\n"
    )
    local_aws = subprocess.Popen([sys.executable, "-c", installs, str(requirements)])
    builder = endless.builder()
    group = os.getpgid(builder)
    local_aws.kill()
    local_aws.wait()
    until(lambda: not process_runs(builder) and not process_runs(group), "pip and what it started are gone")

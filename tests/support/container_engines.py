"""Docker and Podman on this machine: which of them work, and engines started for a test run alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("docker", "podman")
ANSWER_SECONDS = 30
START_SECONDS = 30


def failure(program: str, environment: dict[str, str]) -> str:
    """Why an engine cannot be used; empty when it runs containers."""
    if shutil.which(program) is None:
        return "not installed"
    try:
        done = subprocess.run(
            [program, "info"], env=environment, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    # Docker's client ends with 0 where its daemon does not answer, and says so in a line of the output.
    said = [line for line in f"{done.stdout}\n{done.stderr}".splitlines() if "annot connect" in line or "rror:" in line]
    return (said or [f"exit code {done.returncode}"])[-1].strip() if done.returncode or said else ""


def can_be_started(program: str) -> bool:
    """Whether an engine can be started here: installed, its daemon too, and this process is root's."""
    needed = ("docker", "dockerd") if program == "docker" else (program,)
    return os.geteuid() == 0 and all(shutil.which(name) for name in needed)


@contextmanager
def started(program: str, folder: Path) -> Iterator[dict[str, str]]:
    """Start an engine as root with all its data in `folder`; yields the environment that leads its program there.

    Podman has no daemon: its configuration alone is set. With these options both work in a virtual machine or a container
    without systemd too: Docker does not change the firewall, and Podman sets no limits that only a full root may raise.
    """
    with (_docker if program == "docker" else _podman)(folder) as settings:
        yield os.environ | settings


@contextmanager
def _podman(folder: Path) -> Iterator[dict[str, str]]:
    settings, storage = folder / "containers.conf", folder / "storage.conf"
    runtime = 'runtime = "runc"\n' if shutil.which("runc") else ""
    settings.write_text(
        f'[containers]\ndefault_ulimits = []\n\n[engine]\n{runtime}\n[network]\nnetwork_config_dir = "{folder}"\n'
    )
    storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/data"\nrunroot = "{folder}/run"\n')
    environment = {"CONTAINERS_CONF": str(settings), "CONTAINERS_STORAGE_CONF": str(storage)}
    yield environment
    subprocess.run(["podman", "system", "reset", "--force"], env=os.environ | environment, capture_output=True, check=False)


@contextmanager
def _docker(folder: Path) -> Iterator[dict[str, str]]:
    socket = f"unix://{folder}/docker.sock"
    paths = ["--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid", "--host", socket]
    with (folder / "dockerd.log").open("w") as output:
        daemon = subprocess.Popen(
            ["dockerd", *paths, "--iptables=false", "--ip6tables=false", "--bridge=none"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    settings = {"DOCKER_HOST": socket}
    deadline = time.monotonic() + START_SECONDS
    while daemon.poll() is None and failure("docker", os.environ | settings) and time.monotonic() < deadline:
        time.sleep(0.2)
    try:
        yield settings
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait()

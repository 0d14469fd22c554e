"""Containers of Docker or Podman that run the model's own image. `make engines` tests both.

The image runs as the guide's page on inference code with hosting services says: command `serve`, the model under /opt/ml/model,
port 8080, the environment of CreateModel. Everything goes through the engine's command line, with options common to both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from async_endpoint.emulator.container import supervisor
from async_endpoint.emulator.container.child_process import ChildProcess
from async_endpoint.emulator.container.container import (
    PORT,
    CannotStart,
    ContainerDied,
    ContainerResponse,
    ContainerSpec,
    ExitCode,
)
from async_endpoint.emulator.container.engine_network import Network, connect, isolated_network, run_options
from async_endpoint.emulator.container.http_client import ContainerClient
from async_endpoint.emulator.container.payload import Body

LABEL = "async-endpoint.local-aws"
PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"})
# Exit codes of `run`: an error of the engine, a command that cannot be executed, a command that was not found. Both engines.
NOT_STARTED = (125, 126, 127)
# SageMaker states no range (A230); images of AWS parse it as FIRST-LAST (sagemaker-tensorflow-serving-container, serve.py).
SAFE_PORTS = "9000-9999"


class ContainerEngine:
    """An engine's command-line program, and the label for the containers of one checkout's local AWS."""

    def __init__(self, program: str, label: str) -> None:
        self.program = program
        self.label = label

    @property
    def podman(self) -> bool:
        return supervisor.is_podman(self.program)

    @cached_property
    def isolated_network(self) -> Network:
        """The network of a container whose model has network isolation; BRIDGE where the engine cannot isolate it."""
        return isolated_network(self)

    def image_labels(self, image: str) -> Mapping[str, str]:
        """The labels of an image on this machine; raises CannotStart with the remedy when it is not there."""
        return json.loads(self._inspect_image(image, "{{json .Config.Labels}}")) or {}

    def image_architecture(self, image: str) -> str:
        """The processors an image is for: amd64, arm64, …; raises CannotStart like `image_labels`."""
        return self._inspect_image(image, "{{.Architecture}}").strip()

    def _inspect_image(self, image: str, template: str) -> str:
        try:
            return self.query("image", "inspect", "--format", template, image)
        except CannotStart as error:
            raise CannotStart(
                f"The image {image} is not on this machine ({error}); get it with: {self.program} pull {image}, "
                f"or build it with: {self.program} build --tag {image} FOLDER"
            ) from error

    def query(self, *arguments: str) -> str:
        """Run a command and return its output; raises CannotStart with the error message it printed."""
        try:
            done = subprocess.run(
                [self.program, *arguments],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=supervisor.ANSWER_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotStart(f"{self.program} does not answer: {error}") from error
        if done.returncode:
            said = error_of(done.stderr.splitlines()) or f"exit code {done.returncode}"
            raise CannotStart(f"{self.program} {arguments[0]}: {said}")
        return done.stdout


def engine_environment(program: str) -> dict[str, str]:
    """The user's environment, with which the program finds its engine; without proxies for Podman, which would inject them."""
    podman = "podman" in Path(program).name
    return {name: value for name, value in os.environ.items() if not (podman and name.lower() in PROXIES)}


def _variables(given: Mapping[str, str], file: Path) -> list[str]:
    """Options that pass environment variables in `file`, readable by its owner only: command lines are visible to all users.

    A value with a line break is passed on the command line, because an env file cannot hold it.
    """
    held = {name: value for name, value in given.items() if "\n" not in value}
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as text:
        text.writelines(f"{name}={value}\n" for name, value in held.items())
    rest = [word for name, value in given.items() if name not in held for word in ("--env", f"{name}={value}")]
    return ["--env-file", str(file), *rest]


def error_of(lines: list[str]) -> str:
    """An engine's error message in what it printed, or the last line: Docker adds a hint at its help after the message."""
    printed = [line.strip() for line in lines if line.strip()]
    marked = [line for line in printed if line.startswith(("Error", "docker: ", "permission denied", "Cannot connect"))]
    return (marked or printed or [""])[-1]


def make_readable(folder: Path) -> None:
    """Let every user read the mounted model, as far as its archive does: an image may run as a user other than root.

    Folders of an archive are created under the umask; its files have the modes of the archive.
    """
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())):
        path.chmod(0o755)


class EngineContainer(ChildProcess):
    """One container of an engine, with its supervisor process. `mount` is a host folder and its read-only path inside."""

    def __init__(
        self,
        engine: ContainerEngine,
        folder: Path,
        spec: ContainerSpec,
        mount: tuple[Path, str],
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
    ) -> None:
        engine.image_labels(spec.image)
        self._engine = engine
        self._name = f"async-endpoint-{uuid.uuid4().hex[:12]}"
        self._port = spec.port
        self._http: ContainerClient | None = None
        self._network = engine.isolated_network if spec.isolated else Network.BRIDGE
        if spec.isolated and self._network is Network.BRIDGE:
            on_output(f"local AWS: {engine.program} cannot isolate this container here; it has a network.")
        label = f"{LABEL}={engine.label}"
        run = ["run", "--name", self._name, "--pull", "never", "--label", label]
        run += run_options(self._network, self._name, self._port)
        run += ["--volume", f"{mount[0]}:{mount[1]}:ro,z"]
        run += ["--hostname", spec.hostname] if spec.hostname else []
        run += _variables(_environment(spec), folder / "environment")
        arguments = [engine.program, self._name, label, self._network, *run, spec.image, "serve"]
        printed = _Printed(on_output, on_exit)
        # The supervisor removes the container when its standard input closes.
        super().__init__(
            [sys.executable, supervisor.__file__, *arguments],
            folder,
            printed.line,
            printed.exited,
            env=engine_environment(engine.program),
        )

    def ping(self, timeout: float = 2.0) -> bool:
        if self._http is None:
            self._http = connect(self._engine, self._network, self._name, self._port)
        return self._http is not None and self._http.ping(timeout)

    def request(self, method: str, path: str, body: Body, headers: Mapping[str, str], timeout: float) -> ContainerResponse:
        """One request to any route of the container; raises ContainerTimedOut or ContainerDied."""
        if self._http is None:
            raise ContainerDied("the container has no port yet")
        try:
            return self._http.request(method, path, body, headers, timeout)
        except ContainerDied as death:
            raise self.explain(death) from death.__cause__

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        return self.request("POST", "/invocations", body, headers, timeout)

    def kill(self) -> None:
        self.close_stdin()

    def on_ended(self) -> None:
        supervisor.remove(self._engine.program, self._name)  # in case the supervisor was killed
        if self._http is not None:
            self._http.close()


class _Printed:
    """Passes output and exit on, and adds the engine's error message to the exit code of a container that was not started."""

    def __init__(self, on_output: Callable[[str], None], on_exit: Callable[[int], None]) -> None:
        self._on_output = on_output
        self._on_exit = on_exit
        self._last = deque[str](maxlen=20)

    def line(self, line: str) -> None:
        self._last.append(line)
        self._on_output(line)

    def exited(self, code: int) -> None:
        self._on_exit(ExitCode(code, error_of(list(self._last)) if code in NOT_STARTED else ""))


def _environment(spec: ContainerSpec) -> dict[str, str]:
    """The variables of CreateModel; in a pipeline the port to listen on too (developer guide, multi-container endpoints)."""
    if spec.port == PORT:
        return dict(spec.environment)
    return {**spec.environment, "SAGEMAKER_BIND_TO_PORT": str(spec.port), "SAGEMAKER_SAFE_PORT_RANGE": SAFE_PORTS}

"""Containers of Docker or Podman that run the model's own image. Tested with Docker 20.10 and Podman 4.3.

The image runs as the guide's page on inference code with hosting services says: command `serve`, the model under /opt/ml/model,
port 8080, the environment of CreateModel. Everything goes through the engine's command line, with options common to both.

The image answers any client of its port, and engines publish ports on IP addresses only. So the port is published on a random
address and port of the loopback network: a web page would have to guess among 2^39. Another user of this machine can list the
listening sockets and call it; docs/local-aws.md documents that.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from async_endpoint.emulator.container import supervisor
from async_endpoint.emulator.container.child_process import ChildProcess
from async_endpoint.emulator.container.container import CannotStart, ContainerDied, ContainerResponse, ContainerSpec
from async_endpoint.emulator.container.http_client import TcpContainerClient
from async_endpoint.emulator.container.payload import Body

LABEL = "async-endpoint.local-aws"
PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"})
PORT = 8080
PORTS = range(20_000, 60_000)  # the range of published ports
ANSWER_SECONDS = 30.0  # for one command of the engine


class ContainerEngine:
    """An engine's command-line program, and the label for the containers of one checkout's local AWS."""

    def __init__(self, program: str, label: str) -> None:
        self.program = program
        self.label = label

    def query(self, *arguments: str) -> str:
        """Run a command and return its output; raises CannotStart with the last line of its error output."""
        try:
            done = subprocess.run(
                [self.program, *arguments],
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=ANSWER_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotStart(f"{self.program} does not answer: {error}") from error
        if done.returncode:
            said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise CannotStart(f"{self.program} {arguments[0]}: {said}")
        return done.stdout


def loopback_address() -> str:
    """A random address and port for `--publish`, without the container's port.

    One of 2^24 addresses and about 2^15 ports; engines themselves assign ports in sequence. macOS has one loopback address,
    and the port is left to the engine.
    """
    if sys.platform != "linux":
        return "127.0.0.1:"
    address = f"127.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    return f"{address}:{secrets.choice(PORTS)}"


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
        try:
            engine.query("image", "inspect", spec.image)
        except CannotStart as error:
            raise CannotStart(
                f"The image {spec.image} is not on this machine ({error}); get it with: {engine.program} pull {spec.image}"
            ) from error
        self._engine = engine
        self._name = f"async-endpoint-{uuid.uuid4().hex[:12]}"
        self._http: TcpContainerClient | None = None
        label = f"{LABEL}={engine.label}"
        run = ["run", "--name", self._name, "--pull", "never", "--label", label, "--network", self._name]
        run += ["--publish", f"{loopback_address()}:{PORT}", "--volume", f"{mount[0]}:{mount[1]}:ro,z"]
        run += ["--hostname", spec.hostname] if spec.hostname else []
        run += _variables(spec.environment, folder / "environment")
        command = [sys.executable, supervisor.__file__, engine.program, self._name, label, *run, spec.image, "serve"]
        # The supervisor removes the container when its standard input closes.
        super().__init__(command, folder, on_output, on_exit, env=engine_environment(engine.program))

    def ping(self, timeout: float = 2.0) -> bool:
        if self._http is None:
            try:
                published = self._engine.query("port", self._name, f"{PORT}/tcp").split()
            except CannotStart:  # not running yet
                return False
            if not published:
                return False
            host, _, port = published[0].rpartition(":")
            self._http = TcpContainerClient(int(port), host)
        return self._http.ping(timeout)

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

"""The second runtime: the model's own image in a container of Docker or Podman. Tried with Docker 20.10 and Podman 4.3.

The image runs as the guide's page on inference code with hosting services says: command `serve`, the model under /opt/ml/model,
port 8080, the environment of CreateModel. Everything goes through the engine's program, in the words both engines understand.

The image answers any client of its port, and no engine publishes to anything but addresses. So the port is published at an
address and a port of the loopback network that are drawn at random: a web page would have to try 2^39 of them, and learns of
none. Another user of this machine can see what listens, and then call it; docs/local-aws.md says so.
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
from async_endpoint.emulator.container.container import CannotStart, ContainerDied, ContainerResponse
from async_endpoint.emulator.container.http_client import TcpContainerClient
from async_endpoint.emulator.container.spec import ContainerSpec

LABEL = "async-endpoint.local-aws"
PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"})
PORT = 8080
PORTS = range(20_000, 60_000)  # on this machine
ANSWER_SECONDS = 30.0  # for the engine to answer a question


class ContainerEngine:
    """The program of an engine, and the label on the containers of one checkout's local AWS."""

    def __init__(self, program: str, label: str) -> None:
        self.program = program
        self.label = label

    def ask(self, *arguments: str) -> str:
        """What the engine answers; raises CannotStart with its last words when it refuses."""
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
    """Where a container is published, as `--publish` wants it before the container's port; see above.

    One of 2^24 addresses and some 2^15 ports, for engines give out ports in order. macOS has one address, of which the port is
    left to the engine.
    """
    if sys.platform != "linux":
        return "127.0.0.1:"
    address = f"127.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
    return f"{address}:{secrets.choice(PORTS)}"


def engine_environment(program: str) -> dict[str, str]:
    """The user's own, by which an engine's program finds its engine; without proxies for Podman, which would pass them on."""
    podman = "podman" in Path(program).name
    return {name: value for name, value in os.environ.items() if not (podman and name.lower() in PROXIES)}


def _variables(given: Mapping[str, str], file: Path) -> list[str]:
    """Options that give a container variables: in `file`, which its owner alone reads; everyone sees a command line.

    A value with a line break is on the command line all the same, for such a file cannot hold it.
    """
    held = {name: value for name, value in given.items() if "\n" not in value}
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as text:
        text.writelines(f"{name}={value}\n" for name, value in held.items())
    rest = [word for name, value in given.items() if name not in held for word in ("--env", f"{name}={value}")]
    return ["--env-file", str(file), *rest]


class EngineContainer(ChildProcess):
    """One container of an engine, and the process that keeps it. `mount` is the folder it sees as `seen`, read-only."""

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
            engine.ask("image", "inspect", spec.image)
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
                published = self._engine.ask("port", self._name, f"{PORT}/tcp").split()
            except CannotStart:  # not running yet
                return False
            if not published:
                return False
            host, _, port = published[0].rpartition(":")
            self._http = TcpContainerClient(int(port), host)
        return self._http.ping(timeout)

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> ContainerResponse:
        """One request to any route of the container; raises ContainerTimedOut or ContainerDied."""
        if self._http is None:
            raise ContainerDied("the container has no port yet")
        return self._http.request(method, path, body, headers, timeout)

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        return self.request("POST", "/invocations", body, headers, timeout)

    def kill(self) -> None:
        self.let_go()

    def ended(self) -> None:
        supervisor.remove(self._engine.program, self._name)  # in case the supervisor was killed
        if self._http is not None:
            self._http.close()

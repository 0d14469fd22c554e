"""One container as a process of its own on a loopback port, spoken to only through `/ping` and `/invocations`."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from async_endpoint.local.container import environment, serve
from async_endpoint.local.container.allowance import Allowance
from async_endpoint.local.container.archive import unpack
from async_endpoint.local.container.connections import ContainerPort
from async_endpoint.local.container.container import ContainerResponse
from async_endpoint.local.container.output import follow
from async_endpoint.local.container.spec import ContainerSpec

OPT_ML = "/opt/ml"  # where a real container finds its model
LAST_OUTPUT_SECONDS = 2.0  # for what a dead container printed; whatever it started outside its session may hold on longer


class ContainerProcess:
    """A running container. `folder` becomes its /opt/ml; `on_output` is given each line it prints; `on_exit` its exit code."""

    def __init__(
        self,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        allowance: Allowance | None = None,
    ) -> None:
        """Unpack, install requirements within `allowance`, start. Raises ArchiveUnusable, RequirementsFailed or OSError."""
        self._folder = folder
        self._ended = threading.Event()
        unpack(spec.archive, folder / "model") if spec.archive is not None else (folder / "model").mkdir(parents=True)
        python = environment.python_for(folder / "model" / "code" / "requirements.txt", allowance=allowance)
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            self._port = ContainerPort(int(listener.getsockname()[1]))
            self._process = subprocess.Popen(
                [str(python), serve.__file__, str(listener.fileno())],
                pass_fds=[listener.fileno()],  # handed over, not found free and bound again: no other process can take the port
                env=self._environment(spec.environment),
                cwd=folder,
                stdin=subprocess.PIPE,  # closes when this process ends, however it ends; the container ends with it
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        printed = (self._process.stdout or (), on_output)
        follower = threading.Thread(target=follow, args=printed, name=f"output-{self.pid}", daemon=True)
        follower.start()
        threading.Thread(target=self._await_end, args=(follower, on_exit), name=f"end-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid,) if self.alive else ()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ping(self, timeout: float = 2.0) -> bool:
        return self._port.ping(timeout)

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """POST to `/invocations`; a process serves one model, whatever the target."""
        return self._port.request("POST", "/invocations", body, headers, timeout)

    def kill(self) -> None:
        if not self._ended.is_set():
            # Gone already, or on macOS a group of which only the unburied are left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Until the process is gone."""
        self._process.wait()

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        here = str(self._folder)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        own = {name: here + value[len(OPT_ML) :] if value.startswith(OPT_ML) else value for name, value in given.items()}
        return {**kept, "PYTHONUNBUFFERED": "1", **own, "SAGEMAKER_BASE_DIR": here}

    def _await_end(self, follower: threading.Thread, on_exit: Callable[[int], None]) -> None:
        code = self._process.wait()
        self.kill()  # what it started may live on, and hold its output open
        self._ended.set()
        self._port.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        follower.join(LAST_OUTPUT_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
        on_exit(code)

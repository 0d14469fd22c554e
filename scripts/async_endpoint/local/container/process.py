"""One container as a process of its own on a loopback port, spoken to only through `/ping` and `/invocations`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from async_endpoint.local.container import environment, serve
from async_endpoint.local.container.allowance import Allowance
from async_endpoint.local.container.archive import lay_out
from async_endpoint.local.container.attached import Attached
from async_endpoint.local.container.connections import ContainerPort
from async_endpoint.local.container.container import ContainerResponse
from async_endpoint.local.container.spec import ContainerSpec

OPT_ML = "/opt/ml"  # where a real container finds its model


class ContainerProcess(Attached):
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
        self._ended = threading.Event()
        lay_out(spec, folder / "model")
        requirements = folder / "model" / "code" / "requirements.txt"
        python = environment.python_for(requirements, allowance=allowance, isolated=spec.isolated)
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            self._port = ContainerPort(int(listener.getsockname()[1]))
            super().__init__(
                [python, serve.__file__, str(listener.fileno())],
                folder,
                on_output,
                on_exit,
                pass_fds=[listener.fileno()],  # handed over, not found free and bound again: no other process can take the port
                env=_environment(spec.environment, folder),
                cwd=folder,
            )

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

    def ended(self) -> None:
        self.kill()  # what it started may live on, and hold its output open
        self._ended.set()
        self._port.close()


def _environment(given: Mapping[str, str], folder: Path) -> dict[str, str]:
    here = str(folder)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    own = {name: here + value[len(OPT_ML) :] if value.startswith(OPT_ML) else value for name, value in given.items()}
    return {**kept, "PYTHONUNBUFFERED": "1", **own, "SAGEMAKER_BASE_DIR": here}

"""One container as a process of its own, spoken to only through `/ping` and `/invocations`, and by this process alone."""

from __future__ import annotations

import contextlib
import os
import signal
import site
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from async_endpoint.emulator.container import model_server, python_environment
from async_endpoint.emulator.container.archive import lay_out
from async_endpoint.emulator.container.channel import Channel
from async_endpoint.emulator.container.child_process import ChildProcess
from async_endpoint.emulator.container.container import ContainerResponse
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.http_client import ContainerClient
from async_endpoint.emulator.container.spec import ContainerSpec

OPT_ML = "/opt/ml"  # where a real container finds its model
ORDER_SECONDS = 10.0  # to pass on the order: it fits into the socket's buffer, so this is never waited for


class ContainerProcess(ChildProcess):
    """A running container. `folder` becomes its /opt/ml; `on_output` is given each line it prints; `on_exit` its exit code."""

    def __init__(
        self,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        deadline: Deadline | None = None,
    ) -> None:
        """Unpack, install requirements within `allowance`, start. Raises ArchiveUnusable, RequirementsFailed or OSError."""
        self._ended = threading.Event()
        lay_out(spec, folder / "model")
        requirements = folder / "model" / "code" / "requirements.txt"
        python = python_environment.python_for(requirements, deadline=deadline, isolated=spec.isolated)
        self._channel = Channel()
        self._http = ContainerClient(self._channel.connect)
        inherited = self._channel.remote.fileno()
        try:
            super().__init__(
                # Isolated: no variable, folder or file of anyone's changes what this interpreter does before the handler runs.
                [python, "-I", "-u", model_server.__file__, str(inherited)],
                folder,
                on_output,
                on_exit,
                pass_fds=[inherited],
                env=python_environment.for_container(folder),
                cwd=folder,
            )
        except BaseException:
            self._channel.close()
            raise
        self._channel.remote.close()
        with contextlib.suppress(OSError):  # it ended at once, which is noticed elsewhere
            self._channel.order(_order(spec.environment, folder), ORDER_SECONDS)

    def ping(self, timeout: float = 2.0) -> bool:
        return self._http.ping(timeout)

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """POST to `/invocations`; a process serves one model, whatever the target."""
        return self._http.request("POST", "/invocations", body, headers, timeout)

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
        self._http.close()
        self._channel.close()


def _order(given: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """The startup message of model_server.py: the model's variables, which become the handler's environment, and search paths.

    The interpreter gets them as data, so that PYTHONWARNINGS or LD_PRELOAD has no effect before the handler runs.
    """
    here = str(folder)
    own = {name: here + value[len(OPT_ML) :] if value.startswith(OPT_ML) else value for name, value in given.items()}
    packages = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return {"environment": {**own, "SAGEMAKER_BASE_DIR": here}, "packages": packages}

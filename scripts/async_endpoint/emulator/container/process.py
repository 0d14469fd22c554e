"""A container as a Python process that runs the archive's code, reachable only through `/ping` and `/invocations`."""

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
from async_endpoint.emulator.container.archive import extract_model
from async_endpoint.emulator.container.channel import Channel
from async_endpoint.emulator.container.child_process import ChildProcess
from async_endpoint.emulator.container.container import ContainerResponse, ContainerSpec
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.http_client import ContainerClient

OPT_ML = "/opt/ml"  # the path in a real container
STARTUP_MESSAGE_SECONDS = 10.0  # the message fits into the socket's buffer, so this never takes long


class ContainerProcess(ChildProcess):
    """A running container. `folder` is its /opt/ml; `on_output` receives each line it prints, `on_exit` its exit code."""

    def __init__(
        self,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        deadline: Deadline | None = None,
    ) -> None:
        """Extract, install requirements within `deadline`, start. Raises ArchiveUnusable, RequirementsFailed or OSError."""
        self._ended = threading.Event()
        extract_model(spec, folder / "model")
        requirements = folder / "model" / "code" / "requirements.txt"
        python = python_environment.python_for(requirements, deadline=deadline, isolated=spec.isolated)
        self._channel = Channel()
        self._http = ContainerClient(self._channel.connect)
        inherited = self._channel.remote.fileno()
        try:
            super().__init__(
                # -I: no environment variable, user site or current folder affects the interpreter before the handler runs.
                [python, "-I", "-u", model_server.__file__, str(inherited)],
                folder,
                on_output,
                on_exit,
                pass_fds=[inherited],
                env=python_environment.container_environment(folder),
                cwd=folder,
            )
        except BaseException:
            self._channel.close()
            raise
        self._channel.remote.close()
        with contextlib.suppress(OSError):  # it ended at once, which on_exit reports
            self._channel.send_startup_message(_startup_message(spec.environment, folder), STARTUP_MESSAGE_SECONDS)

    def ping(self, timeout: float = 2.0) -> bool:
        return self._http.ping(timeout)

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """POST to `/invocations`; a process serves one model, whatever the target."""
        return self._http.request("POST", "/invocations", body, headers, timeout)

    def kill(self) -> None:
        if not self._ended.is_set():
            # Already ended, or on macOS a process group of zombies only.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until the process has ended."""
        self._process.wait()

    def on_ended(self) -> None:
        self.kill()  # descendants may still run, and hold the output pipe open
        self._ended.set()
        self._http.close()
        self._channel.close()


def _startup_message(given: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """The startup message of model_server.py: the model's variables, which become the handler's environment, and search paths.

    The interpreter gets them as data, so that PYTHONWARNINGS or LD_PRELOAD has no effect before the handler runs.
    """
    here = str(folder)
    own = {name: here + value[len(OPT_ML) :] if value.startswith(OPT_ML) else value for name, value in given.items()}
    packages = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return {"environment": {**own, "SAGEMAKER_BASE_DIR": here}, "packages": packages}

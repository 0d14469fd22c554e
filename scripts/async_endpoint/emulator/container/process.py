"""A container as a Python process that runs the archive's code, reachable only through `/ping` and `/invocations`."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from async_endpoint.emulator.container import handler_code, model_server, opt_ml, python_environment
from async_endpoint.emulator.container.archive import extract_model
from async_endpoint.emulator.container.channel import Channel
from async_endpoint.emulator.container.child_process import ChildProcess
from async_endpoint.emulator.container.container import ContainerDied, ContainerResponse, ContainerSpec
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.http_client import ContainerClient
from async_endpoint.emulator.container.payload import Body
from async_endpoint.emulator.container.server_settings import ServerSettings

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
        """Extract, install requirements within `deadline`, start. Raises CannotStart or OSError."""
        self._ended = threading.Event()
        settings = ServerSettings.read(spec.image, spec.environment)
        extract_model(spec, folder / "model")
        code = handler_code.prepare(spec, folder)
        layers = python_environment.python_for(code.requirements, deadline=deadline, image=spec.image, isolated=spec.isolated)
        python = python_environment.layer(folder / "python", layers)
        message = _startup_message(spec, folder, code.search_path, settings)
        if not message["private_opt_ml"]:
            for line in handler_code.warnings(folder / "model"):
                on_output(line)
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
            self._channel.send_startup_message(message, STARTUP_MESSAGE_SECONDS)

    def ping(self, timeout: float = 2.0) -> bool:
        return self._http.ping(timeout)

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """POST to `/invocations`; a process serves one model, whatever the target."""
        try:
            return self._http.request("POST", "/invocations", body, headers, timeout)
        except ContainerDied as death:
            raise self.explain(death) from death.__cause__

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


def _startup_message(spec: ContainerSpec, folder: Path, search_path: list[str], settings: ServerSettings) -> dict[str, Any]:
    """The startup message of model_server.py: the model's variables, which become the handler's environment, and its settings.

    The interpreter gets them as data, so that PYTHONWARNINGS or LD_PRELOAD has no effect before the handler runs.
    """
    private = opt_ml.is_available(folder)
    return {
        "environment": handler_code.variables(spec, None if private else folder),
        "folder": str(folder.resolve()),
        "private_opt_ml": private,
        "private_tmp": opt_ml.TMP_FOLDER if python_environment.has_private_tmp(folder) else "",
        "code": search_path,
        "settings": asdict(settings),
        "missing_module_hint": handler_code.missing_module_hint(spec.image),
    }

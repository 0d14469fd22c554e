"""What runs a container: a process of this machine's Python, or an image through a container engine."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from async_endpoint.core.errors import ToolMissing
from async_endpoint.emulator.container import supervisor
from async_endpoint.emulator.container.archive import lay_out
from async_endpoint.emulator.container.container import CannotStart, Container
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.engine import LABEL, ContainerEngine, EngineContainer
from async_endpoint.emulator.container.engine_model_host import EngineModelHost
from async_endpoint.emulator.container.multi_model import MultiModel
from async_endpoint.emulator.container.process import ContainerProcess
from async_endpoint.emulator.container.python_model_host import PythonModelHost
from async_endpoint.emulator.container.spec import ContainerSpec


class ContainerRuntime(Protocol):
    """Starts single containers; `launch` makes pipelines of them."""

    def start(
        self,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        deadline: Deadline | None = None,
    ) -> Container:
        """Start one container. `folder` is its own and removed with it. Raises CannotStart or OSError, then nothing runs.

        `allowance` is what installing requirements may take; an image brings its own.
        """

    def sweep(self) -> None:
        """Remove what a local AWS of this checkout that was killed has left behind."""


class PythonRuntime:
    """The archive's code in a process each; what they leave behind is files only."""

    def start(
        self,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        deadline: Deadline | None = None,
    ) -> Container:
        if spec.models is not None:
            return MultiModel(PythonModelHost(folder, spec, on_output, on_exit), spec)
        return ContainerProcess(folder, spec, on_output, on_exit, deadline)

    def sweep(self) -> None:
        """Nothing: these processes end with whoever started them."""


class EngineRuntime:
    """The model's own image in containers of Docker or Podman."""

    def __init__(self, program: str, folder: Path) -> None:
        """`folder` is the local AWS's own: it tells these containers from those of another checkout's local AWS.

        Raises ToolMissing when there is no such program, or when the engine behind it does not answer.
        """
        if shutil.which(program) is None:
            raise ToolMissing(f"There is no {program} on the PATH; install it, or start with --containers python.")
        self._engine = ContainerEngine(program, hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12])
        self._left_over()

    def start(
        self,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        deadline: Deadline | None = None,
    ) -> Container:
        if spec.models is not None:
            return MultiModel(EngineModelHost(self._engine, folder, spec, on_output, on_exit), spec)
        model = folder / "model"
        lay_out(spec, model)
        return EngineContainer(self._engine, folder, spec, (model, "/opt/ml/model"), on_output, on_exit)

    def sweep(self) -> None:
        for container in self._left_over():
            supervisor.remove(self._engine.program, container)
        for network in self._engine.ask("network", "ls", "--quiet", "--filter", f"label={LABEL}={self._engine.label}").split():
            supervisor.remove(self._engine.program, network)

    def _left_over(self) -> list[str]:
        try:
            return self._engine.ask("ps", "--all", "--quiet", "--filter", f"label={LABEL}={self._engine.label}").split()
        except CannotStart as error:
            raise ToolMissing(
                f"{self._engine.program} is installed and does not work ({error}); start its engine, or start the local AWS "
                "with --containers python."
            ) from error


def runtime_named(name: str, folder: Path) -> ContainerRuntime:
    """The runtime for `--containers`: python, docker or podman. Raises ToolMissing."""
    return PythonRuntime() if name == "python" else EngineRuntime(name, folder)

"""Container runtimes: Python processes, or images on Docker or Podman; and the launch of an instance's containers."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from async_endpoint.core import hosting_rules
from async_endpoint.core.errors import ToolMissing
from async_endpoint.emulator.container import supervisor
from async_endpoint.emulator.container.archive import extract_model
from async_endpoint.emulator.container.container import PORT, CannotStart, Container, ContainerSpec, OutputLine, Workload
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.engine import LABEL, ContainerEngine, EngineContainer, make_readable
from async_endpoint.emulator.container.engine_model_host import EngineModelHost
from async_endpoint.emulator.container.multi_model import MultiModel
from async_endpoint.emulator.container.pipeline import ContainerGroup
from async_endpoint.emulator.container.process import ContainerProcess
from async_endpoint.emulator.container.python_model_host import PythonModelHost


class ContainerRuntime(Protocol):
    """Starts single containers; `launch` composes pipelines."""

    def start(
        self,
        folder: Path,
        spec: ContainerSpec,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        deadline: Deadline | None = None,
    ) -> Container:
        """Start one container in `folder`, which is removed with it. Raises CannotStart or OSError, leaving nothing running.

        `deadline` limits the installation of requirements; images contain theirs.
        """

    def check(self, spec: ContainerSpec, instance_type: str) -> None:
        """Raise CannotStart, with the remedy, for a container that cannot run here, or not on instances of this type."""

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        """The labels of an image; None if images are not run. Raises CannotStart when it is not on this machine."""

    def remove_leftovers(self) -> None:
        """Remove containers left over from a killed local AWS of this checkout."""


class PythonRuntime:
    """Runs the archive's code in a process per container."""

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

    def check(self, spec: ContainerSpec, instance_type: str) -> None:
        """An image alone is not run: there must be code."""
        if spec.archive is None and not spec.files and spec.models is None and spec.source is None:
            raise CannotStart(
                f"The image {spec.image} has no model data, and the local AWS runs the code of a model archive, not images. "
                "Give ModelDataUrl an archive with code/inference.py, or start the local AWS with --containers docker."
            )

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        return None

    def remove_leftovers(self) -> None:
        """Nothing to do: the processes exit with their parent."""


class EngineRuntime:
    """Runs the model's image on Docker or Podman."""

    def __init__(self, program: str, folder: Path) -> None:
        """`folder` identifies this checkout's local AWS: its containers are labelled with a digest of the path.

        Raises ToolMissing when the program is not installed or its engine does not answer.
        """
        if shutil.which(program) is None:
            raise ToolMissing(f"{program} is not on the PATH; install it, or start with --containers python.")
        self._engine = ContainerEngine(program, hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12])
        self._leftover_containers()

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
        extract_model(spec, model)
        make_readable(model)
        return EngineContainer(self._engine, folder, spec, (model, "/opt/ml/model"), on_output, on_exit)

    def check(self, spec: ContainerSpec, instance_type: str) -> None:
        """An image for the processors of the instance type can be run."""
        found, wanted = self._engine.image_architecture(spec.image), hosting_rules.architecture(instance_type)
        if found not in ("", wanted):
            raise CannotStart(
                f"The image {spec.image} is for {found}, and {instance_type or 'serverless inference'} has {wanted}; build it "
                f"with: {self._engine.program} build --platform linux/{wanted} --tag {spec.image} FOLDER"
            )

    def image_labels(self, image: str) -> Mapping[str, str] | None:
        return self._engine.image_labels(image)

    def remove_leftovers(self) -> None:
        for container in self._leftover_containers():
            supervisor.remove(self._engine.program, container)
        for network in self._engine.query(
            "network", "ls", "--quiet", "--filter", f"label={LABEL}={self._engine.label}"
        ).split():
            supervisor.remove(self._engine.program, network)

    def _leftover_containers(self) -> list[str]:
        try:
            return self._engine.query("ps", "--all", "--quiet", "--filter", f"label={LABEL}={self._engine.label}").split()
        except CannotStart as error:
            denied = "permission denied" in str(error).lower()
            remedy = "give your user access to it (of Docker: its group docker)" if denied else "start its engine"
            raise ToolMissing(
                f"{self._engine.program} is installed but does not work ({error}); {remedy}, or start the local AWS "
                "with --containers python."
            ) from error


def runtime_named(name: str, folder: Path) -> ContainerRuntime:
    """The runtime for `--containers`: python, docker, podman, or auto for the engine that works. Raises ToolMissing."""
    if name == "auto":
        return _working_engine(folder)
    return PythonRuntime() if name == "python" else EngineRuntime(name, folder)


def _working_engine(folder: Path) -> EngineRuntime:
    """Docker, or else Podman; raises ToolMissing with what is wrong with each."""
    reasons = []
    for program in ("docker", "podman"):
        try:
            return EngineRuntime(program, folder)
        except ToolMissing as error:
            reasons.append(str(error).partition(";")[0])
    raise ToolMissing(f"No container engine works: {', and '.join(reasons)}; start one, or start with --containers python.")


__all__ = ["ContainerRuntime", "PythonRuntime", "launch"]


def launch(
    folder: Path,
    workload: Workload,
    on_output: Callable[[str], None],
    on_exit: Callable[[int], None],
    runtime: ContainerRuntime,
    deadline: Deadline | None = None,
) -> Container:
    """Start all containers of an instance. Raises CannotStart or OSError, leaving nothing running.

    Creates `folder`; after the exit of all containers it is removed and `on_exit` called with the exit code of the first.
    """

    def emit(name: str, line: str) -> None:
        on_output(OutputLine(line, name))

    try:
        if len(workload.containers) == 1 and not workload.direct:
            return runtime.start(folder, workload.containers[0], partial(emit, ""), on_exit, deadline)
        # Each listens on a port of its own, as containers that share a machine do; A230 of docs/assumptions.md.
        specs = [replace(spec, port=PORT + number) for number, spec in enumerate(workload.containers, 1)]
        named = zip(workload.names(), specs, strict=True)
        parts = {name: partial(_start, runtime, spec, deadline) for name, spec in named}
        return ContainerGroup(folder, parts, emit, on_exit, workload.direct)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _start(
    runtime: ContainerRuntime,
    spec: ContainerSpec,
    deadline: Deadline | None,
    folder: Path,
    on_output: Callable[[str], None],
    on_exit: Callable[[int], None],
) -> Container:
    return runtime.start(folder, spec, on_output, on_exit, deadline)

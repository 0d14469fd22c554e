"""Start all containers of an instance, whatever their number and their runtime."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from async_endpoint.emulator.container.container import Container, OutputLine
from async_endpoint.emulator.container.deadline import Deadline
from async_endpoint.emulator.container.pipeline import ContainerGroup
from async_endpoint.emulator.container.runtime import ContainerRuntime, PythonRuntime
from async_endpoint.emulator.container.spec import ContainerSpec, Workload

__all__ = ["ContainerRuntime", "PythonRuntime", "launch"]


def launch(
    folder: Path,
    workload: Workload,
    on_output: Callable[[str], None],
    on_exit: Callable[[int], None],
    runtime: ContainerRuntime,
    deadline: Deadline | None = None,
) -> Container:
    """Unpack, install requirements within `allowance`, start. Raises CannotStart or OSError, and then nothing is left running.

    `folder` is made, and removed once all is over; then `on_exit` is told the exit code of the container that ended first.
    """

    def tell(name: str, line: str) -> None:
        on_output(OutputLine(line, name))

    try:
        if len(workload.containers) == 1 and not workload.direct:
            return runtime.start(folder, workload.containers[0], partial(tell, ""), on_exit, deadline)
        specs = zip(workload.names(), workload.containers, strict=True)
        parts = {name: partial(_start, runtime, spec, deadline) for name, spec in specs}
        return ContainerGroup(folder, parts, tell, on_exit, workload.direct)
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

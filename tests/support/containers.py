"""Containers by themselves: what they print, how they end, and models to run in them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from async_endpoint.emulator.container.container import Container, ContainerSpec, OutputLine, Workload
from async_endpoint.emulator.container.runtime import ContainerRuntime, PythonRuntime, launch
from support.common import until
from support.sample_model import archive

ECHO = "def model_fn(d): print('loaded')\ndef transform_fn(model, data, content_type, accept): return data, accept\n"


class Watched:
    """The containers of an instance, with what they printed and how they ended."""

    def __init__(self, folder: Path, workload: Workload, runtime: ContainerRuntime | None = None) -> None:
        self.lines: list[OutputLine] = []
        self.ended = threading.Event()
        self.exit_codes: list[int] = []
        self.folder = folder
        self.container: Container = launch(folder, workload, self._print, self._end, runtime or PythonRuntime())

    def ready(self) -> Container:
        until(self.container.ping, "it answers /ping")
        return self.container

    def is_gone(self) -> bool:
        """Waits until it is, and says whether nothing is left."""
        assert self.ended.wait(60)
        return not self.folder.exists() and self.container.pids == () and len(self.exit_codes) == 1

    def _print(self, line: str) -> None:
        assert isinstance(line, OutputLine)
        self.lines.append(line)

    def _end(self, code: int) -> None:
        self.exit_codes.append(code)
        self.ended.set()


def single(code: str = ECHO, **environment: str) -> Workload:
    return Workload((ContainerSpec(archive(code), environment),))


def pipeline(*codes: str, direct: bool = False, hostnames: tuple[str, ...] = ()) -> Workload:
    names = hostnames or ("",) * len(codes)
    specs = (ContainerSpec(archive(code), {}, hostname=name) for code, name in zip(codes, names, strict=True))
    return Workload(tuple(specs), direct)


def multi_model(models: Callable[[str], bytes], **environment: str) -> Workload:
    return Workload((ContainerSpec(None, environment, models=models),))

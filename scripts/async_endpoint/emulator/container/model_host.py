"""Where the models of one multi-model container are loaded: what the two runtimes have to offer for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from async_endpoint.emulator.container.container import ContainerResponse

LOAD_SECONDS = 600.0  # for one model, in real seconds


class CannotLoad(Exception):
    """A model cannot be loaded: the status and text that its container answers with."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class LoadedModel(Protocol):
    """One model in memory."""

    @property
    def alive(self) -> bool: ...

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> ContainerResponse: ...

    def unload(self) -> None:
        """Returns once it is gone."""


class ModelHost(Protocol):
    """Where the models of one container are loaded."""

    @property
    def pids(self) -> tuple[int, ...]: ...

    @property
    def alive(self) -> bool: ...

    def ping(self, timeout: float) -> bool: ...

    def load(self, target: str, archive: bytes) -> LoadedModel:
        """Returns once it is loaded; raises CannotLoad, after LOAD_SECONDS at the latest."""

    def kill(self) -> None: ...

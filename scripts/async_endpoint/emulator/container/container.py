"""What hosting sees of an instance's containers, however many they are and whatever runs them.

Output reaches `on_output` line by line as `Line`, which is a string that knows the container it comes from: the streams of a
pipeline are `<variant>/<instance>/<container>`, as the guide's page on troubleshooting inference pipelines has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

PRIMARY = "primary"  # what SageMaker's errors call the container of a model that has one


class CannotStart(Exception):
    """The containers of an instance cannot be started; the text says why."""


class ContainerDied(Exception):
    """The connection broke before an answer: the container is gone."""


class ContainerTimedOut(Exception):
    """No answer within the time allowed."""


class OutputLine(str):
    """One line that a container printed; `container` names it where an instance has several, and is empty otherwise."""

    __slots__ = ("container",)
    container: str

    def __new__(cls, text: str, container: str = "") -> OutputLine:
        line = super().__new__(cls, text)
        line.container = container
        return line


@dataclass(frozen=True)
class ContainerResponse:
    """The answer of `container`; of a pipeline the last one's, or that of the first that answered 400 or more."""

    status: int
    content_type: str
    custom_attributes: str | None
    body: bytes
    container: str = PRIMARY


class Container(Protocol):
    """The running containers of one instance. They live and die together."""

    @property
    def pid(self) -> int | None:
        """The first of `pids`."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that run now: one a container, one a loaded model of a multi-model container."""

    @property
    def alive(self) -> bool: ...

    def ping(self, timeout: float = 2.0) -> bool:
        """Whether all answer `/ping` with 200 within `timeout` seconds each (SageMaker's own limit is 2)."""

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """Pass on one request. `target` is a container's hostname in Direct mode, a model's name in a multi-model container.

        Raises ContainerTimedOut after `timeout` seconds, of which there is one budget for all containers of a pipeline;
        ContainerDied on a broken connection; InvalidInput for a hostname that none has; and what reading a model raises.
        """

    def kill(self) -> None:
        """End all and whatever they started; their folder is removed, and `on_exit` called, once they are gone.

        Returns at once; may be called again.
        """

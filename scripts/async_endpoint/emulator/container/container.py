"""The interface between hosting and the containers of an instance: what to start, and how to call it.

Output reaches `on_output` as `OutputLine`, a string that carries the name of its container: the log streams of a pipeline are
`<variant>/<instance>/<container>` (developer guide, troubleshooting inference pipelines).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from async_endpoint.emulator.container.payload import Body, Payload

PRIMARY = "primary"  # the name of a single container in SageMaker's errors
PORT = 8080  # of a single container (developer guide, inference code with hosting services)


@dataclass(frozen=True)
class ContainerSpec:
    """One container of a model.

    `archive` is model.tar.gz; None if the model is `files`, by path, or there is no model data. `hostname` is
    the ContainerHostname, or empty. `models` makes it a multi-model container: it returns the archive of a TargetModel, and its
    exceptions propagate through `invoke`. An `isolated` container (network isolation) has no network, and pip downloads nothing
    for it. `source` is the sourcedir.tar.gz that its SAGEMAKER_SUBMIT_DIRECTORY names. `extraction_error` is AWS's message for
    an unusable archive. An image listens on `port`.
    """

    archive: Body | None
    environment: Mapping[str, str]
    image: str = ""
    hostname: str = ""
    models: Callable[[str], Body] | None = None
    files: Mapping[str, Body] = field(default_factory=dict)
    isolated: bool = False
    source: Body | None = None
    extraction_error: str = ""
    port: int = PORT


@dataclass(frozen=True)
class Workload:
    """All containers of one instance.

    `direct` is InferenceExecutionConfig's mode Direct: a request names a container. In mode Serial the output of each container
    is the input of the next.
    """

    containers: tuple[ContainerSpec, ...]
    direct: bool = False

    def names(self) -> tuple[str, ...]:
        """The names in errors and logs: the hostname, else container-1, container-2, …; a single container is `primary`.

        Source: developer guide, logs of inference pipelines; SageMaker's error messages.
        """
        if len(self.containers) == 1 and not self.direct:
            return ("primary",)
        return tuple(spec.hostname or f"container-{number}" for number, spec in enumerate(self.containers, 1))


class CannotStart(Exception):
    """The containers of an instance cannot be started; the text says why."""


class ContainerDied(Exception):
    """The connection broke before an answer: the container has died."""


class ContainerTimedOut(Exception):
    """No answer within the time allowed."""


class InvalidResponse(Exception):
    """SageMaker rejects the answer of a container, which keeps running; in the text `{container}` is its name."""

    def __init__(self, text: str, container: str = PRIMARY) -> None:
        super().__init__(text.replace("{container}", container))
        self.text = text
        self.container = container


class ExitCode(int):
    """The exit code of a container; `reason` is the engine's error message when the container could not be started."""

    reason: str

    def __new__(cls, code: int, reason: str = "") -> ExitCode:
        exit_code = super().__new__(cls, code)
        exit_code.reason = reason
        return exit_code


class OutputLine(str):
    """One line of container output; `container` is its name on an instance with several, otherwise empty."""

    __slots__ = ("container",)
    container: str

    def __new__(cls, text: str, container: str = "") -> OutputLine:
        line = super().__new__(cls, text)
        line.container = container
        return line


@dataclass(frozen=True)
class ContainerResponse:
    """The answer of `container`; in a pipeline the last container, or the first that answered 300 or more."""

    status: int
    content_type: str
    custom_attributes: str | None
    payload: Payload
    container: str = PRIMARY
    has_length: bool = True  # Content-Length, rather than chunks or the end of the connection

    @property
    def body(self) -> bytes:
        """The whole payload in memory."""
        return self.payload.read()


class Container(Protocol):
    """The running containers of one instance. They live and die together."""

    @property
    def pid(self) -> int | None:
        """The first of `pids`."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The running processes: one per container, in a multi-model container one per loaded model."""

    @property
    def alive(self) -> bool: ...

    def ping(self, timeout: float = 2.0) -> bool:
        """Whether all answer `/ping` with 200 within `timeout` seconds each (SageMaker's limit is 2)."""

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """Forward one request. `target` is a container's hostname in Direct mode, a model's name in a multi-model container.

        Raises ContainerTimedOut after `timeout` seconds, shared by all containers of a pipeline; ContainerDied on a broken
        connection; InvalidResponse; InvalidInput for an unknown hostname; and what reading a model raises.
        """

    def kill(self) -> None:
        """Kill all containers and their descendants; after their exit the folder is removed and `on_exit` called.

        Returns at once; idempotent.
        """

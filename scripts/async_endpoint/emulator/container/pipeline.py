"""Several containers on one instance: a serial inference pipeline, or direct invocation by container name."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.container.container import Container, ContainerResponse, ContainerTimedOut, InvalidResponse
from async_endpoint.emulator.container.payload import Body

# Starts one container in a folder of its own, with callbacks for output lines and the exit code.
Start = Callable[[Path, Callable[[str], None], Callable[[int], None]], Container]


class ContainerGroup:
    """Containers that end together, when the first one ends.

    `parts` starts them by name, in order; `on_output` receives the container's name and the line.
    """

    def __init__(
        self,
        folder: Path,
        parts: Mapping[str, Start],
        on_output: Callable[[str, str], None],
        on_exit: Callable[[int], None],
        direct: bool,
    ) -> None:
        """Raises what starting one raises, after killing those already started; `on_exit` is not called then."""
        self._folder = folder
        self._on_exit = on_exit
        self._direct = direct
        self._exit_codes: list[int] = []
        self._parts = tuple(parts)
        self._lock = threading.Lock()
        self._containers: dict[str, Container] = {}
        folder.mkdir(parents=True)
        for name, start in parts.items():
            try:
                self._containers[name] = start(folder / name, partial(on_output, name), self._ended)
            except BaseException:
                self.kill()
                raise
        if self._exit_codes:  # one ended before the last was started
            self.kill()

    @property
    def pid(self) -> int | None:
        return next(iter(self.pids), None)

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(pid for container in self._containers.values() for pid in container.pids)

    @property
    def alive(self) -> bool:
        return all(container.alive for container in self._containers.values())

    def ping(self, timeout: float = 2.0) -> bool:
        return all(container.ping(timeout) for container in self._containers.values())

    def invoke(self, body: Body, headers: Mapping[str, str], timeout: float, target: str = "") -> ContainerResponse:
        """In Direct mode invoke the container `target`; in Serial mode each in turn, until one answers 400 or more.

        The content type of a response becomes that of the next request; only the last container gets the Accept header.
        """
        if self._direct:
            if target not in self._containers:
                raise InvalidInput(f"No container is named {target!r}; name one of: {', '.join(self._containers)}.")
            return self._invoke_one(target, body, headers, timeout)
        deadline = time.monotonic() + timeout
        last = len(self._containers) - 1
        accept = {name: value for name, value in headers.items() if name.lower() == "accept"}
        content = {name: value for name, value in headers.items() if name not in accept}
        for number, name in enumerate(self._containers):
            left = deadline - time.monotonic()
            if left <= 0:
                raise ContainerTimedOut(f"no time is left of {timeout:g} seconds for {name}")
            given = {**content, **accept} if number == last else content
            answer = self._invoke_one(name, body, given, left, target)
            if answer.status >= 300:  # of a redirect, its page is not the next container's input
                break
            content = _with_content_type(content, answer.content_type)
            body = answer.payload
        return answer

    def _invoke_one(
        self, name: str, body: Body, headers: Mapping[str, str], timeout: float, target: str = ""
    ) -> ContainerResponse:
        try:
            return replace(self._containers[name].invoke(body, headers, timeout, target), container=name)
        except InvalidResponse as error:
            raise InvalidResponse(error.text, name) from error

    def kill(self) -> None:
        for container in list(self._containers.values()):
            container.kill()

    def _ended(self, code: int) -> None:
        with self._lock:
            self._exit_codes.append(code)
            over = len(self._exit_codes) == len(self._parts)
        self.kill()
        if over:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._on_exit(self._exit_codes[0])


def _with_content_type(headers: Mapping[str, str], content_type: str) -> dict[str, str]:
    others = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    return {**others, "Content-Type": content_type}

"""One container as a process of its own on a loopback port, spoken to only through `/ping` and `/invocations`."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from async_endpoint.local.container import environment, serve
from async_endpoint.local.container.archive import unpack

OPT_ML = "/opt/ml"  # where a real container finds its model
LAST_OUTPUT_SECONDS = 2.0  # for what a dead container printed; whatever it started outside its session may hold on longer


class ContainerDied(Exception):
    """The connection broke before an answer: the container is gone."""


class ContainerTimedOut(Exception):
    """No answer within the time allowed."""


@dataclass(frozen=True)
class ContainerSpec:
    """What CreateModel says of a container: the archive's bytes (None without model data) and its environment."""

    archive: bytes | None
    environment: Mapping[str, str]


@dataclass(frozen=True)
class ContainerResponse:
    status: int
    content_type: str
    custom_attributes: str | None
    body: bytes


class ContainerProcess:
    """A running container. `folder` becomes its /opt/ml; `on_output` is given each line it prints; `on_exit` its exit code."""

    def __init__(
        self, folder: Path, spec: ContainerSpec, on_output: Callable[[str], None], on_exit: Callable[[int], None]
    ) -> None:
        """Unpack, install requirements, start. Raises ArchiveUnusable or RequirementsFailed."""
        self._folder = folder
        self._ended = threading.Event()
        unpack(spec.archive, folder / "model") if spec.archive is not None else (folder / "model").mkdir(parents=True)
        python = environment.python_for(folder / "model" / "code" / "requirements.txt")
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            self.port = int(listener.getsockname()[1])
            self._process = subprocess.Popen(
                [str(python), serve.__file__, str(listener.fileno())],
                pass_fds=[listener.fileno()],  # handed over, not found free and bound again: no other process can take the port
                env=self._environment(spec.environment),
                cwd=folder,
                stdin=subprocess.PIPE,  # closes when this process ends, however it ends; the container ends with it
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        follower = threading.Thread(target=self._follow, args=(on_output,), name=f"output-{self.pid}", daemon=True)
        follower.start()
        threading.Thread(target=self._await_end, args=(follower, on_exit), name=f"end-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ping(self, timeout: float = 2.0) -> bool:
        """Whether `/ping` answers 200 within `timeout` seconds (SageMaker's own limit is 2)."""
        try:
            return self._request("GET", "/ping", b"", {}, timeout).status == 200
        except (ContainerDied, ContainerTimedOut):
            return False

    def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> ContainerResponse:
        """POST to `/invocations`; raises ContainerTimedOut after `timeout` seconds, ContainerDied on a broken connection."""
        return self._request("POST", "/invocations", body, headers, timeout)

    def kill(self) -> None:
        """End the container and whatever it started; its folder is removed once it is gone. Returns at once."""
        if not self._ended.is_set():
            # Gone already, or on macOS a group of which only the unburied are left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout: float) -> ContainerResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return ContainerResponse(
                answer.status,
                answer.headers.get("Content-Type", "application/octet-stream"),
                answer.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
                answer.read(),
            )
        except TimeoutError as error:
            raise ContainerTimedOut(str(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise ContainerDied(str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        here = str(self._folder)
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        own = {name: here + value[len(OPT_ML) :] if value.startswith(OPT_ML) else value for name, value in given.items()}
        return {**kept, "PYTHONUNBUFFERED": "1", **own, "SAGEMAKER_BASE_DIR": here}

    def _follow(self, on_output: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            on_output(line.decode(errors="replace").rstrip())

    def _await_end(self, follower: threading.Thread, on_exit: Callable[[int], None]) -> None:
        code = self._process.wait()
        self.kill()  # what it started may live on, and hold its output open
        self._ended.set()
        if self._process.stdin is not None:
            self._process.stdin.close()
        follower.join(LAST_OUTPUT_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
        on_exit(code)

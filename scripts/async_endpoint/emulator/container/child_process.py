"""Child processes of the local AWS: output forwarded line by line, exit observed, terminated with their parent."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from async_endpoint.emulator.container.container import ContainerDied

EXIT_SECONDS = 2.0  # for the exit of a process that broke a connection
LAST_OUTPUT_SECONDS = (
    2.0  # for the last output of a dead container; a descendant in another session may keep the pipe open longer
)


class ChildProcess:
    """`on_output` receives each line it prints, `on_exit` its exit code; `folder` is removed after exit.

    Standard input is a pipe that closes when this process ends, however it ends; the child exits when it closes.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        **options: Any,
    ) -> None:
        """`options` are passed to Popen. Raises OSError."""
        self._folder = folder
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
        printed = self._process.stdout
        follower = threading.Thread(target=forward_lines, args=(printed, on_output), name=f"output-{self.pid}", daemon=True)
        follower.start()
        threading.Thread(target=self._wait_for_exit, args=(follower, on_exit), name=f"end-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid,) if self.alive else ()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def explain(self, death: ContainerDied) -> ContainerDied:
        """The same error with the exit code or signal, if the process has ended or ends shortly."""
        try:
            return ContainerDied(describe_exit(self._process.wait(EXIT_SECONDS)))
        except subprocess.TimeoutExpired:
            return death

    def close_stdin(self) -> None:
        """Close its standard input, which makes it exit."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def on_ended(self) -> None:
        """Hook: release what else belongs to the process, after its exit."""

    def _wait_for_exit(self, follower: threading.Thread, on_exit: Callable[[int], None]) -> None:
        code = self._process.wait()
        self.on_ended()
        self.close_stdin()
        follower.join(LAST_OUTPUT_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
        on_exit(code)


def describe_exit(code: int) -> str:
    """What an exit code of a container means: negative for a signal, 128 plus its number from an engine."""
    number = -code if code < 0 else code - 128
    try:
        name = f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"the container ended with exit code {code}"
    return f"the container was killed by {name}" if code < 0 else f"the container ended with exit code {code}, {name}"


MAX_LINE_BYTES: Final = 262_144  # the maximum event of CloudWatch Logs until 2025; longer lines are split
log = logging.getLogger(__name__)


def forward_lines(printed: BinaryIO, on_output: Callable[[str], None]) -> None:
    """Pass each line to `on_output` until end of file, long ones in pieces. An exception of `on_output` loses that line only.

    Reading must continue: with a full pipe the model would block in print().
    """
    for line in iter(lambda: printed.readline(MAX_LINE_BYTES), b""):
        try:
            on_output(line.decode(errors="replace").rstrip())
        except Exception as error:
            log.warning("A line of container output is lost: %s: %s", type(error).__name__, error)

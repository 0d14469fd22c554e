"""A process that runs a container, or keeps one: followed while it lives, ended with whoever started it."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from async_endpoint.emulator.container.output import follow

LAST_OUTPUT_SECONDS = 2.0  # for what a dead container printed; whatever it started outside its session may hold on longer


class ChildProcess:
    """`folder` is removed once the process is gone; `on_output` is given each line it prints, `on_exit` its exit code.

    Standard input is a pipe that closes when this process ends, however it ends; what is started here ends with it.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        on_output: Callable[[str], None],
        on_exit: Callable[[int], None],
        **options: Any,
    ) -> None:
        """`options` are Popen's own. Raises OSError."""
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
        follower = threading.Thread(target=follow, args=(printed, on_output), name=f"output-{self.pid}", daemon=True)
        follower.start()
        threading.Thread(target=self._await_end, args=(follower, on_exit), name=f"end-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid,) if self.alive else ()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def let_go(self) -> None:
        """Close its standard input: it is to end."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()

    def ended(self) -> None:
        """What else has to go once the process is gone."""

    def _await_end(self, follower: threading.Thread, on_exit: Callable[[int], None]) -> None:
        code = self._process.wait()
        self.ended()
        self.let_go()
        follower.join(LAST_OUTPUT_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)
        on_exit(code)

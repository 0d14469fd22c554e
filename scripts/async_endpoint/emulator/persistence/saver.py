"""When state is saved: every few seconds, and at the end. A forked process writes, as it was at one moment; this one goes on.

What a fork copies is consistent to the instruction, costs the service milliseconds, and cannot be changed while it is written.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import stat
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from async_endpoint.emulator.persistence.damage import reason

log = logging.getLogger(__name__)

SAVE_INTERVAL_SECONDS = 5.0
# A save takes at most this part of the time, however much there is to save.
MAX_SAVE_TIME_FRACTION = 0.05
HEARTBEAT_SECONDS = 1.0
SAVE_TIMEOUT_SECONDS = 300.0
MAX_ERROR_BYTES = 1_024  # of why a save failed: what a pipe takes that nobody reads yet


class SaveFailed(Exception):
    """The process that saved ended badly; the message says why, and the log where."""


def run_in_fork(write: Callable[[], None], quiesced: AbstractContextManager[None]) -> None:
    """Run `write` in a copy of this process, made while `quiesced`; raises SaveFailed when it fails or hangs."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as told:
        try:
            with quiesced:
                pid = os.fork()
                if pid == 0:
                    _write_and_end(write, writer)
        finally:
            os.close(writer)
        status = _ended(pid)
        if status:
            why = told.read().decode() or f"the process that saved ended with {os.waitstatus_to_exitcode(status)}"
            raise SaveFailed(why)


def _ended(pid: int) -> int:
    """Wait for the process and return its status; one that hangs is killed."""
    deadline = time.monotonic() + SAVE_TIMEOUT_SECONDS
    pause = 0.001
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline += SAVE_TIMEOUT_SECONDS
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def _write_and_end(write: Callable[[], None], failure: int) -> None:
    """In the copy, which has one thread, and locks that nobody will ever give back: touch nothing but what `write` reads."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        _keep_files_only(failure)
        gc.disable()
        write()
        code = 0
    except BaseException as error:
        os.write(failure, reason(error).encode()[:MAX_ERROR_BYTES])
        if not isinstance(error, OSError):  # a fault of ours
            os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _keep_files_only(besides: int) -> None:
    """Let go of every socket, pipe and locked folder: they must end with the process that this is a copy of."""
    for path in list(Path("/dev/fd").iterdir()):
        number = int(path.name)
        with contextlib.suppress(OSError):
            if number > 2 and number != besides and not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)


class Saver:
    """Calls `save` now and then and `mark` each second, however long a save takes, in threads of its own."""

    def __init__(self, save: Callable[[], None], mark: Callable[[], None]) -> None:
        self._save = save
        self._heartbeat = mark
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=run, name="saver", daemon=True) for run in (self._run, self._run_marks)]
        self._lock = threading.Lock()
        self.every = SAVE_INTERVAL_SECONDS
        self.took = 0.0
        self.error = ""

    def start(self) -> None:
        """Save from now on."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Save for the last time."""
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self.save()

    def save(self) -> None:
        """Save now; one that fails is logged and told by `error`, and the next is tried all the same."""
        with self._lock:
            started = time.monotonic()
            try:
                self._save()
                self.error = ""
            except Exception as error:
                self.error = reason(error)
                log.error("State could not be saved: %s", self.error, exc_info=not isinstance(error, SaveFailed | OSError))
            self.took = time.monotonic() - started
            self.every = max(SAVE_INTERVAL_SECONDS, self.took / MAX_SAVE_TIME_FRACTION)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is saved while this lasts."""
        with self._lock:
            yield

    def _run(self) -> None:
        saved = time.monotonic()
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            if time.monotonic() - saved >= self.every:
                self.save()
                saved = time.monotonic()

    def _run_marks(self) -> None:
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):  # the next save tells, which marks too
                self._heartbeat()

"""Periodic saves, written by a forked process while this one continues.

A fork is a consistent copy at one moment, holds the service up for milliseconds, and cannot change while it is written.
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

from async_endpoint.emulator.persistence.folder import reason

log = logging.getLogger(__name__)

SAVE_INTERVAL_SECONDS = 5.0
# Saves take at most this fraction of the time: large ones are made less often.
MAX_SAVE_TIME_FRACTION = 0.05
HEARTBEAT_SECONDS = 1.0
SAVE_TIMEOUT_SECONDS = 300.0
MAX_ERROR_BYTES = 1_024  # of the reason of a failed save: fits into a pipe that is not being read


class SaveFailed(Exception):
    """The saving process failed; the message has the reason, the log the traceback."""


def run_in_fork(write: Callable[[], None], quiesced: AbstractContextManager[None]) -> None:
    """Run `write` in a fork made inside `quiesced`; raises SaveFailed if it fails or hangs."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as error_pipe:
        try:
            with quiesced:
                pid = os.fork()
                if pid == 0:
                    _write_and_exit(write, writer)
        finally:
            os.close(writer)
        status = _wait_for(pid)
        if status:
            why = error_pipe.read().decode() or f"the saving process ended with {os.waitstatus_to_exitcode(status)}"
            raise SaveFailed(why)


def _wait_for(pid: int) -> int:
    """Wait for a process, killing it after SAVE_TIMEOUT_SECONDS; returns its status."""
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


def _write_and_exit(write: Callable[[], None], failure: int) -> None:
    """Body of the fork, which has one thread and may have locks that are never released: use only what `write` reads."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        _close_inherited(failure)
        gc.disable()
        write()
        code = 0
    except BaseException as error:
        os.write(failure, reason(error).encode()[:MAX_ERROR_BYTES])
        if not isinstance(error, OSError):  # a bug
            os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _close_inherited(besides: int) -> None:
    """Close every inherited socket, pipe and lock: they must end with the parent process."""
    for path in list(Path("/dev/fd").iterdir()):
        number = int(path.name)
        with contextlib.suppress(OSError):
            if number > 2 and number != besides and not stat.S_ISREG(os.fstat(number).st_mode):
                os.close(number)


class Saver:
    """Calls `save` periodically and `heartbeat` every second, in threads of its own."""

    def __init__(self, save: Callable[[], None], heartbeat: Callable[[], None]) -> None:
        self._save = save
        self._heartbeat = heartbeat
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=run, name="saver", daemon=True) for run in (self._run, self._run_heartbeats)]
        self._lock = threading.Lock()
        self.every = SAVE_INTERVAL_SECONDS
        self.took = 0.0
        self.error = ""

    def start(self) -> None:
        """Start saving periodically."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop saving periodically, and save a last time."""
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        self.save()

    def save(self) -> None:
        """Save now; a failure is logged and kept in `error` until a later save succeeds."""
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
        """Hold back saves inside the context."""
        with self._lock:
            yield

    def _run(self) -> None:
        saved = time.monotonic()
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            if time.monotonic() - saved >= self.every:
                self.save()
                saved = time.monotonic()

    def _run_heartbeats(self) -> None:
        while not self._stopped.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):  # the next save, which records a heartbeat too, reports it
                self._heartbeat()

"""The state directory: locked by one emulator at a time, which records its AWS time as a heartbeat; errors of reading it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from async_endpoint.core.errors import InvalidInput
from async_endpoint.local_aws import process_exists
from async_endpoint.workspace import make_folders

LOCK_FILE = "lock.json"
# A save that outlives its killed process holds the lock until it ends.
LOCK_WAIT_SECONDS = 20.0
_HEARTBEAT_BYTES = 192
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Heartbeat:
    """The process that holds the directory, its latest AWS time, and whether a snapshot was completed.

    `closed` once everything was saved and the directory released.
    """

    pid: int
    now: float
    time_scale: float
    saved: bool = False
    closed: bool = False


class StateFolder:
    """A directory locked by this process; `last` is the heartbeat found in it."""

    def __init__(self, path: Path) -> None:
        """Create and lock it; raises InvalidInput if it is in use, another user's, or has files that no local AWS wrote."""
        self.path = path.absolute()
        lock = self.path / LOCK_FILE
        try:
            make_folders(self.path)
            found = self.path.stat()
            if found.st_uid != os.getuid():
                raise InvalidInput(f"State directory {self.path} belongs to another user; choose one of your own.")
            if found.st_mode & _OTHERS_MAY_WRITE:
                raise InvalidInput(
                    f"State directory {self.path} can be written by others (mode {stat.S_IMODE(found.st_mode):04o}), and "
                    "reading it executes its content; run chmod go-w if you trust what is in it, or choose another directory."
                )
            if not lock.exists() and any(self.path.iterdir()):
                raise InvalidInput(
                    f"State directory {self.path} holds files that no local AWS wrote; choose an empty or a new one."
                )
            self._lock = _open(lock)
        except OSError as error:
            raise InvalidInput(
                f"State directory {self.path} cannot be used ({error.strerror}); choose one that can be written."
            ) from error
        self._acquire_lock()
        self.last = self._read_heartbeat()

    def relock(self) -> None:
        """Lock the directory again if it was removed and recreated; raises OSError if it is missing or in use."""
        if os.fstat(self._lock).st_nlink:
            return
        again = _open(self.path / LOCK_FILE)
        try:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.dup2(again, self._lock, inheritable=False)
        finally:
            os.close(again)

    def record_heartbeat(self, now: float, time_scale: float, *, saved: bool = False, closed: bool = False) -> None:
        """Record the AWS time in one system call, so that a kill leaves either the old heartbeat or the new one."""
        text = json.dumps(asdict(Heartbeat(os.getpid(), now, time_scale, saved, closed)))
        os.pwrite(self._lock, text.encode().ljust(_HEARTBEAT_BYTES), 0)

    def close(self) -> None:
        os.close(self._lock)

    def _acquire_lock(self) -> None:
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = self._read_heartbeat()
                if (holder is not None and process_exists(holder.pid)) or time.monotonic() > deadline:
                    os.close(self._lock)
                    raise InvalidInput(
                        f"State directory {self.path} is in use by process {holder.pid if holder else 'unknown'}; "
                        "stop that local AWS, or choose another directory."
                    ) from error
                time.sleep(0.05)
            else:
                return

    def _read_heartbeat(self) -> Heartbeat | None:
        return _parse_heartbeat(os.pread(self._lock, _HEARTBEAT_BYTES, 0))


class CorruptState(Exception):
    """A file of the directory is not what was written; the message completes the sentence "The state in ... is damaged: "."""


def load_error(folder: Path, error: Exception) -> InvalidInput:
    """The error to raise for a failure to read the state in `folder`: damaged, unreadable, or of another version."""
    if isinstance(error, InvalidInput):
        return error
    if isinstance(error, CorruptState):
        return InvalidInput(
            f"The state in {folder} is damaged: {error}; nothing in it was changed: restore it from a copy, or start "
            "fresh with another --state-dir."
        )
    if isinstance(error, OSError):
        return InvalidInput(
            f"The state in {folder} cannot be read ({reason(error)}); fix this, or start fresh with another --state-dir."
        )
    return InvalidInput(
        f"The state in {folder} was written by another version of the local AWS, which this one cannot read; start it with the "
        "version that wrote it, or start fresh with another --state-dir."
    )


def reason(error: BaseException) -> str:
    """Why something failed, for a message."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def was_closed(folder: Path) -> bool:
    """Whether the last emulator of this directory saved everything before it ended."""
    try:
        heartbeat = _parse_heartbeat((folder / LOCK_FILE).read_bytes())
    except OSError:
        return False
    return heartbeat is not None and heartbeat.closed


def sync(folder: Path) -> None:
    """Force renames and removals of files to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open(lock: Path) -> int:
    return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _parse_heartbeat(text: bytes) -> Heartbeat | None:
    try:
        return Heartbeat(**json.loads(text))
    except (ValueError, TypeError):
        return None

"""The directory of `--state-dir`: one local AWS at a time has it, and leaves its time in it."""

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
# A save that outlives its killed process holds the lock until it has ended.
LOCK_WAIT_SECONDS = 20.0
_MARK_BYTES = 192
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Heartbeat:
    """Who has the directory, its AWS time when it was last marked, and whether a snapshot was completed in it.

    `closed` once everything was saved and the directory given up.
    """

    pid: int
    now: float
    time_scale: float
    saved: bool = False
    closed: bool = False


class StateFolder:
    """A directory that this process has locked. What was marked in it before is `last`."""

    def __init__(self, path: Path) -> None:
        """Make and lock it; raises InvalidInput when it is in use, another user's, or holds what no local AWS wrote."""
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
                    "reading it runs what it says; take that away (chmod go-w) if you trust what is in it, or choose another."
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
        self._take()
        self.last = self._read()

    def hold(self) -> None:
        """Go on having the directory where it was removed and made again; raises OSError when it is not there or in use."""
        if os.fstat(self._lock).st_nlink:
            return
        again = _open(self.path / LOCK_FILE)
        try:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.dup2(again, self._lock, inheritable=False)
        finally:
            os.close(again)

    def record_heartbeat(self, now: float, time_scale: float, *, saved: bool = False, closed: bool = False) -> None:
        """Write down the AWS time, in one system call, so that a kill leaves one mark or the other."""
        text = json.dumps(asdict(Heartbeat(os.getpid(), now, time_scale, saved, closed)))
        os.pwrite(self._lock, text.encode().ljust(_MARK_BYTES), 0)

    def close(self) -> None:
        os.close(self._lock)

    def _take(self) -> None:
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = self._read()
                if (holder is not None and process_exists(holder.pid)) or time.monotonic() > deadline:
                    os.close(self._lock)
                    raise InvalidInput(
                        f"State directory {self.path} is in use by process {holder.pid if holder else 'unknown'}; "
                        "stop that local AWS, or choose another directory."
                    ) from error
                time.sleep(0.05)
            else:
                return

    def _read(self) -> Heartbeat | None:
        return _heartbeat(os.pread(self._lock, _MARK_BYTES, 0))


def was_closed(folder: Path) -> bool:
    """Whether the local AWS that had the directory last saved everything before it ended."""
    try:
        mark = _heartbeat((folder / LOCK_FILE).read_bytes())
    except OSError:
        return False
    return mark is not None and mark.closed


def sync(folder: Path) -> None:
    """Make renamed and removed names last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open(lock: Path) -> int:
    return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _heartbeat(text: bytes) -> Heartbeat | None:
    try:
        return Heartbeat(**json.loads(text))
    except (ValueError, TypeError):
        return None

"""The directory of `--state-dir`: one local AWS at a time has it, and leaves its time in it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from async_endpoint.contract.errors import InvalidInput

LOCK_FILE = "lock.json"
# A save that outlives its killed process holds the lock until it has ended.
LOCK_WAIT_SECONDS = 20.0
_MARK_BYTES = 128


@dataclass(frozen=True)
class Mark:
    """Who has the directory, and its AWS time when it was last marked; `closed` once it was given up in good order."""

    pid: int
    now: float
    time_scale: float
    closed: bool = False


class StateFolder:
    """A directory that this process has locked. What was marked in it before is `last`."""

    def __init__(self, path: Path) -> None:
        """Make and lock it; raises InvalidInput when it is in use, another user's, or holds what no local AWS wrote."""
        self.path = path.absolute()
        lock = self.path / LOCK_FILE
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_uid != os.getuid():
                raise InvalidInput(f"State directory {self.path} belongs to another user; choose one of your own.")
            if not lock.exists() and any(self.path.iterdir()):
                raise InvalidInput(
                    f"State directory {self.path} holds files that no local AWS wrote; choose an empty or a new one."
                )
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise InvalidInput(
                f"State directory {self.path} cannot be used ({error.strerror}); choose one that can be written."
            ) from error
        self._take()
        self.last = self._read()

    def mark(self, now: float, time_scale: float, *, closed: bool = False) -> None:
        """Write down the AWS time, in one system call, so that a kill leaves one mark or the other."""
        text = json.dumps(asdict(Mark(os.getpid(), now, time_scale, closed)))
        os.pwrite(self._lock, text.encode().ljust(_MARK_BYTES), 0)

    def close(self) -> None:
        os.close(self._lock)

    def sync(self) -> None:
        """Make renamed and removed names last."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _take(self) -> None:
        deadline = time.monotonic() + LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = self._read()
                if (holder is not None and _runs(holder.pid)) or time.monotonic() > deadline:
                    os.close(self._lock)
                    raise InvalidInput(
                        f"State directory {self.path} is in use by process {holder.pid if holder else 'unknown'}; "
                        "stop that local AWS, or choose another directory."
                    ) from error
                time.sleep(0.05)
            else:
                return

    def _read(self) -> Mark | None:
        try:
            return Mark(**json.loads(os.pread(self._lock, _MARK_BYTES, 0)))
        except (ValueError, TypeError):
            return None


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

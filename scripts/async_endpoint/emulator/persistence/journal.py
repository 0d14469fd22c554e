"""The journal of requests accepted since the last save: each is written before it is queued.

Records are not forced to the disk: they survive a crash of the process, not of the machine. A record is the length and CRC-32
of a pickle, the CRC-32 of these two, and the pickle, so that a partly written record is distinguished from a damaged one.
"""

from __future__ import annotations

import errno
import os
import pickle
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.hosting.request_queue import AsyncInvocation
from async_endpoint.emulator.persistence import pickling
from async_endpoint.emulator.persistence.folder import CorruptState

PREFIX = "journal-"
_FRAME = struct.Struct(">II")  # length and CRC-32 of the pickle
_CHECK = struct.Struct(">I")  # CRC-32 of the frame: a damaged length must not look like a partly written record
_HEAD_BYTES = _FRAME.size + _CHECK.size


@dataclass(frozen=True)
class AcceptedRequest:
    """A request, its endpoint (with its creation time, since a later one may have the same name), and its unsaved input."""

    region: str
    endpoint: str
    endpoint_created_at: float
    invocation: AsyncInvocation
    input: tuple[S3Uri, Any] | None = None


class Journal:
    """Numbered files of records: a save rotates to the next file and stores its number; earlier files are then obsolete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._number = max(_numbers(folder), default=0)
        self._handle: int | None = None
        self._end = 0  # of the last whole record, in bytes
        self._counts: dict[int, int] = {}  # records written by this process, by file

    @property
    def pending(self) -> int:
        """Number of records that no completed save covers yet."""
        with self._lock:
            return sum(self._counts.values())

    def rotate(self) -> int:
        """Start a new file, unless the current one is empty; returns the number of the file that is written next.

        Raises OSError, and then keeps the current file. A file that is rotated out ends with a complete record.
        """
        with self._lock:
            if self._handle is None or self._end or _unlinked(self._handle):
                self._truncate()
                path = _path(self._folder, self._number + 1)
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                self._close()
                self._handle, self._end = handle, 0
                self._number += 1
                self._counts[self._number] = 0
            return self._number

    def write(self, accepted: AcceptedRequest) -> None:
        """Append a record; raises OSError, with nothing written, if the disk is full, the file gone or the journal closed."""
        body = pickling.dumps(accepted)
        frame = _FRAME.pack(len(body), zlib.crc32(body))
        record = memoryview(frame + _CHECK.pack(zlib.crc32(frame)) + body)
        with self._lock:
            if self._handle is None:
                raise OSError("the journal is closed, for this local AWS is ending")
            if _unlinked(self._handle):
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            self._truncate()
            end = self._end
            try:
                while record:
                    written = os.pwrite(self._handle, record, end)
                    record, end = record[written:], end + written
            except OSError:
                self._truncate()
                raise
            self._end = end
            self._counts[self._number] += 1

    def forget(self, before: int) -> None:
        """Remove the files numbered below `before`, which a save covers."""
        for number in _numbers(self._folder):
            if number < before:
                _path(self._folder, number).unlink()
        with self._lock:
            self._counts = {number: count for number, count in self._counts.items() if number >= before}

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _truncate(self) -> None:
        """Truncate a partly written record at the end of the current file, or of the last one of a killed process."""
        if self._handle is not None:
            if os.fstat(self._handle).st_size != self._end:
                os.ftruncate(self._handle, self._end)
        elif (last := _path(self._folder, self._number)).exists():
            end = max((end for end, _ in _records(last, last=True)), default=0)
            if last.stat().st_size != end:
                os.truncate(last, end)


def check(folder: Path, since: int) -> None:
    """Raise CorruptState if a file from number `since` is missing or has a damaged record."""
    numbers = [number for number in _numbers(folder) if number >= since]
    for number in range(since, max(numbers, default=since) + 1):
        if number not in numbers:
            raise CorruptState(f"its file {PREFIX}{number} is missing")
        for _ in _records(_path(folder, number), last=number == numbers[-1]):
            pass


def read(folder: Path, since: int) -> Iterator[AcceptedRequest]:
    """The records of the files from number `since`, without a last one that was partly written; raises CorruptState."""
    numbers = _numbers(folder)
    for number in numbers:
        if number >= since:
            for _, body in _records(_path(folder, number), last=number == numbers[-1]):
                yield pickle.loads(body)


def _records(path: Path, *, last: bool) -> Iterator[tuple[int, bytes]]:
    """The end offset and pickle of each record; raises CorruptState. Only the `last` file may end within a record."""
    with path.open("rb") as file:
        while head := file.read(_HEAD_BYTES):
            frame = head[: _FRAME.size]
            if len(head) == _HEAD_BYTES and _CHECK.pack(zlib.crc32(frame)) != head[_FRAME.size :]:
                raise CorruptState(f"its file {path.name} does not hold what was written")
            length, checksum = _FRAME.unpack(frame) if len(head) == _HEAD_BYTES else (1, 0)
            body = file.read(length)
            if len(body) < length:
                if not last:
                    raise CorruptState(f"its file {path.name} is cut short")
                return
            if zlib.crc32(body) != checksum:
                raise CorruptState(f"its file {path.name} does not hold what was written")
            yield file.tell(), body


def _unlinked(handle: int) -> bool:
    return os.fstat(handle).st_nlink == 0


def _path(folder: Path, number: int) -> Path:
    return folder / f"{PREFIX}{number}"


def _numbers(folder: Path) -> list[int]:
    ends = (path.name.removeprefix(PREFIX) for path in folder.glob(f"{PREFIX}*"))
    return sorted(int(end) for end in ends if end.isdecimal())

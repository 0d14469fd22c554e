"""Requests that were accepted since the last save, each written before it is queued.

Written, and not forced to the disk: a record survives the death of the process, and not that of the machine. A record is its
length and its CRC-32, the CRC-32 of these two, and a pickle, so that one half written and one damaged are told apart.
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
from async_endpoint.emulator.persistence.damage import CorruptState

PREFIX = "journal-"
_FRAME = struct.Struct(">II")  # length and CRC-32 of the pickle
_CHECK = struct.Struct(">I")  # CRC-32 of the frame: a wrong length is not taken for a record that was half written
_HEAD_BYTES = _FRAME.size + _CHECK.size


@dataclass(frozen=True)
class AcceptedRequest:
    """A request, the endpoint that took it (known by its creation, for another may have its name), and an unsaved input."""

    region: str
    endpoint: str
    endpoint_created_at: float
    invocation: AsyncInvocation
    input: tuple[S3Uri, Any] | None = None


class Journal:
    """A file of records; a save turns to the next one and notes its number, and those before it count no more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._number = max(_numbers(folder), default=0)
        self._handle: int | None = None
        self._end = 0  # of the last whole record, in bytes
        self._counts: dict[int, int] = {}  # records written by this process, by file

    @property
    def pending(self) -> int:
        """Records that no completed save covers yet."""
        with self._lock:
            return sum(self._counts.values())

    def rotate(self) -> int:
        """Write what follows to another file, unless nothing was written to this one; returns its number.

        Raises OSError, and then goes on with the file there was. A file that is turned away from ends with a whole record.
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
        """Raises OSError when the disk is full, the file gone, or this local AWS ending; nothing is written then."""
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
        """Remove the files before that number: a save covers them."""
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
        """Cut off what is half written at the end: of this file, or of the one that a killed process wrote last."""
        if self._handle is not None:
            if os.fstat(self._handle).st_size != self._end:
                os.ftruncate(self._handle, self._end)
        elif (last := _path(self._folder, self._number)).exists():
            end = max((end for end, _ in _records(last, last=True)), default=0)
            if last.stat().st_size != end:
                os.truncate(last, end)


def check(folder: Path, since: int) -> None:
    """Raise CorruptState when a file from number `since` on is missing, or a record is not what was written."""
    numbers = [number for number in _numbers(folder) if number >= since]
    for number in range(since, max(numbers, default=since) + 1):
        if number not in numbers:
            raise CorruptState(f"its file {PREFIX}{number} is missing")
        for _ in _records(_path(folder, number), last=number == numbers[-1]):
            pass


def read(folder: Path, since: int) -> Iterator[AcceptedRequest]:
    """Every record of the files from number `since` on, without the last if it was half written; raises CorruptState."""
    numbers = _numbers(folder)
    for number in numbers:
        if number >= since:
            for _, body in _records(_path(folder, number), last=number == numbers[-1]):
                yield pickle.loads(body)


def _records(path: Path, *, last: bool) -> Iterator[tuple[int, bytes]]:
    """Where each record ends, and its pickle; raises CorruptState. Only the `last` file may end within a record."""
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

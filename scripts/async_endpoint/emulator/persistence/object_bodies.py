"""The bodies of S3 objects, in one append-only file: a save writes new bodies only.

Once most of the file is garbage, the bodies of deleted objects, the next save starts another file.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from async_endpoint.emulator.container.payload import Descriptor, FilePayload, Payload
from async_endpoint.emulator.persistence.folder import CorruptState

Extent = tuple[int, int, int]  # offset and length, in bytes, and CRC-32
MAX_GARBAGE_BYTES = 16 * 1024 * 1024  # before the live bodies are copied to a new file


@dataclass(frozen=True)
class BodyIndex:
    """The extents of bodies in the file `name`, by id. Bytes after `end` belong to a save that did not complete."""

    name: str = ""
    end: int = 0
    extents: dict[str, Extent] = field(default_factory=dict)

    @property
    def wasteful(self) -> bool:
        return self.end > 2 * sum(length for _, length, _ in self.extents.values()) + MAX_GARBAGE_BYTES


class BodyWriter:
    """Writes the bodies of one save: those of `before` are kept, new ones appended; `fresh` is the name of a new file."""

    def __init__(self, folder: Path, before: BodyIndex, fresh: str) -> None:
        self._before = BodyIndex() if before.wasteful else before
        self._name = self._before.name or fresh
        self._path = folder / self._name
        self._extents: dict[str, Extent] = {}
        self._end = self._before.end
        self._file: BinaryIO = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._file.truncate(self._end)
        self._file.seek(self._end)

    def keep(self, identity: str, read: Callable[[], Payload]) -> Extent:
        """The extent of the body with this id; a new one is read with `read` and appended."""
        extent = self._extents.get(identity) or self._before.extents.get(identity)
        if extent is None:
            size = checksum = 0
            for block in read():
                self._file.write(block)
                size, checksum = size + len(block), zlib.crc32(block, checksum)
            extent = (self._end, size, checksum)
            self._end += size
        self._extents[identity] = extent
        return extent

    def close(self) -> BodyIndex:
        """Force the file to the disk; returns the new index."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return BodyIndex(self._name, self._end, self._extents)

    def discard(self) -> None:
        """Undo what was appended, after a save that failed."""
        with contextlib.suppress(OSError):
            self._file.close()  # tries to flush again
        with contextlib.suppress(OSError):
            if self._before.name:
                os.truncate(self._path, self._before.end)
            else:
                self._path.unlink()


class BodyReader:
    """Reads bodies by extent."""

    def __init__(self, folder: Path, index: BodyIndex) -> None:
        """Raises CorruptState if the file is missing."""
        self._name = index.name
        try:
            number = os.open(folder / index.name, os.O_RDONLY | os.O_CLOEXEC) if index.extents else None
        except FileNotFoundError as error:
            raise CorruptState(f"its file {index.name} is missing") from error
        self._file = None if number is None else Descriptor(number)

    def read(self, offset: int, length: int, checksum: int) -> Payload:
        """A body, without a copy of it: a save only appends to the file. Raises CorruptState if it is not what was written."""
        assert self._file is not None
        body = FilePayload(self._file, [(offset, length)])
        size = found = 0
        for block in body:
            size, found = size + len(block), zlib.crc32(block, found)
        if size != length or found != checksum:
            raise CorruptState(f"its file {self._name} does not hold what was written")
        return body

    def close(self) -> None:
        """Close the file once none of its bodies is used any longer."""
        self._file = None

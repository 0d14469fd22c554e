"""The bodies of S3's objects: in one file that only grows, so that a save writes the new ones and nothing twice.

Once most of the file is of objects that are gone, the next save begins another.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from async_endpoint.emulator.persistence.damage import CorruptState

Extent = tuple[int, int, int]  # offset and length, in bytes, and CRC-32
MAX_GARBAGE_BYTES = 16 * 1024 * 1024  # of no use to anybody, before it is worth copying the rest


@dataclass(frozen=True)
class BodyIndex:
    """Where bodies lie in the file `name`, by their ids. What lies after `end` is of a save that did not complete."""

    name: str = ""
    end: int = 0
    extents: dict[str, Extent] = field(default_factory=dict)

    @property
    def wasteful(self) -> bool:
        return self.end > 2 * sum(length for _, length, _ in self.extents.values()) + MAX_GARBAGE_BYTES


class BodyWriter:
    """The bodies of one save: what `before` has is named again, the rest is appended; `fresh` names a file of its own."""

    def __init__(self, folder: Path, before: BodyIndex, fresh: str) -> None:
        self._before = BodyIndex() if before.wasteful else before
        self._name = self._before.name or fresh
        self._path = folder / self._name
        self._places: dict[str, Extent] = {}
        self._end = self._before.end
        self._file: BinaryIO = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._file.truncate(self._end)
        self._file.seek(self._end)

    def keep(self, identity: str, read: Callable[[], bytes]) -> Extent:
        """Where the body of this id lies; `read` is asked for it when it is new."""
        place = self._places.get(identity) or self._before.extents.get(identity)
        if place is None:
            body = read()
            self._file.write(body)
            place = (self._end, len(body), zlib.crc32(body))
            self._end += len(body)
        self._places[identity] = place
        return place

    def close(self) -> BodyIndex:
        """Make it last; returns what there is now."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return BodyIndex(self._name, self._end, self._places)

    def discard(self) -> None:
        """Give back what was appended, as the save did not complete."""
        with contextlib.suppress(OSError):
            self._file.close()  # what it could not write it tries again
        with contextlib.suppress(OSError):
            if self._before.name:
                os.truncate(self._path, self._before.end)
            else:
                self._path.unlink()


class BodyReader:
    """Reads bodies by place."""

    def __init__(self, folder: Path, contents: BodyIndex) -> None:
        """Raises CorruptState when there is no such file."""
        self._name = contents.name
        try:
            self._file = (folder / contents.name).open("rb") if contents.extents else None
        except FileNotFoundError as error:
            raise CorruptState(f"its file {contents.name} is missing") from error

    def read(self, offset: int, length: int, checksum: int) -> bytes:
        """Raises CorruptState when that is not what was written there."""
        assert self._file is not None
        self._file.seek(offset)
        body = self._file.read(length)
        if len(body) != length or zlib.crc32(body) != checksum:
            raise CorruptState(f"its file {self._name} does not hold what was written")
        return body

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

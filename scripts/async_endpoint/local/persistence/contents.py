"""The bodies of S3's objects: in one file that only grows, so that a save writes the new ones and nothing twice.

Once most of the file is of objects that are gone, the next save begins another.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

Place = tuple[int, int]  # offset and length, in bytes
SPARE_BYTES = 16 * 1024 * 1024  # of no use to anybody, before it is worth copying the rest


@dataclass(frozen=True)
class Contents:
    """Where bodies lie in the file `name`, by their ids. What lies after `end` is of a save that did not complete."""

    name: str = ""
    end: int = 0
    places: dict[str, Place] = field(default_factory=dict)

    @property
    def wasteful(self) -> bool:
        return self.end > 2 * sum(length for _, length in self.places.values()) + SPARE_BYTES


class ContentsWriter:
    """The bodies of one save: what `before` has is named again, the rest is appended; `fresh` names a file of its own."""

    def __init__(self, folder: Path, before: Contents, fresh: str) -> None:
        self._before = Contents() if before.wasteful else before
        self._name = self._before.name or fresh
        self._places: dict[str, Place] = {}
        self._end = self._before.end
        self._file: BinaryIO = os.fdopen(os.open(folder / self._name, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._file.truncate(self._end)
        self._file.seek(self._end)

    def keep(self, identity: str, read: Callable[[], bytes]) -> Place:
        """Where the body of this id lies; `read` is asked for it when it is new."""
        place = self._places.get(identity) or self._before.places.get(identity)
        if place is None:
            body = read()
            self._file.write(body)
            place = (self._end, len(body))
            self._end += len(body)
        self._places[identity] = place
        return place

    def close(self) -> Contents:
        """Make it last; returns what there is now."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return Contents(self._name, self._end, self._places)


class ContentsReader:
    """Reads bodies by place."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self._file = (folder / contents.name).open("rb") if contents.places else None

    def read(self, offset: int, length: int) -> bytes:
        """Raises EOFError when the file is shorter than the snapshot says."""
        assert self._file is not None
        self._file.seek(offset)
        body = self._file.read(length)
        if len(body) != length:
            raise EOFError("the file of objects' bodies is cut short")
        return body

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

"""The body of a request or a response: in memory if it is small, otherwise in an unnamed file that is read in pieces.

A payload passes through without being copied into memory: an object of S3 to a container, and its response to S3.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import IO, Any, BinaryIO, Final

IN_MEMORY_BYTES: Final = 1 << 20
READ_BYTES: Final = 1 << 26  # one read of a file; the system limits it to 2 GiB


class Payload:
    """`len()` is its size in bytes; it can be read any number of times. Iterating yields it in pieces."""

    def __init__(self, content: bytes | bytearray = b"") -> None:
        self._content = bytes(content)

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        for offset in range(0, len(self), IN_MEMORY_BYTES):
            yield self.read(IN_MEMORY_BYTES, offset)

    def __getitem__(self, part: slice) -> Payload:
        """A part without a step, which shares the file of this payload."""
        start, end, step = part.indices(len(self))
        if step != 1:
            raise ValueError("a payload has no slices with a step")
        return self._part(max(end - start, 0), start)

    def _part(self, size: int, offset: int) -> Payload:
        return Payload(self.read(size, offset))

    def open(self) -> BinaryIO:
        """A reader that starts at the first byte; independent of others."""
        return io.BytesIO(self._content)

    def read(self, size: int = -1, offset: int = 0) -> bytes:
        """At most `size` bytes from `offset`; all without a size."""
        return self._content[offset : offset + size if size >= 0 else None]


class Descriptor:
    """A file descriptor, closed when the last payload that uses it is gone."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.number)


Extent = tuple[int, int]  # offset and size in bytes


class FilePayload(Payload):
    """Extents of a file, one after the other. The file may grow, but these extents must not change."""

    def __init__(self, file: Descriptor, extents: Iterable[Extent]) -> None:
        super().__init__()
        self.file = file
        self.extents = tuple(extents)
        self._ends = list(accumulate(size for _, size in self.extents))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _part(self, size: int, offset: int) -> FilePayload:
        return FilePayload(self.file, self._located(size, offset))

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Reader(self), IN_MEMORY_BYTES)

    def read(self, size: int = -1, offset: int = 0) -> bytes:
        left = max(len(self) - offset, 0)
        found = self._located(left if size < 0 else min(size, left), offset)
        parts = [self.read_file(self.file.number, length, start) for start, length in found]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _located(self, size: int, offset: int) -> Iterator[Extent]:
        """The extents of a part of this payload."""
        index = bisect_right(self._ends, offset)
        while size > 0 and index < len(self.extents):
            start, length = self.extents[index]
            skipped = offset - (self._ends[index] - length)
            taken = min(length - skipped, size)
            yield start + skipped, taken
            offset, size, index = offset + taken, size - taken, index + 1

    @staticmethod
    def read_file(descriptor: int, size: int, offset: int) -> bytes:
        """At most `size` bytes of a file from `offset`, whatever the size."""
        if size <= READ_BYTES:
            return os.pread(descriptor, size, offset)
        content = bytearray()
        while len(content) < size and (part := os.pread(descriptor, READ_BYTES, offset + len(content))):
            content += part[: size - len(content)]
        return bytes(content)


class _Reader(io.RawIOBase):
    def __init__(self, payload: FilePayload) -> None:
        super().__init__()
        self._payload = payload
        self._offset = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._payload.read(len(buffer), self._offset)
        buffer[: len(part)] = part
        self._offset += len(part)
        return len(part)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: len(self._payload)}[whence]
        self._offset = start + offset
        return self._offset

    def tell(self) -> int:
        return self._offset


Body = bytes | Payload


def of(body: Body) -> Payload:
    """A payload of a body in either form."""
    return body if isinstance(body, Payload) else Payload(body)


def of_file(file: IO[bytes], size: int) -> Payload:
    """The first `size` bytes of an open file, which may be closed afterwards but not changed."""
    file.flush()
    return FilePayload(Descriptor(os.dup(file.fileno())), [(0, size)])


def of_stream(stream: IO[bytes]) -> Payload:
    """The whole content of a seekable stream, which may be closed afterwards; not copied if it is a large file."""
    size = stream.seek(0, os.SEEK_END)
    if size > IN_MEMORY_BYTES and not isinstance(stream, io.BytesIO):
        return of_file(stream, size)
    stream.seek(0)
    return Payload(stream.read())


class PayloadWriter:
    """Collects a payload piece by piece."""

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed by finish()
        self.size = 0

    def write(self, part: bytes) -> None:
        self._spool.write(part)
        self.size += len(part)

    def close(self) -> None:
        """Discard what is not part of a payload."""
        self._spool.close()

    def finish(self) -> Payload:
        """The payload; the writer cannot be used afterwards."""
        with self._spool as spool:
            if self.size > IN_MEMORY_BYTES:
                return of_file(spool, self.size)
            spool.seek(0)
            return Payload(spool.read())

"""The body of a request or a response: in memory if it is small, otherwise in an unnamed file that is read in pieces.

A payload passes through without being copied into memory: an object of S3 to a container, and its response to S3.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from typing import IO, Any, BinaryIO, Final

IN_MEMORY_BYTES: Final = 1 << 20
READ_BYTES: Final = 1 << 26  # one read of a file; the system limits it to 2 GiB


class Payload:
    """`len()` is its size in bytes; `read` and `open` may be called any number of times."""

    def __init__(self, content: bytes | bytearray = b"") -> None:
        self._content = bytes(content)

    def __len__(self) -> int:
        return len(self._content)

    def open(self) -> BinaryIO:
        """A reader that starts at the first byte; independent of others."""
        return io.BytesIO(self._content)

    def read(self, size: int = -1, offset: int = 0) -> bytes:
        """At most `size` bytes from `offset`; all without a size."""
        return self._content[offset : offset + size if size >= 0 else None]


class FilePayload(Payload):
    """The first `size` bytes of a file, which must not change. The descriptor belongs to the payload."""

    def __init__(self, descriptor: int, size: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Reader(self), IN_MEMORY_BYTES)

    def read(self, size: int = -1, offset: int = 0) -> bytes:
        left = max(self._size - offset, 0)
        return self.read_file(self._descriptor, left if size < 0 else min(size, left), offset)

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
    return FilePayload(os.dup(file.fileno()), size)


class PayloadWriter:
    """Collects a payload piece by piece."""

    def __init__(self) -> None:
        self._spool = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed by finish()
        self.size = 0

    def write(self, part: bytes) -> None:
        self._spool.write(part)
        self.size += len(part)

    def finish(self) -> Payload:
        """The payload; the writer cannot be used afterwards."""
        with self._spool as spool:
            if self.size > IN_MEMORY_BYTES:
                return of_file(spool, self.size)
            spool.seek(0)
            return Payload(spool.read())

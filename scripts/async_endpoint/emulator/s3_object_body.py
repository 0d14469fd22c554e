"""The body of an S3 object as moto's store holds it: a small one in memory, a larger one as a payload in a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from async_endpoint.emulator.container import payload
from async_endpoint.emulator.container.payload import Payload

if TYPE_CHECKING:
    from moto.s3.models import FakeKey


class PayloadBuffer(io.RawIOBase):
    """The body of an object in a file, in the place of moto's SpooledTemporaryFile; it is never changed."""

    def __init__(self, content: Payload) -> None:
        super().__init__()
        self.payload = content
        self._position = 0

    def close(self) -> None:
        self.payload = Payload()
        super().close()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        part = self.payload.read(size, self._position)
        self._position += len(part)
        return part


def body_of(key: FakeKey) -> Payload | None:
    """The body of an object, without a copy where it is in a file; None once it was deleted.

    Does not move the position of a file, which a forked process shares with its parent.
    """
    buffer = key._value_buffer
    if buffer.closed:
        return None
    if isinstance(buffer, PayloadBuffer):
        return buffer.payload
    return payload.of_file(buffer, key.contentsize) if buffer._rolled else Payload(buffer._file.getvalue())

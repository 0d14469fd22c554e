"""Large objects of S3 are assembled in files, in pieces; moto assembles an upload's parts in memory.

moto has a file for each part, and completing an upload needs three times its size in memory. Here the parts of an
upload are in one unnamed file, and an object is copied from it in pieces. What is answered, and refused, is moto's.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import tempfile
import threading
import zlib
from collections.abc import Iterable
from typing import IO, Any, Final
from weakref import WeakKeyDictionary

from moto.s3 import models
from moto.s3.models import FakeKey, FakeMultipart, MultipartChecksumBuilder

from async_endpoint.emulator.container import payload
from async_endpoint.emulator.container.payload import FilePayload, Payload

IN_FILE_BYTES: Final = payload.IN_MEMORY_BYTES  # from this size on a part is kept in the file
CRC_ALGORITHMS: Final = ("CRC32", "CRC32C", "CRC64NVME")
_set_part = FakeMultipart.set_part
_complete = FakeMultipart.complete
_value = FakeKey.value


class _PartsFile:
    """The parts of one upload, one after the other."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the upload
        self._end = 0
        self._lock = threading.Lock()

    def append(self, content: bytes) -> int:
        """Write a part; returns its offset."""
        with self._lock:
            offset = self._end
            self._end += len(content)
        view, written = memoryview(content), 0
        while written < len(content):
            written += os.pwrite(self._file.fileno(), view[written:], offset + written)
        return offset

    def read(self, size: int, offset: int) -> bytes:
        return FilePayload.read_file(self._file.fileno(), size, offset)


class PartBuffer(io.RawIOBase):
    """The content of one part, in the place of moto's SpooledTemporaryFile that is still in memory."""

    _rolled = False

    def __init__(self, file: _PartsFile, offset: int, size: int) -> None:
        super().__init__()
        self._parts = file
        self._offset = offset
        self._size = size
        self._position = 0

    @property
    def _file(self) -> PartBuffer:
        return self

    def getvalue(self) -> bytes:
        return self._parts.read(self._size, self._offset)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._position
        part = self._parts.read(left if size < 0 else min(size, left), self._offset + self._position)
        self._position += len(part)
        return part


_files: WeakKeyDictionary[FakeMultipart, _PartsFile] = WeakKeyDictionary()
_files_lock = threading.Lock()


def set_part(self: FakeMultipart, part_id: int, value: bytes) -> FakeKey:
    """A large part goes into the upload's file."""
    if len(value) < IN_FILE_BYTES:
        return _set_part(self, part_id, value)
    with _files_lock:
        file = _files.setdefault(self, _PartsFile())
    key = _set_part(self, part_id, b"")
    key._value_buffer.close()
    key._value_buffer = PartBuffer(file, file.append(value), len(value))
    key.contentsize = len(value)
    key._etag = hashlib.md5(value, usedforsecurity=False).hexdigest()
    return key


def complete(self: FakeMultipart, body: Iterable[tuple[int, str]]) -> tuple[Any, str, tuple[str, str, int] | None]:
    """moto's checks, on parts without their content; then the content as a payload, and its checksum."""
    chosen = list(body)
    if self not in _files:
        return _complete(self, iter(chosen))  # type: ignore[no-any-return]
    parts = self.parts
    without_content = FakeMultipart(self.key_name, self.metadata, self.account_id, self.region_name)
    without_content.parts = {number: _Outline(part) for number, part in parts.items()}
    _, etag, _ = _complete(without_content, iter(chosen))
    content, checksum = payload.PayloadWriter(), _Checksum(self.metadata)
    for number, _ in chosen:
        part = parts[number].value
        content.write(part)
        checksum.add(part)
    return content.finish(), etag, checksum.build()


class _Outline:
    """A part as moto's checks see it."""

    value = b""

    def __init__(self, part: FakeKey) -> None:
        self.etag = part.etag
        self.contentsize = part.contentsize


class _Checksum:
    """moto's checksum of an upload; a CRC of the whole object is computed part by part."""

    def __init__(self, metadata: Any) -> None:
        self._builder = MultipartChecksumBuilder(metadata.get("x-amz-checksum-algorithm"), metadata.get("x-amz-checksum-type"))
        # The other algorithms have no checksum of the whole object, and moto computes these CRCs as CRC-32 without a library.
        self._whole = (
            self._builder.checksum_type != "COMPOSITE"
            and self._builder.checksum_algorithm in CRC_ALGORITHMS
            and models.compute_checksum(b"1", self._builder.checksum_algorithm) == _encoded(zlib.crc32(b"1"))
        )
        self._crc = 0

    def add(self, part: bytes) -> None:
        if self._whole:
            self._crc = zlib.crc32(part, self._crc)
        else:
            self._builder.addPart(part)

    def build(self) -> tuple[str, str, int] | None:
        if self._whole:
            return self._builder.checksum_type, _encoded(self._crc).decode(), 1
        found: tuple[str, str, int] | None = self._builder.build()
        return found


def _encoded(crc: int) -> bytes:
    return base64.b64encode(crc.to_bytes(4, "big"))


def _write_value(self: FakeKey, new_value: bytes | str | Payload) -> None:
    """Write an object's body; one that is too large for memory goes to the file at once."""
    content = payload.of(new_value.encode() if isinstance(new_value, str) else new_value)
    buffer = self._value_buffer
    buffer.seek(0)
    buffer.truncate()
    if len(content) > self._max_buffer_size and not buffer._rolled:
        buffer.rollover()
    with content.open() as source:
        shutil.copyfileobj(source, buffer, payload.IN_MEMORY_BYTES)
    self.contentsize = len(content)


def apply() -> None:
    FakeMultipart.set_part = set_part
    FakeMultipart.complete = complete
    if FakeKey.value is _value:  # persistence wraps the property later
        FakeKey.value = property(_value.fget, _write_value)

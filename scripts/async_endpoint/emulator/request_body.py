"""The body of an HTTP request, received in bounded memory: small ones stay there, larger ones go to an unnamed temporary file.

Framing is strict (RFC 9112, section 6): whatever two readers could understand differently is refused.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from email.message import Message
from typing import IO, Final, Protocol

IN_MEMORY_BYTES: Final = 1_048_576
# Free space that a body must leave on the disk of temporary files.
RESERVED_DISK_BYTES: Final = 64 * 1_048_576
_BLOCK_BYTES: Final = 262_144
_CHECK_DISK_BYTES: Final = 16 * 1_048_576
_LENGTH = re.compile(r"[0-9]{1,19}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")
_CHUNK_LINE_BYTES: Final = 1_024
_TRAILER_LINES: Final = 32


class BadRequest(Exception):
    """A request that is refused for its form; the message is for its sender."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class SenderGone(Exception):
    """The connection ended in the middle of a request."""


class Stream(Protocol):
    """What a body is read from."""

    def read1(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


def declared_length(headers: Message, version: str) -> int | None:
    """The length of the body in bytes, None for one in chunks; raises BadRequest for what is ambiguous."""
    lengths, codings = headers.get_all("Content-Length", []), headers.get_all("Transfer-Encoding", [])
    if codings:
        if lengths:
            raise BadRequest(400, "The request has both Content-Length and Transfer-Encoding; send one of them.")
        if version < "HTTP/1.1":
            raise BadRequest(400, "Transfer-Encoding needs HTTP/1.1.")
        if [coding.strip(" \t").lower() for coding in codings] != ["chunked"]:
            raise BadRequest(501, f"Transfer-Encoding is {', '.join(codings)[:100]!r}; only chunked is understood.")
        return None
    if len(lengths) > 1:
        raise BadRequest(400, "The request has more than one Content-Length; send one.")
    if lengths and not _LENGTH.fullmatch(lengths[0].strip(" \t")):
        raise BadRequest(400, f"Content-Length is {lengths[0][:100]!r}, which is no number of bytes.")
    return int(lengths[0]) if lengths else 0


def receive(stream: Stream, length: int | None, most_bytes: int) -> IO[bytes]:
    """Read a body of `length` bytes, or in chunks, into a file that is at its beginning.

    Raises BadRequest when it is larger than `most_bytes` or the disk, or not in chunks; SenderGone when it breaks off.
    """
    if length is not None:
        check_size(length, most_bytes)
        if length <= IN_MEMORY_BYTES:
            return io.BytesIO(b"".join(_exactly(stream, length)))
        _check_disk(length)
    return _spooled(_chunks(stream, most_bytes) if length is None else _exactly(stream, length))


def unpacked(body: IO[bytes], most_bytes: int) -> IO[bytes]:
    """A body that was sent with gzip's compression; raises BadRequest when it is none, or larger than `most_bytes`."""

    def blocks() -> Iterator[bytes]:
        size = 0
        try:
            while block := packed.read(_BLOCK_BYTES):
                size += len(block)
                check_size(size, most_bytes)
                yield block
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadRequest(400, f"The body is not what gzip compressed ({error}).") from error

    with gzip.GzipFile(fileobj=body) as packed:
        return _spooled(blocks())


def _spooled(blocks: Iterator[bytes]) -> IO[bytes]:
    with contextlib.ExitStack() as unless_complete:
        spool = unless_complete.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))
        size = checked = 0
        for block in blocks:
            size += len(block)
            if size - checked > _CHECK_DISK_BYTES:
                _check_disk(0)
                checked = size
            _write(spool, block)
        spool.seek(0)
        unless_complete.pop_all()
        return spool


def _write(spool: IO[bytes], block: bytes) -> None:
    try:
        spool.write(block)
    except OSError as error:
        raise BadRequest(507, f"The body cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}.") from error


def _exactly(stream: Stream, length: int) -> Iterator[bytes]:
    while length:
        block = stream.read1(min(length, _BLOCK_BYTES))
        if not block:
            raise SenderGone
        length -= len(block)
        yield block


def _chunks(stream: Stream, most_bytes: int) -> Iterator[bytes]:
    total = 0
    while size := _chunk_size(stream):
        total += size
        check_size(total, most_bytes)
        yield from _exactly(stream, size)
        if _line(stream) != b"\r\n":
            raise BadRequest(400, "A chunk does not end where its size says.")
    for _ in range(_TRAILER_LINES):
        if _line(stream) == b"\r\n":
            return
    raise BadRequest(400, f"The body in chunks is followed by more than {_TRAILER_LINES} trailers.")


def _chunk_size(stream: Stream) -> int:
    line = _line(stream)
    match = _CHUNK.fullmatch(line)
    if match is None:
        raise BadRequest(400, f"A chunk begins with {line[:40]!r}, which is no size in hexadecimal.")
    return int(match[1], 16)


def _line(stream: Stream) -> bytes:
    line = stream.readline(_CHUNK_LINE_BYTES)
    if not line:
        raise SenderGone
    return line


def check_size(size: int, most_bytes: int) -> None:
    """Raise BadRequest for a body of `size` bytes where that is more than `most_bytes`."""
    if size > most_bytes:
        raise BadRequest(413, f"The body has at least {size} bytes; at most {most_bytes} are accepted here.")


def _check_disk(size: int) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free - RESERVED_DISK_BYTES
    if size > free:
        raise BadRequest(507, f"The body has {size} bytes, and {max(free, 0)} can be kept in {folder}; free some space.")

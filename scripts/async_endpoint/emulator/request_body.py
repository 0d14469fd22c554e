"""The body of an HTTP request: its largest size, and its receipt in bounded memory.

Small bodies stay in memory, larger ones go to an unnamed temporary file. Framing is strict (RFC 9112, section 6): a request
that two readers could interpret differently is refused. APIs with smaller limits enforce them with their own errors.
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

from async_endpoint.emulator.api_calls import call_of, service_of
from async_endpoint.emulator.wsgi import Environ, is_admin

MEBIBYTE: Final = 1_048_576
IN_MEMORY_BYTES: Final = MEBIBYTE
# "Amazon S3 multipart upload limits": 5 GiB for a single PUT, a part and a POST object.
S3_OBJECT_BYTES: Final = 5 * 1_024 * MEBIBYTE
OBJECT_ACTIONS: Final = ("PutObject", "UploadPart")  # whose body is the content of an object
# Above the limits of the emulated APIs: 6 MB of InvokeEndpoint (service model), 1 MiB of SQS ("Amazon SQS message quotas"),
# each character of which a form or JSON may encode as six.
CALL_BYTES: Final = 16 * MEBIBYTE
# "Lambda quotas": 50 MB for a zipped package in a request, 67 MB in base64.
LAMBDA_BYTES: Final = 70 * MEBIBYTE
ADMIN_BYTES: Final = MEBIBYTE
# Free space that a body must leave on the disk for temporary files.
RESERVED_DISK_BYTES: Final = 64 * MEBIBYTE
_BLOCK_BYTES: Final = 262_144
_CHECK_DISK_BYTES: Final = 16 * MEBIBYTE
_LENGTH = re.compile(r"[0-9]{1,19}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")
_CHUNK_LINE_BYTES: Final = 1_024
_TRAILER_LINES: Final = 32


class BadRequest(Exception):
    """A malformed request; the message is for its sender."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class SenderGone(Exception):
    """The sender closed the connection in the middle of a request."""


class Stream(Protocol):
    """The stream that a body is read from."""

    def read1(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


def max_body_bytes(environ: Environ) -> int:
    """The largest body of a request, in bytes, by its headers."""
    if is_admin(environ):
        return ADMIN_BYTES
    service = service_of(environ) or "s3"  # as moto treats unsigned requests
    if service == "lambda":
        return LAMBDA_BYTES
    return S3_OBJECT_BYTES if service == "s3" and _carries_object(environ) else CALL_BYTES


def _carries_object(environ: Environ) -> bool:
    """Whether a request may be PutObject, UploadPart, or a form that uploads an object."""
    if environ["REQUEST_METHOD"] == "PUT":
        call = call_of(environ)
        return call is None or call.action in OBJECT_ACTIONS
    form: bool = environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data")
    return environ["REQUEST_METHOD"] == "POST" and form


def declared_length(headers: Message, version: str) -> int | None:
    """The length of the body in bytes, None for a chunked one; raises BadRequest for ambiguous headers."""
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
        raise BadRequest(400, f"Content-Length is {lengths[0][:100]!r}, which is not a number of bytes.")
    return int(lengths[0]) if lengths else 0


def receive(stream: Stream, length: int | None, max_bytes: int) -> IO[bytes]:
    """Read a body of `length` bytes, or a chunked one, into a file positioned at its start.

    Raises BadRequest if it is larger than `max_bytes` or the disk, or has malformed chunks; SenderGone if it ends early.
    """
    if length is not None:
        check_size(length, max_bytes)
        if length <= IN_MEMORY_BYTES:
            return io.BytesIO(b"".join(_exactly(stream, length)))
        check_disk(length)
    return _spooled(_chunks(stream, max_bytes) if length is None else _exactly(stream, length))


def decompress(body: IO[bytes], max_bytes: int) -> IO[bytes]:
    """Decompress a body sent with gzip; raises BadRequest if it is malformed or larger than `max_bytes`."""

    def blocks() -> Iterator[bytes]:
        size = 0
        try:
            while block := packed.read(_BLOCK_BYTES):
                size += len(block)
                check_size(size, max_bytes)
                yield block
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadRequest(400, f"The body is not valid gzip data ({error}).") from error

    with gzip.GzipFile(fileobj=body) as packed:
        return _spooled(blocks())


def _spooled(blocks: Iterator[bytes]) -> IO[bytes]:
    with contextlib.ExitStack() as cleanup:
        spool = cleanup.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES))
        size = checked = 0
        for block in blocks:
            size += len(block)
            if size - checked > _CHECK_DISK_BYTES:
                check_disk(0)
                checked = size
            _write(spool, block)
        spool.seek(0)
        cleanup.pop_all()
        return spool


def _write(spool: IO[bytes], block: bytes) -> None:
    try:
        spool.write(block)
    except OSError as error:
        raise disk_full(error) from error


def disk_full(error: OSError) -> BadRequest:
    """The refusal of a body that cannot be written to the temporary folder."""
    return BadRequest(507, f"The body cannot be kept in {tempfile.gettempdir()}: {error.strerror or error}.")


def _exactly(stream: Stream, length: int) -> Iterator[bytes]:
    while length:
        block = stream.read1(min(length, _BLOCK_BYTES))
        if not block:
            raise SenderGone
        length -= len(block)
        yield block


def _chunks(stream: Stream, max_bytes: int) -> Iterator[bytes]:
    total = 0
    while size := _chunk_size(stream):
        total += size
        check_size(total, max_bytes)
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
        raise BadRequest(400, f"A chunk begins with {line[:40]!r}, which is not a hexadecimal size.")
    return int(match[1], 16)


def _line(stream: Stream) -> bytes:
    line = stream.readline(_CHUNK_LINE_BYTES)
    if not line:
        raise SenderGone
    return line


def check_size(size: int, max_bytes: int) -> None:
    """Raise BadRequest if a body of `size` bytes is larger than `max_bytes`."""
    if size > max_bytes:
        raise BadRequest(413, f"The body has at least {size} bytes; at most {max_bytes} are accepted here.")


def check_disk(size: int) -> None:
    """Raise BadRequest if the temporary folder has no room for `size` bytes and the reserve."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free - RESERVED_DISK_BYTES
    if size > free:
        raise BadRequest(507, f"The body has {size} bytes, and {folder} has room for {max(free, 0)}; free some space.")

"""Large objects of S3 are in files, and are received, copied and sent in pieces; moto has each of them in memory.

moto has a file for each part, and completing an upload needs three times its size in memory. Here the parts of an upload are in
one unnamed file, of which the object is a sequence of extents: completing an upload and copying an object copy no content. What
is answered, and refused, is moto's. s3_request_bodies.py receives the content.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlparse
from weakref import WeakKeyDictionary

from moto.core.responses import ActionResult
from moto.s3 import responses
from moto.s3.exceptions import InvalidArgumentError, MissingKey, MissingVersion, S3ClientError
from moto.s3.models import FakeKey, FakeMultipart, MultipartChecksumBuilder, S3Backend
from moto.s3.responses import S3Response

from async_endpoint.emulator.container import payload
from async_endpoint.emulator.container.payload import Descriptor, FilePayload, Payload
from async_endpoint.emulator.request_body import disk_full
from async_endpoint.emulator.s3_checksums import checksum, encoded
from async_endpoint.emulator.s3_object_body import PayloadBuffer, body_of

IN_FILE_BYTES: Final = payload.IN_MEMORY_BYTES  # a larger body is kept in a file
_value = FakeKey.value
_set_part = FakeMultipart.set_part
_complete = FakeMultipart.complete
_upload_part_copy = S3Backend.upload_part_copy
_get = S3Response._key_response_get
_copy_object = S3Response.copy_object
_range = S3Response._handle_range_header
_part_copy = S3Response.upload_part_copy
_COPIED_RANGE: Final = re.compile(r"bytes=([0-9]{1,19})-([0-9]{1,19})")
_as_payload: ContextVar[bool] = ContextVar("as_payload", default=False)


# --- Objects ----------------------------------------------------------------------------------------------------------


@contextmanager
def _payloads() -> Iterator[None]:
    """Inside the context, `FakeKey.value` of a large object is a payload."""
    token = _as_payload.set(True)
    try:
        yield
    finally:
        _as_payload.reset(token)


def _read_value(self: FakeKey) -> bytes | Payload:
    buffer = self._value_buffer
    if not isinstance(buffer, PayloadBuffer):
        return _value.fget(self)  # type: ignore[no-any-return]
    content = buffer.payload
    return content if _as_payload.get() else content.read()


def _write_value(self: FakeKey, new_value: bytes | str | Payload) -> None:
    """Write an object's body; a large one is kept in a file, and not copied where it is in one already."""
    content = payload.of(new_value.encode() if isinstance(new_value, str) else new_value)
    if len(content) <= min(IN_FILE_BYTES, self._max_buffer_size):
        if isinstance(self._value_buffer, PayloadBuffer):
            self._value_buffer = tempfile.SpooledTemporaryFile(self._max_buffer_size)  # noqa: SIM115 - closed by dispose()
        _value.fset(self, content.read())
        return
    if not isinstance(content, FilePayload):
        content = _in_file(content)
    self._value_buffer.close()
    self._value_buffer = PayloadBuffer(content)
    self.contentsize = len(content)
    if self._etag is None:
        self._etag = _md5(content)


def _in_file(content: Payload) -> Payload:
    file = _PartsFile()
    return FilePayload(file.descriptor, [file.append(content)])


def _md5(content: Payload) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in content:
        digest.update(block)
    return digest.hexdigest()


# --- Uploads in parts -------------------------------------------------------------------------------------------------


class _PartsFile:
    """An unnamed file of bodies, one after the other."""

    def __init__(self) -> None:
        """Raises BadRequest if no file can be opened."""
        try:
            with tempfile.TemporaryFile() as file:
                self.descriptor = Descriptor(os.dup(file.fileno()))
        except OSError as error:
            raise disk_full(error) from error
        self._end = 0
        self._lock = threading.Lock()

    def append(self, content: Payload) -> payload.Extent:
        """Write a body; returns its extent. Raises BadRequest if the disk is full."""
        with self._lock:
            start = self._end
            self._end += len(content)
        offset = start
        try:
            for block in content:
                view = memoryview(block)
                while view:
                    written = os.pwrite(self.descriptor.number, view, offset)
                    view, offset = view[written:], offset + written
        except OSError as error:
            raise disk_full(error) from error
        return start, len(content)


_files: WeakKeyDictionary[FakeMultipart, _PartsFile] = WeakKeyDictionary()
_files_lock = threading.Lock()


def _file_of(upload: FakeMultipart) -> _PartsFile:
    with _files_lock:
        file = _files.get(upload)
        if file is None:
            file = _files[upload] = _PartsFile()
        return file


def set_part(self: FakeMultipart, part_id: int, value: bytes | Payload) -> FakeKey:
    """Keep a part; a large one is in the upload's file."""
    content = payload.of(value)
    if len(content) > IN_FILE_BYTES and part_id >= 1:
        file = _file_of(self)
        return _set_part(self, part_id, FilePayload(file.descriptor, [file.append(content)]))
    return _set_part(self, part_id, content.read())


def complete(self: FakeMultipart, body: Iterable[tuple[int, str]]) -> tuple[bytes | Payload, str, tuple[str, str, int] | None]:
    """moto's checks, on parts without their content; then the content as extents of the upload's file, and its checksum."""
    chosen = list(body)
    parts = self.parts
    if sum(parts[number].contentsize for number, _ in chosen if number in parts) <= IN_FILE_BYTES:
        return _complete(self, iter(chosen))  # type: ignore[no-any-return]
    without_content = FakeMultipart(self.key_name, self.metadata, self.account_id, self.region_name)
    without_content.parts = {number: _Outline(part) for number, part in parts.items()}
    _, etag, _ = _complete(without_content, iter(chosen))
    file = _file_of(self)
    contents = [_in_upload(file, body_of(parts[number]) or Payload()) for number, _ in chosen]
    whole = FilePayload(file.descriptor, (extent for content in contents for extent in content.extents))
    return whole, etag, _checksum(self.metadata, contents, whole)


def _in_upload(file: _PartsFile, content: Payload) -> FilePayload:
    """A part in the upload's file; a small one, or one from before a restart, is copied into it."""
    if isinstance(content, FilePayload) and content.file is file.descriptor:
        return content
    return FilePayload(file.descriptor, [file.append(content)])


class _Outline:
    """A part as moto's checks see it."""

    value = b""

    def __init__(self, part: FakeKey) -> None:
        self.etag = part.etag
        self.contentsize = part.contentsize


def _checksum(metadata: Any, parts: list[FilePayload], whole: FilePayload) -> tuple[str, str, int] | None:
    """moto's checksum of an upload."""
    builder = MultipartChecksumBuilder(metadata.get("x-amz-checksum-algorithm"), metadata.get("x-amz-checksum-type"))
    algorithm = builder.checksum_algorithm
    if builder.checksum_type != "COMPOSITE":
        return builder.checksum_type, encoded(whole, algorithm), 1
    builder.checksum.extend(b"".join(checksum(part, algorithm) for part in parts))
    builder.part_count = len(parts)
    found: tuple[str, str, int] | None = builder.build()
    return found


def upload_part_copy(self: S3Backend, *arguments: Any, **options: Any) -> FakeKey:
    with _payloads():
        return _upload_part_copy(self, *arguments, **options)


# --- Responses --------------------------------------------------------------------------------------------------------


def get(self: S3Response, *arguments: Any, **options: Any) -> Any:
    """The response to GetObject has a payload as its body, which the server sends in pieces."""
    with _payloads():
        return _get(self, *arguments, **options)


def part_of(self: S3Response, *arguments: Any) -> Any:
    """The response to a request for a range; its refusal has a request id, as other responses do."""
    try:
        return _range(self, *arguments)
    except S3ClientError as error:
        return self._send_response(self.serialized(ActionResult(error)))


def part_copy(self: S3Response) -> Any:
    """UploadPartCopy; the refusals of a range are those of s3proxy issue 304 and versitygw issue 610."""
    source = urlparse(self.headers["x-amz-copy-source"])
    bucket, _, key = unquote(source.path).lstrip("/").partition("/")
    version = parse_qs(source.query).get("versionId", [None])[0]
    copied = self.backend.get_object(bucket, key, version_id=version)
    if copied is None:
        raise MissingVersion if version else MissingKey(key=key)
    stated = self.headers.get("x-amz-copy-source-range")
    if stated is not None:
        _check_copied(stated, copied.size)
    return _part_copy(self)


def _check_copied(stated: str, size: int) -> None:
    found = _COPIED_RANGE.fullmatch(stated)
    if found is None or int(found[1]) > int(found[2]):
        message = (
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
            "offsets of the first and last bytes to copy"
        )
    elif int(found[2]) >= size:
        message = f"Range specified is not valid for source object of size: {size}"
    else:
        return
    raise InvalidArgumentError(message, "x-amz-copy-source-range", stated)


def copy_object(self: S3Response) -> Any:
    with _payloads():
        return _copy_object(self)


def _compute_checksum(plain: Callable[..., bytes]) -> Callable[..., bytes]:
    def compute(body: bytes | Payload, algorithm: str, encode_base64: bool = True) -> bytes:
        if not isinstance(body, Payload):
            return plain(body, algorithm, encode_base64)
        return encoded(body, algorithm).encode() if encode_base64 else checksum(body, algorithm)

    return compute


def apply() -> None:
    FakeMultipart.set_part = set_part
    FakeMultipart.complete = complete
    S3Backend.upload_part_copy = upload_part_copy
    S3Response._key_response_get = get
    S3Response._handle_range_header = part_of
    S3Response.copy_object = copy_object
    S3Response.upload_part_copy = part_copy
    if FakeKey.value is _value:  # persistence wraps the property later
        FakeKey.value = property(_read_value, _write_value)
        responses.compute_checksum = _compute_checksum(responses.compute_checksum)

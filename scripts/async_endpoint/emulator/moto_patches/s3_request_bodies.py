"""Bodies of requests to S3: large ones are received in files, and the digests that a request states are verified.

moto reads each body into memory, several times, parses the content of an object as a form if its Content-Type says so, and
ignores Content-MD5 and checksums. Sources: S3 User Guide, "Checking object integrity"; S3 API Reference, "Error responses"; the
words of the refusals are those of aws-sdk-ruby issue 3322 and versitygw issues 1593 and 1659.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from io import BytesIO
from typing import IO, Any, Final

from moto.core.request import Request
from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

from async_endpoint.emulator import s3_checksums
from async_endpoint.emulator.api_calls import call_of
from async_endpoint.emulator.container import payload
from async_endpoint.emulator.container.payload import Payload, PayloadWriter
from async_endpoint.emulator.request_body import IN_MEMORY_BYTES, OBJECT_ACTIONS, check_disk, disk_full
from async_endpoint.emulator.wsgi import Environ

_STREAMING: Final = "STREAMING-"  # x-amz-content-sha256 of an aws-chunked body
_SDK_ALGORITHM: Final = "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"
_HEADERS: Final = {f"HTTP_X_AMZ_CHECKSUM_{name}": name for name in s3_checksums.SIZES}
_UPLOAD_FORM: Final = "multipart/form-data"
_FORMS: Final = ("application/x-www-form-urlencoded", _UPLOAD_FORM)
_TRAILER_BYTES: Final = 8_192
_TRAILER: Final = re.compile(rb"\r\n(x-amz-checksum-\w+):[ \t]*([^\r\n]*)\r?\n", re.IGNORECASE)
_setup_class = S3Response.setup_class
_signed_chunks = S3Response._handle_v4_chunk_signatures
_key_put = S3Response._key_response_put
_bucket_put = S3Response._bucket_response_put
_delete_keys = S3Response._bucket_response_delete_keys


# --- Receipt ----------------------------------------------------------------------------------------------------------


def setup_class(self: S3Response, request: Request, full_url: str | None = None, headers: Any = None) -> None:
    """Read a request. The body of a large object is a payload in a file, and `raw_body` only what follows its content."""
    environ = request.environ
    chunked = environ.get("HTTP_X_AMZ_CONTENT_SHA256", "").startswith(_STREAMING)
    taken = _taken(request, environ, chunked=chunked)
    if taken is None:
        _setup_class(self, request, full_url, headers)
        if chunked:
            self.raw_body = _trailer(self.raw_body) or self.body
        return
    stream, length = environ["wsgi.input"], environ["CONTENT_LENGTH"]
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(), "0"  # moto reads it into memory
    try:
        _setup_class(self, request, full_url, headers)
    finally:
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = stream, length
    self.body, self.raw_body = taken


def _taken(request: Request, environ: Environ, *, chunked: bool) -> tuple[bytes | Payload, bytes] | None:
    """The content of an object and the trailer after it; None for a body that is left to moto."""
    large = int(environ.get("CONTENT_LENGTH") or 0) > IN_MEMORY_BYTES
    content_type = environ.get("CONTENT_TYPE", "").lower()
    if not large and not content_type.startswith(_FORMS):
        return None
    if environ["REQUEST_METHOD"] == "POST":
        return (_file_of_form(request), b"") if large and content_type.startswith(_UPLOAD_FORM) else None
    call = call_of(environ)
    if call is None or call.action not in OBJECT_ACTIONS:
        return None
    content, trailer = _decoded(environ["wsgi.input"]) if chunked else (payload.of_stream(environ["wsgi.input"]), b"")
    return content if large else content.read(), trailer


def _file_of_form(request: Request) -> Payload:
    """The file of a form, without which moto then reads the form."""
    content = Payload()
    for file in request.files.values():
        content = payload.of_stream(file.stream)
        file.stream.close()
        file.stream = BytesIO()
    return content


def _decoded(body: IO[bytes]) -> tuple[Payload, bytes]:
    """The content of an aws-chunked body, and what follows it. Chunks and signatures were verified by auth/payload.py.

    Raises BadRequest if the disk is full, ValueError for malformed chunks.
    """
    writer = PayloadWriter()
    try:
        check_disk(body.seek(0, 2))
        body.seek(0)
        while left := int(body.readline(_TRAILER_BYTES).partition(b";")[0], 16):
            while left:
                block = body.read(min(left, IN_MEMORY_BYTES))
                if not block:
                    raise ValueError("The last chunk of the body is not complete.")
                writer.write(block)
                left -= len(block)
            body.readline(_TRAILER_BYTES)
        return writer.finish(), _trailer(b"\r\n" + body.read(_TRAILER_BYTES))
    except OSError as error:
        raise disk_full(error) from error
    finally:
        writer.close()


def _handle_v4_chunk_signatures(self: S3Response, body: bytes, content_length: int) -> bytes:
    """moto's decoding, which allocates what the request states for a body that was received already."""
    return _signed_chunks(self, body, content_length) if body else b""


def _trailer(end: bytes) -> bytes:
    """The checksum after an aws-chunked body, as `name:value`: moto looks for one in the content too."""
    found = _TRAILER.findall(end, max(len(end) - _TRAILER_BYTES, 0))
    return b":".join(found[-1]) if found else b""


# --- Digests ----------------------------------------------------------------------------------------------------------


def verify(environ: Environ, content: bytes | Payload, trailer: bytes) -> None:
    """Raise S3's error for a body that is not what the request states by Content-MD5, a checksum or an algorithm."""
    stated_md5 = environ.get("HTTP_CONTENT_MD5")
    if stated_md5 is not None:
        _verify_md5(stated_md5, content)
    stated = [(name, environ[header]) for header, name in _HEADERS.items() if header in environ]
    name, _, value = trailer.decode("latin-1").partition(":")
    stated += [(name.upper().removeprefix("X-AMZ-CHECKSUM-"), value.strip())] if value else []
    stated = [(name, value) for name, value in stated if name in s3_checksums.SIZES]
    if len(stated) > 1:
        raise _invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    algorithm = environ.get(_SDK_ALGORITHM, "").upper()
    if not stated:
        if algorithm:
            raise _invalid(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were "
                "found."
            )
        return
    name, value = stated[0]
    if algorithm not in ("", name):
        raise _invalid("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    environ[_SDK_ALGORITHM] = name  # moto keeps a checksum only with it
    _verify_checksum(name, value, content)


def _verify_md5(stated: str, content: bytes | Payload) -> None:
    digest = _from_base64(stated)
    if digest is None or len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise S3ClientError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    computed = hashlib.md5(usedforsecurity=False)
    for block in payload.of(content):
        computed.update(block)
    if computed.digest() != digest:
        raise S3ClientError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _verify_checksum(name: str, stated: str, content: bytes | Payload) -> None:
    digest = _from_base64(stated)
    if digest is None or len(digest) != s3_checksums.SIZES[name]:
        raise _invalid(f"Value for x-amz-checksum-{name.lower()} header is invalid.")
    if s3_checksums.is_computable(name) and s3_checksums.checksum(payload.of(content), name) != digest:
        raise S3ClientError("BadDigest", f"The {name} you specified did not match the calculated checksum.")


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _invalid(message: str) -> S3ClientError:
    return S3ClientError("InvalidRequest", message)


def _verify(self: S3Response) -> None:
    if "HTTP_X_AMZ_COPY_SOURCE" not in self.request.environ:  # a copy has no body
        verify(self.request.environ, self.body, b"" if self.raw_body is self.body else self.raw_body)


def key_put(self: S3Response, *arguments: Any, **options: Any) -> Any:
    _verify(self)
    return _key_put(self, *arguments, **options)


def bucket_put(self: S3Response, *arguments: Any, **options: Any) -> Any:
    _verify(self)
    return _bucket_put(self, *arguments, **options)


def delete_keys(self: S3Response, *arguments: Any, **options: Any) -> Any:
    _verify(self)
    return _delete_keys(self, *arguments, **options)


def apply() -> None:
    S3Response.setup_class = setup_class
    S3Response._handle_v4_chunk_signatures = _handle_v4_chunk_signatures
    S3Response._key_response_put = key_put
    S3Response._bucket_response_put = bucket_put
    S3Response._bucket_response_delete_keys = delete_keys

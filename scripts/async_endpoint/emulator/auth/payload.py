"""Verification of a request's body against its signature, aws-chunked encodings included.

Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks"
and the page on trailing headers.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from io import BytesIO
from typing import Any, BinaryIO, Final

from async_endpoint.emulator.auth.errors import AuthenticationError, invalid_s3, wrong_signature
from async_endpoint.emulator.auth.sigv4 import EMPTY_HASH, Signature, SigningKey, header

UNSIGNED: Final = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNKED: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNKED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_STREAMING: Final = (UNSIGNED_TRAILER, CHUNKED, CHUNKED_TRAILER)
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\r\n")
_MAX_LINE: Final = 8_192
_BLOCK: Final = 1 << 20


def stated_hash(environ: dict[str, Any], signature: Signature) -> str:
    """The payload hash that a request to S3 states, the last line of what is signed; raises AuthenticationError if invalid."""
    stated = header(environ, "x-amz-content-sha256")
    if not stated and signature.presigned:
        return UNSIGNED
    if not stated:
        raise invalid_s3("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    if stated != UNSIGNED and stated not in _STREAMING and not _HEX.fullmatch(stated):
        raise invalid_s3(
            "InvalidArgument", f"x-amz-content-sha256 must be {UNSIGNED}, {', '.join(_STREAMING)}, or a valid sha256 value."
        )
    return stated


def verify_stated(environ: dict[str, Any], signature: Signature, key: SigningKey) -> None:
    """Verify the body of a request to S3 by its stated hash; raises AuthenticationError. The body can be read again."""
    stated = stated_hash(environ, signature)
    if stated in _STREAMING and not signature.presigned:
        _verify_chunks(environ, signature, key, stated)
    elif _HEX.fullmatch(stated) and stated != body_hash(environ):
        raise invalid_s3(
            "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."
        )


def body_hash(environ: dict[str, Any]) -> str:
    """The SHA-256 of the body, which can be read again."""
    body: BinaryIO = environ["wsgi.input"]
    if isinstance(body, BytesIO):
        return sha256(body.getbuffer()).hexdigest()
    digest = sha256()
    while block := body.read(_BLOCK):
        digest.update(block)
    body.seek(0)
    return digest.hexdigest()


def _verify_chunks(environ: dict[str, Any], signature: Signature, key: SigningKey, kind: str) -> None:
    """Verify an aws-chunked body, including the signatures of signed chunks."""
    body: BinaryIO = environ["wsgi.input"]
    try:
        length = _ChunkReader(body, signature, key, signed=kind != UNSIGNED_TRAILER).read(with_trailer=kind != CHUNKED)
    finally:
        body.seek(0)
    stated_length = header(environ, "x-amz-decoded-content-length")
    if not stated_length.isdecimal():
        raise invalid_s3("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    if int(stated_length) != length:
        raise incomplete_body()


class _ChunkReader:
    """An aws-chunked body. The signature of each chunk covers that of the previous one, the first that of the request."""

    def __init__(self, body: BinaryIO, signature: Signature, key: SigningKey, *, signed: bool) -> None:
        self._body = body
        self._key = key
        self._signed = signed
        self._previous = signature.signature
        self._scope = (signature.timestamp, str(signature.scope))

    def read(self, *, with_trailer: bool) -> int:
        """Read and verify the body; returns the number of decoded bytes."""
        total = 0
        while size := self._chunk():
            total += size
        if with_trailer:
            self._trailer()
        return total

    def _chunk(self) -> int:
        head = _CHUNK.fullmatch(self._body.readline(_MAX_LINE))
        if head is None or (head[2] is None) is self._signed:
            raise incomplete_body()
        size, digest = int(head[1], 16), sha256()
        left = size
        while left:
            block = self._body.read(min(left, _BLOCK))
            if not block:
                raise incomplete_body()
            digest.update(block)
            left -= len(block)
        if self._signed:
            self._check(head[2].decode(), "AWS4-HMAC-SHA256-PAYLOAD", EMPTY_HASH, digest.hexdigest())
        if size and self._body.read(2) != b"\r\n":
            raise incomplete_body()
        return size

    def _trailer(self) -> None:
        """Verify the lines `name:value` after the last chunk by their signature."""
        canonical, given = "", ""
        while (line := self._body.readline(_MAX_LINE)).strip():
            name, _, value = line.decode("latin-1").strip().partition(":")
            if name.lower() == "x-amz-trailer-signature":
                given = value.strip()
            else:
                canonical += f"{name.lower()}:{value.strip()}\n"
        if self._signed:
            self._check(given, "AWS4-HMAC-SHA256-TRAILER", sha256(canonical.encode("latin-1")).hexdigest())

    def _check(self, given: str, algorithm: str, *hashes: str) -> None:
        expected = self._key.sign(algorithm, *self._scope, self._previous, *hashes)
        if not hmac.compare_digest(expected.encode(), given.encode("latin-1")):
            raise wrong_signature()
        self._previous = expected


def incomplete_body() -> AuthenticationError:
    return invalid_s3(
        "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header.", 400
    )

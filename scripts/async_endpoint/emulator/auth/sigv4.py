"""Signature Version 4: canonical requests and their signatures.

Source: IAM User Guide, "Create a signed AWS API request"; Amazon S3 API Reference, "Authenticating Requests (AWS Signature
Version 4)". S3 signs the path as it is sent, every other service the normalized path encoded once more.
"""

from __future__ import annotations

import hmac
import posixpath
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, unquote_plus

from moto.core.request import environ_key_for_header, should_preserve_original_header_name

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
EMPTY_HASH: Final = sha256(b"").hexdigest()
_UNRESERVED: Final = "-_.~"


class Scope(NamedTuple):
    """Credential scope of a signing key; `date` is YYYYMMDD."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


class SignedHeaders(NamedTuple):
    """The headers that a signature covers: names in its order, and their keys in a WSGI environment.

    `preserved` are those whose spelling matters too (moto keeps it beside the environment).
    """

    text: str
    names: tuple[str, ...]
    keys: tuple[str, ...]
    covered: frozenset[str]
    preserved: frozenset[str]

    @classmethod
    @lru_cache(maxsize=1_024)
    def read(cls, text: str) -> SignedHeaders:
        """Parse names separated by semicolons."""
        names = tuple(text.split(";"))
        keys = tuple(environ_key_for_header(name) for name in names)
        preserved = frozenset(name for name in names if should_preserve_original_header_name(name))
        return cls(text, names, keys, frozenset(keys), preserved)


class Signature(NamedTuple):
    """The signature of a request, from its headers or (`presigned`) its URL. `timestamp` is YYYYMMDDTHHMMSSZ."""

    access_key_id: str
    scope: Scope
    timestamp: str
    signed_headers: SignedHeaders
    signature: str
    session_token: str | None
    presigned: bool


class SigningKey:
    """HMAC-SHA256 with one key, whose first blocks are hashed once.

    `hmac.digest` releases the interpreter lock for each signature, which costs more than the signature when other threads
    wait for the lock.
    """

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def sign(self, *lines: str) -> str:
        """The signature of a string to sign, given by its lines."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update("\n".join(lines).encode("latin-1", "replace"))
        outer.update(inner.digest())
        return outer.hexdigest()


@lru_cache(maxsize=512)
def signing_key(secret: str, scope: Scope) -> SigningKey:
    """The signing key of a secret for a scope."""
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return SigningKey(key)


def string_to_sign(signature: Signature, canonical_request: str) -> tuple[str, ...]:
    digest = sha256(canonical_request.encode("latin-1")).hexdigest()
    return ALGORITHM, signature.timestamp, str(signature.scope), digest


def canonical_requests(environ: dict[str, Any], signature: Signature, payload_hash: str) -> Iterator[str]:
    """The canonical requests that a client may have signed: as sent, then with path and query encoded by the specification.

    Both are the same for AWS SDKs; a client that sends less encoding than the specification requires signs the second.
    """
    path, _, query = raw_target(environ)
    signed, is_s3 = signature.signed_headers, signature.scope.service == "s3"
    headers = "".join(
        [f"{name}:{_trimmed(environ.get(key, ''))}\n" for name, key in zip(signed.names, signed.keys, strict=True)]
    )
    rest = f"{headers}\n{signed.text}\n{payload_hash}"
    pairs = _pairs(query, presigned=signature.presigned) if query else []
    yield f"{environ['REQUEST_METHOD']}\n{path if is_s3 else _encoded_again(path)}\n{_joined(pairs) if pairs else ''}\n{rest}"
    path = quote(unquote(path, "latin-1"), safe="/~", encoding="latin-1")
    pairs = [(_encode(name), "=", _encode(value)) for name, _, value in pairs]
    yield f"{environ['REQUEST_METHOD']}\n{path if is_s3 else _encoded_again(path)}\n{_joined(pairs)}\n{rest}"


def _pairs(query: str, *, presigned: bool) -> list[tuple[str, str, str]]:
    """The signed query parameters as sent: all but the signature of a presigned URL."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    return [pair for pair in pairs if pair[0] != "X-Amz-Signature"] if presigned else pairs


def header(environ: dict[str, Any], name: str) -> str:
    """The value of a header, joined by commas if repeated; empty if absent."""
    return str(environ.get(environ_key_for_header(name), ""))


def _trimmed(value: str) -> str:
    """`value` without surrounding white space and with single spaces inside."""
    value = value.strip()
    return " ".join(value.split()) if "  " in value or "\t" in value else value


def raw_target(environ: dict[str, Any]) -> tuple[str, str, str]:
    """Path, question mark and query as sent."""
    target: str = environ["RAW_URI"]
    return target.partition("?")


def _joined(pairs: list[tuple[str, str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs, key=lambda pair: (pair[0], pair[2])))


def _encode(text: str) -> str:
    """Encode a name or value of the query; a plus sign is a space, as every reader of queries decodes it."""
    return quote(unquote_plus(text, "latin-1"), safe=_UNRESERVED, encoding="latin-1")


@lru_cache(maxsize=256)
def _encoded_again(path: str) -> str:
    """The canonical path of services other than S3."""
    return quote(_normalized(path), safe="/~")


def _normalized(path: str) -> str:
    """The path without empty and dot segments, with its trailing slash."""
    if "//" not in path and "/." not in path:
        return path
    plain = posixpath.normpath(path).replace("//", "/")
    return plain if plain == "/" or not path.endswith("/") else plain + "/"

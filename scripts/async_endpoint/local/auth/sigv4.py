"""Signature Version 4: what is signed, and the signature of it.

Source: IAM User Guide, "Create a signed AWS API request"; Amazon S3 API Reference, "Authenticating Requests (AWS Signature
Version 4)". S3 signs the path as it is sent, every other service the normalized path encoded once more.
"""

from __future__ import annotations

import hmac
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote, unquote

from moto.core.request import environ_key_for_header

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
EMPTY_HASH: Final = sha256(b"").hexdigest()
_UNRESERVED: Final = "-_.~"
_environ_key = lru_cache(maxsize=1_024)(environ_key_for_header)


@dataclass(frozen=True)
class Scope:
    """What a signing key is derived for; `date` is YYYYMMDD."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


@dataclass(frozen=True)
class Signature:
    """A signature as a request carries it, in its headers or (`presigned`) in its URL. `timestamp` is YYYYMMDDTHHMMSSZ."""

    access_key_id: str
    scope: Scope
    timestamp: str
    signed_headers: tuple[str, ...]
    signature: str
    session_token: str | None
    presigned: bool


@lru_cache(maxsize=512)
def signing_key(secret: str, scope: Scope) -> bytes:
    """The key that one secret signs with on one day in one region for one service."""
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def sign(key: bytes, *lines: str) -> str:
    """The signature of a string to sign, given by its lines."""
    return hmac.digest(key, "\n".join(lines).encode("latin-1", "replace"), "sha256").hex()


def string_to_sign(signature: Signature, canonical_request: str) -> tuple[str, ...]:
    digest = sha256(canonical_request.encode("latin-1")).hexdigest()
    return ALGORITHM, signature.timestamp, str(signature.scope), digest


def canonical_requests(environ: dict[str, Any], signature: Signature, payload_hash: str) -> Iterator[str]:
    """The request as its client may have signed it: as sent, then with path and query encoded as the specification says.

    Both are the same for an SDK of AWS; a client that encodes less than the specification wants signs the second.
    """
    path, _, query = raw_target(environ)
    names = signature.signed_headers
    headers = "".join([f"{name}:{_trimmed(header(environ, name))}\n" for name in names])
    rest = f"{headers}\n{';'.join(names)}\n{payload_hash}"
    is_s3 = signature.scope.service == "s3"
    pairs = [part.partition("=") for part in query.split("&") if part] if query else []
    if signature.presigned:
        pairs = [pair for pair in pairs if pair[0] != "X-Amz-Signature"]

    def request(path: str, pairs: list[tuple[str, str, str]]) -> str:
        signed_path = path if is_s3 else quote(_normalized(path), safe="/~")
        return f"{environ['REQUEST_METHOD']}\n{signed_path}\n{_joined(pairs)}\n{rest}"

    yield request(path, pairs)
    respelled = quote(unquote(path, "latin-1"), safe="/~", encoding="latin-1")
    yield request(respelled, [(_encode(name), "=", _encode(value)) for name, _, value in pairs])


def header(environ: dict[str, Any], name: str) -> str:
    """The value of a header; several of one name are joined by commas. Empty where there is none."""
    return str(environ.get(_environ_key(name), ""))


def _trimmed(value: str) -> str:
    """Without white space around it, and with single spaces within."""
    value = value.strip()
    return " ".join(value.split()) if "  " in value or "\t" in value else value


def raw_target(environ: dict[str, Any]) -> tuple[str, str, str]:
    """Path, question mark and query as they were sent; an absolute URL, as proxies send, is reduced to its path."""
    target: str = environ["RAW_URI"]
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        target = "/" + rest.partition("/")[2]
    path, mark, query = target.partition("?")
    return path or "/", mark, query


def _joined(pairs: list[tuple[str, str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, _, value in sorted(pairs, key=lambda pair: (pair[0], pair[2])))


def _encode(text: str) -> str:
    return quote(unquote(text, "latin-1"), safe=_UNRESERVED, encoding="latin-1")


def _normalized(path: str) -> str:
    """Without empty and dot segments; a slash at the end stays."""
    if "//" not in path and "/." not in path:
        return path
    plain = posixpath.normpath(path).replace("//", "/")
    return plain if plain == "/" or not path.endswith("/") else plain + "/"

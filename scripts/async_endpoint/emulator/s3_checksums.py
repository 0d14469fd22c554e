"""Checksums of S3 objects, computed in pieces. Source: S3 User Guide, "Checking object integrity".

Without the packages crc32c and awscrt, CRC-32 takes the place of CRC32C and CRC64NVME, as in moto: those that a request states
are stored without being verified.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from typing import Final

SIZES: Final = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}  # in bytes
_HASHES: Final = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256}
_PACKAGES: Final = {"CRC32C": "crc32c", "CRC64NVME": "awscrt"}


@cache
def is_computable(algorithm: str) -> bool:
    """Whether `checksum` computes this algorithm itself."""
    return algorithm not in _PACKAGES or find_spec(_PACKAGES[algorithm]) is not None


def checksum(content: Iterable[bytes], algorithm: str) -> bytes:
    """The checksum of a body that is given in pieces."""
    if algorithm not in SIZES or algorithm in _HASHES:
        digest = _HASHES.get(algorithm, hashlib.sha256)(usedforsecurity=False)
        for block in content:
            digest.update(block)
        return digest.digest()
    update, size = _crc(algorithm)
    value = 0
    for block in content:
        value = update(block, value)
    return value.to_bytes(size, "big")


def encoded(content: Iterable[bytes], algorithm: str) -> str:
    """The checksum in base64, as in S3's headers."""
    return base64.b64encode(checksum(content, algorithm)).decode()


def _crc(algorithm: str) -> tuple[Callable[[bytes, int], int], int]:
    """A function that continues a CRC, and the CRC's size in bytes."""
    if algorithm == "CRC32C" and is_computable(algorithm):
        from crc32c import crc32c  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

        return crc32c, 4
    if algorithm == "CRC64NVME" and is_computable(algorithm):
        from awscrt.checksums import crc64nvme  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

        return crc64nvme, 8
    return zlib.crc32, 4

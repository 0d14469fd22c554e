"""Item: one input of a batch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from async_endpoint.client.models import Payload

SHORT_DIGEST_CHARS: Final = 20  # 80 bits: no two of a billion items share one


@dataclass(frozen=True)
class Item:
    """`name` is unique in its source, valid Unicode, and names the result; `fingerprint` changes when the input does.

    `problem` is why the item is invalid, None for all others; `payload` is then empty. Content type None is guessed.
    """

    name: str
    payload: Payload
    fingerprint: str
    content_type: str | None = None
    problem: str | None = None

    @classmethod
    def invalid(cls, name: str, problem: str) -> Item:
        """An item that cannot be sent; it fails by itself."""
        return cls(name, b"", digest(problem), problem=problem)


def digest(*parts: str | bytes) -> str:
    """A hash of `parts` in this order, twenty hexadecimal characters."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()[:SHORT_DIGEST_CHARS]

"""One request a key: the same key with the same payload is the same request, with another one it is refused.

A key names the output object, so two requests under one key would each read what the other wrote.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.client.invocation import Invocation
from async_endpoint.client.results import Request, Submitted
from async_endpoint.core.errors import InvalidInput

FINISHED_KEYS: Final = 10_000  # remembered, some 1 KB each


@dataclass(frozen=True)
class Known:
    """What a key stands for. `fingerprint` is None where the payload is not known (Invocations that were resumed).

    `collected` is whether the invocation will have an outcome, and not only an acceptance.
    """

    fingerprint: str | None
    invocation: Invocation
    collected: bool


@dataclass(frozen=True)
class Finished:
    """A request that has ended; `submitted` is None where the endpoint may have accepted it and its answer was lost."""

    fingerprint: str | None
    submitted: Submitted | None


class Requests:
    """The requests of one client by inference id: those without an outcome, and the last 10,000 with a key that have one.

    Safe among threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: dict[str, Known] = {}
        self._finished: OrderedDict[str, Finished] = OrderedDict()
        self._number = 0

    def next_key(self, prefix: str) -> str:
        """The key of a request without one: a number that no key in use looks like."""
        with self._lock:
            while True:
                self._number += 1
                key = f"{self._number:08d}"
                if prefix + key not in self._active and prefix + key not in self._finished:
                    return key

    def claim(self, invocation: Invocation, fingerprint: str | None, *, collected: bool = True) -> Known | Finished | None:
        """What the key of `invocation` stands for already; None when it is free, and now stands for `invocation`.

        `fingerprint` is None for what has a number for a key, or was sent elsewhere. An active request without an outcome to
        come, and a finished one, are superseded by an `invocation` that will have one. Raises InvalidInput when the key stands
        for a request with another payload or other options.
        """
        name, key = invocation.inference_id, invocation.key
        with self._lock:
            known: Known | Finished | None = self._active.get(name) or self._finished.get(name)
            if known is None:
                if fingerprint is not None and self._looks_numbered(key):
                    raise InvalidInput(
                        f"The key {key!r} is that of a request that was given none and numbered; give this one another key."
                    )
                self._active[name] = Known(fingerprint, invocation, collected)
                return None
            if fingerprint is not None and known.fingerprint != fingerprint:
                raise InvalidInput(
                    f"The key {key!r} names another request of this client, with another payload or other options; give each "
                    "request a key of its own."
                )
            superseded = not known.collected if isinstance(known, Known) else True
            unsent = isinstance(known, Finished) and known.submitted is None
            if (collected and superseded) or unsent:
                self._active[name] = Known(known.fingerprint, invocation, collected)
            return known

    def release(self, invocation: Invocation, *, keep: bool) -> None:
        """`invocation` has ended: the next one with its key and payload is collected, and not computed again.

        `keep` False forgets it, as a request that was not accepted is forgotten.
        """
        name = invocation.inference_id
        with self._lock:
            known = self._active.get(name)
            if known is None or known.invocation is not invocation:
                return
            del self._active[name]
            if keep and known.fingerprint is not None:
                self._finished[name] = Finished(known.fingerprint, invocation.submitted)
                self._finished.move_to_end(name)
                if len(self._finished) > FINISHED_KEYS:
                    self._finished.popitem(last=False)

    def _looks_numbered(self, key: str) -> bool:
        return key.isascii() and key.isdigit() and int(key) <= self._number and key == f"{int(key):08d}"


def fingerprint(request: Request) -> str:
    """Forty characters that stand for payload and options: of bytes the content, of a file its path, size and time."""
    found = hashlib.sha256(repr((request.content_type, request.accept, request.inline)).encode())
    payload = request.payload
    if isinstance(payload, bytes):
        found.update(b"bytes")
        found.update(payload)
    elif isinstance(payload, Path):
        found.update(repr(("file", str(payload.absolute()), _size_and_time(payload))).encode("utf-8", "backslashreplace"))
    else:
        found.update(repr(("uri", payload)).encode("utf-8", "backslashreplace"))
    return found.hexdigest()[:40]


def _size_and_time(path: Path) -> tuple[int, int] | None:
    try:
        known = path.stat()
    except (OSError, ValueError):
        return None  # sending it says what is wrong
    return known.st_size, known.st_mtime_ns

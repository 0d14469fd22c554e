"""Deduplication by key: the same key with the same payload is the same request, with another payload a conflict.

A key names the output object, so two requests with one key would each read what the other wrote.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from async_endpoint.client.invocation import Invocation
from async_endpoint.client.models import Request, Submitted
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.reply_queues import name_in_run

FINISHED_KEYS: Final = 10_000  # remembered, some 1 KB each


@dataclass(frozen=True)
class ActiveRequest:
    """A request in progress. `fingerprint` is None if the payload is unknown (resumed invocations).

    `collected` is whether the invocation will have an outcome, not only an acceptance.
    """

    fingerprint: str | None
    invocation: Invocation
    collected: bool


@dataclass(frozen=True)
class FinishedRequest:
    """A request that has ended; `submitted` is None if the endpoint may have accepted it and the response was lost."""

    fingerprint: str | None
    submitted: Submitted | None


class RequestRegistry:
    """The requests of one client: active ones, and the last 10,000 finished ones with a key. Thread-safe.

    They are identified by run and key, whichever queue their notifications go to.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: dict[str, ActiveRequest] = {}
        self._finished: OrderedDict[str, FinishedRequest] = OrderedDict()
        self._number = 0

    def next_key(self, prefix: str) -> str:
        """A number as key for a request without one, unlike any key in use."""
        with self._lock:
            while True:
                self._number += 1
                key = f"{self._number:08d}"
                if prefix + key not in self._active and prefix + key not in self._finished:
                    return key

    def claim(
        self, invocation: Invocation, fingerprint: str | None, *, collected: bool = True
    ) -> ActiveRequest | FinishedRequest | None:
        """Register `invocation` under its key; returns the request that has this key already, None if the key was free.

        `fingerprint` is None for a numbered key, or for a request sent elsewhere. An `invocation` that will have an outcome
        supersedes an active request that will not, and a finished one. A cancelled request frees its key. Raises InvalidInput
        if the key belongs to a request with another payload or other options. `invocation` takes on the inference id of a known
        request.
        """
        name, key = name_in_run(invocation.inference_id), invocation.key
        with self._lock:
            known: ActiveRequest | FinishedRequest | None = self._active.get(name) or self._finished.get(name)
            if isinstance(known, ActiveRequest) and known.invocation.withdrawn:
                known = None
            if known is None:
                if fingerprint is not None and self._looks_numbered(key):
                    raise InvalidInput(f"The key {key!r} was assigned to a request without a key; give this one another key.")
                self._active[name] = ActiveRequest(fingerprint, invocation, collected)
                return None
            if fingerprint is not None and known.fingerprint != fingerprint:
                raise InvalidInput(
                    f"The key {key!r} belongs to another request of this client, with another payload or other options; give "
                    "each request its own key."
                )
            superseded = not known.collected if isinstance(known, ActiveRequest) else True
            unsent = isinstance(known, FinishedRequest) and known.submitted is None
            invocation.inference_id = _inference_id(known) or invocation.inference_id
            if (collected and superseded) or unsent:
                self._active[name] = ActiveRequest(known.fingerprint, invocation, collected)
            return known

    def release(self, invocation: Invocation, *, keep: bool) -> None:
        """Record that `invocation` has ended: the next one with its key and payload is collected, not computed again.

        `keep` False frees the key, as for a request that was not accepted.
        """
        name = name_in_run(invocation.inference_id)
        with self._lock:
            known = self._active.get(name)
            if known is None or known.invocation is not invocation:
                return
            del self._active[name]
            if keep and known.fingerprint is not None:
                self._finished[name] = FinishedRequest(known.fingerprint, invocation.submitted)
                self._finished.move_to_end(name)
                if len(self._finished) > FINISHED_KEYS:
                    self._finished.popitem(last=False)

    def _looks_numbered(self, key: str) -> bool:
        return key.isascii() and key.isdigit() and int(key) <= self._number and key == f"{int(key):08d}"


def _inference_id(known: ActiveRequest | FinishedRequest) -> str | None:
    if isinstance(known, ActiveRequest):
        return known.invocation.inference_id
    return known.submitted.inference_id if known.submitted is not None else None


def fingerprint(request: Request) -> str:
    """A hash of payload and options, forty characters: of bytes the content, of a file its path, size and mtime."""
    options = (request.content_type, request.accept, request.inline, request.custom_attributes)
    digest = hashlib.sha256(repr(options).encode())
    payload = request.payload
    if isinstance(payload, bytes):
        digest.update(b"bytes")
        digest.update(payload)
    elif isinstance(payload, Path):
        digest.update(repr(("file", str(payload.absolute()), _size_and_mtime(payload))).encode("utf-8", "backslashreplace"))
    else:
        digest.update(repr(("uri", payload)).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()[:40]


def _size_and_mtime(path: Path) -> tuple[int, int] | None:
    try:
        known = path.stat()
    except (OSError, ValueError):
        return None  # sending it reports the error
    return known.st_size, known.st_mtime_ns

"""Requests that were accepted since the last save, each written before its 202.

Written, and not forced to the disk: a record survives the death of the process, and not that of the machine.
"""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.contract.s3_uri import S3Uri
from async_endpoint.local.hosting.queue import Invocation
from async_endpoint.local.persistence import pickling

PREFIX = "journal-"


@dataclass(frozen=True)
class Accepted:
    """A request, the endpoint that took it (known by its creation, for another may have its name), and an unsaved input."""

    region: str
    endpoint: str
    endpoint_created_at: float
    invocation: Invocation
    input: tuple[S3Uri, Any] | None = None


class Journal:
    """A file of records; a save turns to the next one and notes its number, and those before it count no more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._number = max(_numbers(folder), default=0)
        self._handle: int | None = None
        self.written = 0  # since the last turn

    def turn(self) -> int:
        """Write what follows to another file, unless nothing was written to this one; returns its number."""
        with self._lock:
            if self._handle is None or self.written:
                self._close()
                self._number += 1
                path = self._folder / f"{PREFIX}{self._number}"
                self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
                self.written = 0
            return self._number

    def write(self, accepted: Accepted) -> None:
        """Raises OSError when the disk is full, or the journal closed because this local AWS is ending."""
        record = memoryview(pickling.dumps(accepted))
        with self._lock:
            if self._handle is None:
                raise OSError("the journal is closed")
            while record:
                record = record[os.write(self._handle, record) :]
            self.written += 1

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def read(folder: Path, since: int) -> Iterator[Accepted]:
    """Every record of the files from number `since` on; one that was half written ends its file."""
    for number in _numbers(folder):
        if number >= since:
            with (folder / f"{PREFIX}{number}").open("rb") as file:
                while True:
                    try:
                        yield pickle.load(file)
                    except (EOFError, pickle.UnpicklingError):
                        break


def remove(folder: Path, before: int) -> None:
    for number in _numbers(folder):
        if number < before:
            (folder / f"{PREFIX}{number}").unlink()


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix(PREFIX)) for path in folder.glob(f"{PREFIX}*"))

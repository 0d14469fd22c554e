"""Snapshots: a header in JSON, the index of object bodies, and everything else as a pickle.

A snapshot is written beside the previous one, forced to the disk and renamed over it, so that there is always a complete one.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

from async_endpoint.core.errors import InvalidInput
from async_endpoint.emulator.persistence import pickling
from async_endpoint.emulator.persistence.folder import CorruptState, load_error, sync
from async_endpoint.emulator.persistence.object_bodies import BodyIndex, BodyReader, BodyWriter, Extent

SNAPSHOT_FILE = "snapshot"
NOT_AS_WRITTEN = f"its file {SNAPSHOT_FILE} does not hold what was written"
OBJECTS_PREFIX = "objects-"
# Version of the pickled classes: raise it with every change that makes old pickles unreadable.
FORMAT = 5


@dataclass(frozen=True)
class Header:
    """Header of a snapshot. `number` is that of its save; the journal files from that number belong to it."""

    number: int
    instance_id: str
    port: int
    saved_at: float  # wall-clock seconds since the epoch
    now: float  # AWS seconds since the epoch
    objects_file: str = ""
    objects_end: int = 0
    objects: int = 0
    digest: str = ""
    left_out: dict[str, str] = field(default_factory=dict)  # moto's stores that cannot be pickled, and why
    format: int = FORMAT
    moto: str = field(default_factory=lambda: version("moto"))


def write(folder: Path, header: Header, stores: Mapping[str, Any], rest: Mapping[str, Any], before: Snapshot | None) -> None:
    """Save moto's `stores`, those that can be pickled, and `rest`; writes nothing if neither has changed since `before`.

    Raises OSError if it cannot be written, and then leaves no files behind.
    """
    bodies = BodyWriter(folder, before.body_index if before else BodyIndex(), f"{OBJECTS_PREFIX}{uuid.uuid4().hex[:12]}")
    temporary = folder / f"{SNAPSHOT_FILE}.new"
    try:
        left_out, document = _pickled(stores, rest, bodies)
        body_index = bodies.close()
        digest = hashlib.sha256(document).hexdigest()
        if before is not None and (digest, body_index) == (before.header.digest, before.body_index):
            return
        complete = asdict(header) | {
            "objects_file": body_index.name,
            "objects_end": body_index.end,
            "objects": len(body_index.extents),
            "digest": digest,
            "left_out": left_out,
        }
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(json.dumps(complete).encode() + b"\n")
            pickle.dump(body_index.extents, file, pickling.PROTOCOL)
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / SNAPSHOT_FILE)
    except BaseException:
        temporary.unlink(missing_ok=True)
        bodies.discard()
        raise
    sync(folder)
    for old in folder.glob(f"{OBJECTS_PREFIX}*"):
        if old.name != body_index.name:
            old.unlink()


def _pickled(stores: Mapping[str, Any], rest: Mapping[str, Any], bodies: BodyWriter) -> tuple[dict[str, str], bytes]:
    """The stores that are left out, with the reasons, and the pickle of everything else."""
    try:
        return {}, pickling.dumps({"stores": stores, **rest}, bodies.keep)
    except (pickle.PicklingError, TypeError, AttributeError):
        left_out = {name: reason for name, store in stores.items() if (reason := _pickling_error(store))}
        kept = {name: store for name, store in stores.items() if name not in left_out}
        return left_out, pickling.dumps({"stores": kept, **rest}, bodies.keep)


@dataclass(frozen=True)
class Snapshot:
    """A snapshot's header and index of bodies; `document` reads the rest."""

    folder: Path
    header: Header
    body_index: BodyIndex
    _document_at: int

    @classmethod
    def read(cls, folder: Path) -> Snapshot | None:
        """The snapshot in `folder`, or None. Raises InvalidInput for one of another version or an unreadable one."""
        path = folder / SNAPSHOT_FILE
        if not path.exists():
            return None
        try:
            with path.open("rb") as file:
                header = _header(folder, file.readline())
                extents = _read_extents(file)
                return cls(folder, header, BodyIndex(header.objects_file, header.objects_end, extents), file.tell())
        except (OSError, CorruptState) as error:
            raise load_error(folder, error) from error

    def document(self) -> dict[str, Any]:
        """Everything that was saved; raises InvalidInput if it cannot be read."""
        try:
            with (self.folder / SNAPSHOT_FILE).open("rb") as file:
                file.seek(self._document_at)
                text = file.read()
            if hashlib.sha256(text).hexdigest() != self.header.digest:
                raise CorruptState(NOT_AS_WRITTEN)
            reader = BodyReader(self.folder, self.body_index)
            try:
                found: dict[str, Any] = pickling.loads(text, reader.read)
            finally:
                reader.close()
        except Exception as error:  # a pickle of other code raises anything
            raise load_error(self.folder, error) from error
        return found


def _header(folder: Path, line: bytes) -> Header:
    """Raises InvalidInput for one of another version, CorruptState."""
    try:
        header = json.loads(line)
    except ValueError as error:
        raise CorruptState(NOT_AS_WRITTEN) from error
    if not isinstance(header, dict):
        raise CorruptState(NOT_AS_WRITTEN)
    _check_version(folder, header)
    try:
        return Header(**header)
    except TypeError as error:
        raise CorruptState(NOT_AS_WRITTEN) from error


def _read_extents(file: BinaryIO) -> dict[str, Extent]:
    try:
        found: dict[str, Extent] = pickle.load(file)
    except OSError:
        raise
    except Exception as error:  # the version is right, so the data is damaged: anything may be raised
        raise CorruptState(NOT_AS_WRITTEN) from error
    if not isinstance(found, dict):
        raise CorruptState(NOT_AS_WRITTEN)
    return found


def _pickling_error(store: Any) -> str:
    try:
        pickling.dumps(store, lambda identity, read: (0, 0, 0))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _check_version(folder: Path, header: dict[str, Any]) -> None:
    wanted = (FORMAT, version("moto"))
    found = (header.get("format"), header.get("moto"))
    if found != wanted:
        raise InvalidInput(
            f"State directory {folder} is of format {found[0]} and moto {found[1]}, and this is format {wanted[0]} and moto "
            f"{wanted[1]}; start it with the version that wrote it, or start fresh with another --state-dir."
        )

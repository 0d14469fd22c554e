"""Pickling of moto's stores: what pickle cannot do by itself, for moto 5.2.5.

Locks come back free and conditions without those who waited. Private keys go through their PKCS#8 form, buckets with every
version. An S3 object's body goes to `keep`, which answers where it lies, or into the pickle when nobody gave it an id.
"""

from __future__ import annotations

import io
import os
import pickle
import threading
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore

from async_endpoint.emulator.persistence.object_bodies import Extent

PROTOCOL = 5
IDENTITY = "_content_id"  # given to an object's body when it is written; see moto_state.py

Keep = Callable[[str, Callable[[], bytes]], Extent]
Read = Callable[[int, int, int], bytes]
Reduced = tuple[Any, ...]
_MADE_ANEW = {type(make()): make for make in (threading.Lock, threading.RLock, threading.Condition, threading.Event)}


class _Body:
    """Stands in a pickle for a body that lies elsewhere."""

    def __init__(self, place: Extent) -> None:
        self.place = place

    def __reduce__(self) -> Reduced:
        return _body_at, self.place


def _body_at(offset: int, length: int, checksum: int) -> bytes:
    """Named in pickles; StatePickle's unpickler puts its reader in this place."""
    raise pickle.UnpicklingError(f"the body at {offset} of {length} bytes lies in another file")


def dumps(thing: Any, keep: Keep | None = None) -> bytes:
    """Pickle; raises PicklingError, TypeError or AttributeError for what has no form that lasts (a thread, a lambda)."""
    file = io.BytesIO()
    _Pickler(file, keep).dump(thing)
    return file.getvalue()


def loads(text: bytes, read: Read = _body_at) -> Any:
    """The reverse; raises whatever a pickle of other code makes go wrong."""
    return _Unpickler(io.BytesIO(text), read).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, keep: Keep | None) -> None:
        super().__init__(file, PROTOCOL)
        self._keep = keep

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if kind is FakeKey:
            return _object(thing, self._keep)
        if kind is _VersionedKeyStore:  # as a dict it shows the latest version only
            return kind, (), dict(thing), None, None, dict.update
        if kind in _MADE_ANEW:
            return _MADE_ANEW[kind], ()
        if hasattr(kind, "private_bytes"):
            return _private_key, (thing.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, read: Read) -> None:
        super().__init__(file)
        self._read = read

    def find_class(self, module: str, name: str) -> Any:
        return self._read if (module, name) == (__name__, _body_at.__name__) else super().find_class(module, name)


def _private_key(encoded: bytes) -> Any:
    return load_der_private_key(encoded, None)


def _object(key: FakeKey, keep: Keep | None) -> Reduced:
    state = {name: value for name, value in vars(key).items() if name not in ("_value_buffer", "lock")}
    known = state.get(IDENTITY)
    state["value"] = _body(key) if keep is None or known is None else _Body(keep(known, lambda: _body(key)))
    return _empty_object, (), state, None, None, _set_object


def _empty_object() -> FakeKey:
    """With nothing to dispose of, should its state turn out to be unreadable."""
    key = FakeKey.__new__(FakeKey)
    key.disposed = True
    return key


def _set_object(key: FakeKey, state: dict[str, Any]) -> None:
    key.__setstate__(state)  # moto's own, which makes buffer and lock
    if IDENTITY in state:
        setattr(key, IDENTITY, state[IDENTITY])


def _body(key: FakeKey) -> bytes:
    """Without moving the file's position, which a forked process shares with the one it came from, and without a lock."""
    spooled = key._value_buffer
    if spooled.closed:  # of a deleted object that something still points to
        return b""
    if not spooled._rolled:
        return bytes(spooled._file.getvalue())
    parts, offset, handle = [], 0, spooled.fileno()
    while part := os.pread(handle, 1 << 26, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)

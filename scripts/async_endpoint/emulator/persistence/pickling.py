"""Pickling of moto's stores, for moto 5.2.5: objects that pickle alone cannot handle.

Locks are restored unlocked, conditions without waiters, private keys from PKCS#8, buckets with every version. The body of an S3
object is passed to `keep`, which returns its extent; a body without an id goes into the pickle.
"""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key
from moto.s3.models import FakeKey
from moto.s3.utils import _VersionedKeyStore

from async_endpoint.emulator.container import payload
from async_endpoint.emulator.container.payload import IN_MEMORY_BYTES, FilePayload, Payload
from async_endpoint.emulator.persistence.object_bodies import Extent
from async_endpoint.emulator.s3_object_body import PayloadBuffer, body_of

PROTOCOL = 5
IDENTITY = "_content_id"  # assigned to an object's body when it is written; see moto_state.py

Keep = Callable[[str, Callable[[], Payload]], Extent]
Read = Callable[[int, int, int], Payload]
Reduced = tuple[Any, ...]
_RECREATED = {type(make()): make for make in (threading.Lock, threading.RLock, threading.Condition, threading.Event)}


class _Body:
    """A placeholder in a pickle for a body in another file."""

    def __init__(self, extent: Extent) -> None:
        self.extent = extent

    def __reduce__(self) -> Reduced:
        return _body_at, self.extent


def _body_at(offset: int, length: int, checksum: int) -> Payload:
    """The function named in pickles; the unpickler replaces it by its reader."""
    raise pickle.UnpicklingError(f"the body at {offset} of {length} bytes is in another file")


def dumps(thing: Any, keep: Keep | None = None) -> bytes:
    """Pickle; raises PicklingError, TypeError or AttributeError for an object that cannot be pickled (a thread, a lambda)."""
    file = io.BytesIO()
    _Pickler(file, keep).dump(thing)
    return file.getvalue()


def loads(text: bytes, read: Read = _body_at) -> Any:
    """Unpickle; raises any exception for a pickle of other code."""
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
        if kind in _RECREATED:
            return _RECREATED[kind], ()
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
    state["value"] = _body(key).read() if keep is None or known is None else _Body(keep(known, lambda: _body(key)))
    return _empty_object, (), state, None, None, _set_object


def _empty_object() -> FakeKey:
    """An object without a buffer to dispose of, in case its state cannot be read."""
    key = FakeKey.__new__(FakeKey)
    key.disposed = True
    return key


def _set_object(key: FakeKey, state: dict[str, Any]) -> None:
    body = payload.of(state["value"])
    in_file = isinstance(body, FilePayload) and len(body) > IN_MEMORY_BYTES
    key.__setstate__(state | {"value": b"" if in_file else body.read()})  # moto's, which creates buffer and lock
    if in_file:
        key._value_buffer, key.contentsize = PayloadBuffer(body), len(body)
    if IDENTITY in state:
        setattr(key, IDENTITY, state[IDENTITY])


def _body(key: FakeKey) -> Payload:
    return body_of(key) or Payload()  # a deleted object may still be referenced

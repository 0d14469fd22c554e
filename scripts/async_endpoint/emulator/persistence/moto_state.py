"""Export and import of moto's stores. With pickling.py, the only files of persistence that depend on moto's internals."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.s3.models import FakeKey

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator.moto_patches import apply_lazily
from async_endpoint.emulator.persistence.pickling import IDENTITY
from async_endpoint.local_aws import ACCOUNT_ID

Stores = dict[str, dict[str, dict[str, Any]]]  # by location of the BackendDict (module:name), account and region


def identify_bodies() -> None:
    """Assign an id to each body of an S3 object when it is written, process-wide, so that a save recognizes new ones."""
    plain = FakeKey.value
    if plain.fset.__name__ == "_identified":
        return

    def _identified(self: FakeKey, body: bytes) -> None:
        plain.fset(self, body)
        setattr(self, IDENTITY, uuid.uuid4().hex)

    FakeKey.value = property(plain.fget, _identified)


def stores_in_use() -> Stores:
    """All stores in use: the live objects, not copies."""
    return {
        location: {account: dict(regions.items()) for account, regions in list(backends.items())}
        for backends in list(BackendDict._instances)
        if (location := _location(backends))
    }


def restore_stores(stores: Stores) -> None:
    """Replace the current stores; raises ImportError or AttributeError where moto has no such store."""
    for location, accounts in stores.items():
        module, _, name = location.partition(":")
        backends = getattr(import_module(module), name)
        apply_lazily(module.split(".")[1])
        for account, regions in accounts.items():
            backends[account].update(regions)


def reset() -> None:
    """Empty every store, of every account and region."""
    BackendDict.reset()


@contextmanager
def quiesced_queues() -> Iterator[None]:
    """Hold the locks of all queues, so that no index is in the middle of a change."""
    with ExitStack() as stack:
        for backend in list(get_backend("sqs")[ACCOUNT_ID].values()):
            for queue in list(backend.queues.values()):
                stack.enter_context(queue._messages_lock)
        yield


def find_object(uri: S3Uri) -> Any | None:
    """moto's object at `uri`; None if it is missing or has a delete marker."""
    bucket = get_backend("s3")[ACCOUNT_ID]["aws"].buckets.get(uri.bucket)
    found = None if bucket is None else bucket.keys.get(uri.key)
    return found if isinstance(found, FakeKey) else None


def restore_object(uri: S3Uri, key: Any) -> None:
    """Restore an object, unless a version as new exists or its bucket is gone."""
    bucket = get_backend("s3")[ACCOUNT_ID]["aws"].buckets.get(uri.bucket)
    if bucket is None:
        return
    existing = bucket.keys.getlist(uri.key, [])
    if all(other.last_modified < key.last_modified for other in existing):
        bucket.keys.setlist(uri.key, [*existing, key] if bucket.is_versioned else [key])


def _location(backends: BackendDict[Any]) -> str:
    module = backends.backend.__module__
    names = [name for name, value in vars(sys.modules[module]).items() if value is backends]
    return f"{module}:{names[0]}" if names else ""

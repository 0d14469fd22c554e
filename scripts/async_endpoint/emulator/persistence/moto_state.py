"""moto's stores, taken out whole and put back: the one file of persistence, with pickling.py, that knows moto's insides."""

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
from async_endpoint.emulator.persistence.pickling import IDENTITY
from async_endpoint.local_aws import ACCOUNT_ID

Stores = dict[str, dict[str, dict[str, Any]]]  # by where the BackendDict is found, account and region


def identify_bodies() -> None:
    """Give each body of an S3 object an id as it is written, for the whole process, so that a save can tell the new ones."""
    plain = FakeKey.value
    if plain.fset.__name__ == "_identified":
        return

    def _identified(self: FakeKey, body: bytes) -> None:
        plain.fset(self, body)
        setattr(self, IDENTITY, uuid.uuid4().hex)

    FakeKey.value = property(plain.fget, _identified)


def take() -> Stores:
    """Every store that is in use. What is returned are the stores themselves, which go on changing."""
    return {
        where: {account: dict(regions.items()) for account, regions in list(backends.items())}
        for backends in list(BackendDict._instances)
        if (where := _where(backends))
    }


def put_back(stores: Stores) -> None:
    """Put stores in the place of whatever there is; raises ImportError or AttributeError where moto has no such store."""
    for where, accounts in stores.items():
        module, _, name = where.partition(":")
        backends = getattr(import_module(module), name)
        for account, regions in accounts.items():
            backends[account].update(regions)


def reset() -> None:
    """Empty every store, of every account and region."""
    BackendDict.reset()


@contextmanager
def quiesced_queues() -> Iterator[None]:
    """No queue's index is halfway through a change."""
    with ExitStack() as stack:
        for backend in list(get_backend("sqs")[ACCOUNT_ID].values()):
            for queue in list(backend.queues.values()):
                stack.enter_context(queue._messages_lock)
        yield


def find_object(uri: S3Uri) -> Any | None:
    """The object at `uri` as moto has it; None when it is missing or marked as deleted."""
    bucket = get_backend("s3")[ACCOUNT_ID]["aws"].buckets.get(uri.bucket)
    found = None if bucket is None else bucket.keys.get(uri.key)
    return found if isinstance(found, FakeKey) else None


def put_object_back(uri: S3Uri, key: Any) -> None:
    """Put an object where it was, unless something as new is there, or its bucket is gone."""
    bucket = get_backend("s3")[ACCOUNT_ID]["aws"].buckets.get(uri.bucket)
    if bucket is None:
        return
    there = bucket.keys.getlist(uri.key, [])
    if all(other.last_modified < key.last_modified for other in there):
        bucket.keys.setlist(uri.key, [*there, key] if bucket.is_versioned else [key])


def _where(backends: BackendDict[Any]) -> str:
    module = backends.backend.__module__
    names = [name for name, value in vars(sys.modules[module]).items() if value is backends]
    return f"{module}:{names[0]}" if names else ""

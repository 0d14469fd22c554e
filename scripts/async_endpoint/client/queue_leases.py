"""Leases of reply queues: objects in S3 that only one client at a time can hold, on any number of machines.

A lease is the object `<input prefix>_queues/<queue name>`. It is claimed, renewed and released by conditional writes (If-Match,
If-None-Match; S3 User Guide, "How to prevent object overwrites with conditional writes"). S3 accepts one of several, so two
clients never hold the same lease. The size of a released one says how its queue was left (Released), so one listing shows which
are free. A lease that has not been renewed for LEASE_SECONDS is free as well: its holder was killed, or is cut off. Ages are by
the clock of S3 alone.

Actions: s3:ListBucket with the prefix; s3:GetObject, s3:PutObject and s3:DeleteObject on the objects.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, server_time, translate_errors
from async_endpoint.client.retries import Retries
from async_endpoint.core.s3_uri import S3Uri

LEASE_FOLDER: Final = "_queues"  # below the input prefix; no run is called so
LEASE_SECONDS: Final = 300.0  # after which a lease that is not renewed is free
RENEWAL_SECONDS: Final = 100.0  # after which the holder renews it
# A holder that could not renew stops using the queue this much before others may claim it: as long as one call may take.
FENCE_SECONDS: Final = 60.0
RECEIVE_SECONDS: Final = 25.0  # after which no receive of a former holder can take a message: a long poll, and its way
# 412: the object is another one by now; 409: a concurrent write; 404: it is gone (PutObject API reference)
_LOST_CODES: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404"})


class Released(IntEnum):
    """How a queue was left: the size of its lease object, in bytes. A lease that is held has more."""

    WORKING = 0  # notifications have come, so its filter policies are in effect
    UNPROVEN = 1
    WORKING_RECEIVING = 2  # as WORKING, and a receive was not over yet
    UNPROVEN_RECEIVING = 3

    @classmethod
    def of(cls, *, works: bool, receiving: bool) -> Released:
        if receiving:
            return cls.WORKING_RECEIVING if works else cls.UNPROVEN_RECEIVING
        return cls.WORKING if works else cls.UNPROVEN


@dataclass(frozen=True)
class LeaseEntry:
    """A listed lease: `age` in seconds since it was claimed, renewed or released."""

    name: str
    etag: str
    size: int
    age: float

    @property
    def released(self) -> bool:
        """Whether its holder has released it, and receives nothing any more."""
        receiving = self.size in (Released.WORKING_RECEIVING, Released.UNPROVEN_RECEIVING)
        return not self.held and (not receiving or self.age > RECEIVE_SECONDS)

    @property
    def works(self) -> bool:
        """Whether its notifications came when it was released."""
        return self.size in (Released.WORKING, Released.WORKING_RECEIVING)

    @property
    def held(self) -> bool:
        """Whether no holder has released it since it was claimed."""
        return self.size > max(Released)

    @property
    def expired(self) -> bool:
        """Whether its holder has not renewed it in time."""
        return self.held and self.age > LEASE_SECONDS


class LeaseLost(Exception):
    """Another client holds the lease, or it is gone."""


class Lease:
    """A lease that this client holds, until `renew` or `release` raises LeaseLost. Times are seconds since the epoch."""

    def __init__(self, leases: QueueLeases, name: str, etag: str, renewed_at: float) -> None:
        self.name = name
        self._leases, self._etag, self._renewed_at = leases, etag, renewed_at

    def is_due(self, now: float) -> bool:
        """Whether it should be renewed."""
        return now - self._renewed_at >= RENEWAL_SECONDS

    def is_certain(self, now: float) -> bool:
        """Whether no other client can hold it."""
        return 0 <= now - self._renewed_at < LEASE_SECONDS - FENCE_SECONDS

    def renew(self, now: float) -> None:
        """Raises LeaseLost, and what `translate_errors` raises."""
        self._etag = self._leases.write(self.name, _holder(), self._etag)
        self._renewed_at = now

    def release(self, left: Released) -> None:
        """Make it free for the next client; raises as `renew`."""
        self._leases.write(self.name, b"-" * left, self._etag)

    def delete(self) -> None:
        """Remove it, before its queue is deleted."""
        self._leases.delete(self.name)


class QueueLeases:
    """The leases of an endpoint's reply queues."""

    def __init__(self, session: AwsSession, input_uri: str, retries: Retries, now: Callable[[], float]) -> None:
        self._session, self._retries, self._now = session, retries, now
        self._folder = S3Uri.parse(input_uri).join(LEASE_FOLDER)

    def list(self) -> list[LeaseEntry]:
        """All leases by name; raises what `translate_errors` raises."""
        prefix, found = f"{self._folder.key}/", []
        request: dict[str, Any] = {"Bucket": self._folder.bucket, "Prefix": prefix}
        with translate_errors(self._session, "s3:ListBucket", f"s3://{self._folder.bucket}/{prefix}"):
            while True:
                page = self._retries.call(lambda: self._session.s3.list_objects_v2(**request))
                now = server_time(page) or self._now()  # this machine's clock may be wrong
                found += [_entry(item, prefix, now) for item in page.get("Contents", ())]
                if not page.get("IsTruncated"):
                    return found
                request["ContinuationToken"] = page["NextContinuationToken"]

    def claim(self, name: str, etag: str | None) -> Lease:
        """Claim the lease that was listed with `etag`, None for a new one.

        Raises LeaseLost, and what `translate_errors` raises.
        """
        now = self._now()
        return Lease(self, name, self.write(name, _holder(), etag), now)

    def write(self, name: str, body: bytes, etag: str | None) -> str:
        """Replace the object with `etag`; returns the new ETag. Raises LeaseLost, and what `translate_errors` raises.

        A refusal may follow an attempt whose response was lost: then the object has this body already.
        """
        uri = self._folder.join(name)
        attempts = itertools.count()
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        request: dict[str, Any] = {"Bucket": uri.bucket, "Key": uri.key, "Body": body, **condition}
        with translate_errors(self._session, "s3:PutObject", str(uri)):
            try:
                reply = self._retries.call(
                    lambda: self._session.s3.put_object(**request, ContentType="application/json"),
                    before=lambda: next(attempts),
                )
                return str(reply["ETag"])
            except ClientError as error:
                if error_code(error) not in _LOST_CODES:
                    raise
                refusal = error
        written = self._read(uri) if next(attempts) > 1 and len(body) > max(Released) else None
        if written is None or written[0] != body:
            raise LeaseLost(f"{name} is held by another client") from refusal
        return written[1]

    def delete(self, name: str) -> None:
        """Raises what `translate_errors` raises."""
        uri = self._folder.join(name)
        with translate_errors(self._session, "s3:DeleteObject", str(uri)):
            self._retries.call(lambda: self._session.s3.delete_object(Bucket=uri.bucket, Key=uri.key))

    def _read(self, uri: S3Uri) -> tuple[bytes, str] | None:
        with translate_errors(self._session, "s3:GetObject", str(uri)):
            try:
                reply = self._retries.call(lambda: self._session.s3.get_object(Bucket=uri.bucket, Key=uri.key))
            except ClientError as error:
                if error_code(error) in _LOST_CODES:
                    return None
                raise
            return reply["Body"].read(), str(reply["ETag"])


def _holder() -> bytes:
    """Says to people who holds a lease. Unlike any other, so that each write changes the ETag: a renewal defeats a claim of the
    expired lease that was listed before it.
    """
    return json.dumps({"host": socket.gethostname(), "process": os.getpid(), "write": secrets.token_hex(8)}).encode()


def _entry(item: dict[str, Any], prefix: str, now: float) -> LeaseEntry:
    written: datetime = item["LastModified"]
    return LeaseEntry(item["Key"].removeprefix(prefix), item["ETag"], item["Size"], now - written.timestamp())

"""Records of predictions in S3, all the state that the API has: claims, and markers of what the endpoint has accepted.

A claim is written once, by PutObject with If-None-Match: S3 lets exactly one writer succeed (S3 user guide, "How to prevent
object overwrites with conditional writes"). A marker follows when the endpoint has accepted the request; its name is the index
of listings. Both never change, so they are cached.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, server_time, translate_errors
from async_endpoint.client.models import JSON_TYPE, Submitted
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import InvalidInput, UsageError
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.bounded_cache import BoundedCache
from async_endpoint.http_api.predictions.identity import Marker

VERSION: Final = 1
CACHED: Final = 2_000  # claims and markers each, a kilobyte apiece at most
_EXISTS: Final = frozenset({"PreconditionFailed", "412"})
_CONFLICT: Final = "ConditionalRequestConflict"  # another write of the key was under way: the same source says to try again
CONFLICTS: Final = 4

Document = TypeVar("Document")


@dataclass(frozen=True)
class Webhook:
    """Where a prediction's end is announced, and which `events` of succeeded, failed and expired."""

    url: str
    events: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A prediction as it was first asked for. `sha256` covers all that must be equal for a repetition.

    `bytes` is the size of the body, None for an input by reference; `nonce` names the attempt that wrote the claim.
    """

    key: str
    id: str
    caller: str
    created_at: datetime
    content_type: str
    accept: str | None
    sha256: str
    bytes: int | None
    input_url: str | None
    webhook: Webhook | None
    nonce: str

    @property
    def marker(self) -> Marker:
        return Marker(self.created_at, self.id, self.webhook is not None)

    def as_dict(self) -> dict[str, Any]:
        names = ("content_type", "accept", "sha256", "bytes", "input_url")
        return {
            "version": VERSION,
            "key": self.key,
            "id": self.id,
            "caller": self.caller,
            "created_at": self.created_at.isoformat(),
            "request": {name: getattr(self, name) for name in names},
            "webhook": {"url": self.webhook.url, "events": list(self.webhook.events)} if self.webhook else None,
            "nonce": self.nonce,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Claim:
        """The inverse of `as_dict`; raises InvalidInput for anything else."""
        try:
            if document["version"] != VERSION:
                raise ValueError(f"version {document['version']!r}")
            hook = document["webhook"]
            return cls(
                key=document["key"],
                id=document["id"],
                caller=document["caller"],
                created_at=datetime.fromisoformat(document["created_at"]),
                webhook=Webhook(hook["url"], tuple(hook["events"])) if hook else None,
                nonce=document["nonce"],
                **document["request"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"This is not the record of a prediction ({error!r}).") from error


@dataclass(frozen=True)
class Found:
    """A claim that was there already, and its age in seconds by S3's own clock."""

    claim: Claim
    age: float


class Records:
    """The records of one endpoint below its `state` prefix. Methods raise what `translate_errors` raises."""

    def __init__(self, session: AwsSession, state: S3Uri, retries: Retries, now: Callable[[], float]) -> None:
        self._session, self.state, self._retries, self._now = session, state, retries, now
        self._claims: BoundedCache[str, Claim] = BoundedCache(CACHED)
        self._markers: BoundedCache[str, Submitted] = BoundedCache(CACHED)

    def claim(self, claim: Claim) -> Found | None:
        """Claim a prediction; None if this attempt has, else what was there. One call where nothing was there."""
        where = self._claim_uri(claim.key)
        if self._put_new(where, claim.as_dict()):
            self._claims.put(claim.key, claim)
            return None
        found = self._read_claim(where)
        if found is None:
            raise UsageError(f"{where} exists and cannot be read; grant the API s3:GetObject on {self.state}*.")
        self._claims.put(claim.key, found.claim)
        return None if found.claim.nonce == claim.nonce else found  # a retried write whose first response was lost

    def read(self, key: str) -> Claim | None:
        """The claim of that key; None without one."""
        cached = self._claims.get(key)
        if cached is not None:
            return cached
        found = self._read_claim(self._claim_uri(key))
        if found is None:
            return None
        self._claims.put(key, found.claim)
        return found.claim

    def mark(self, claim: Claim, submitted: Submitted) -> Submitted:
        """Record the endpoint's acceptance; returns the one that counts: the first, where two processes have sent the same."""
        where = self._marker_uri(claim)
        if not self._put_new(where, submitted.as_dict()):
            submitted = self._read(where, Submitted.from_dict) or submitted
        self._markers.put(claim.key, submitted)
        return submitted

    def submitted(self, claim: Claim) -> Submitted | None:
        """The endpoint's acceptance; None while there is none."""
        cached = self._markers.get(claim.key)
        if cached is not None:
            return cached
        found = self._read(self._marker_uri(claim), Submitted.from_dict)
        if found is not None:
            self._markers.put(claim.key, found)
        return found

    def markers(self, caller: str, limit: int, after: str | None) -> tuple[list[Marker], bool]:
        """Up to `limit` markers of a caller, newest first, beginning after the name `after`; and whether there are more."""
        folder = self._folder(caller)
        request: dict[str, Any] = {"Bucket": folder.bucket, "Prefix": folder.key, "MaxKeys": limit}
        if after is not None:
            request["StartAfter"] = folder.key + after
        with translate_errors(self._session, "s3:ListBucket", str(folder)):
            page = self._retries.call(lambda: self._session.s3.list_objects_v2(**request))
        return list(_markers_in(page, folder)), bool(page.get("IsTruncated"))

    def _claim_uri(self, key: str) -> S3Uri:
        return self.state.join("records", f"{key}.json")

    def _folder(self, caller: str) -> S3Uri:
        folder = self.state.join("submitted", caller)
        return S3Uri(folder.bucket, folder.key + "/")

    def _marker_uri(self, claim: Claim) -> S3Uri:
        folder = self._folder(claim.caller)
        return S3Uri(folder.bucket, folder.key + claim.marker.name)

    def _put_new(self, where: S3Uri, document: Mapping[str, Any]) -> bool:
        """Write an object unless it exists; returns whether it was written."""
        body = json.dumps(document, separators=(",", ":")).encode()
        write = self._session.s3.put_object

        def once() -> bool:
            for attempt in range(CONFLICTS + 1):
                try:
                    write(Bucket=where.bucket, Key=where.key, Body=body, ContentType=JSON_TYPE, IfNoneMatch="*")
                except ClientError as error:
                    if error_code(error) in _EXISTS:
                        return False
                    if error_code(error) != _CONFLICT or attempt == CONFLICTS:
                        raise
                else:
                    return True
            raise AssertionError("the last attempt returns or raises")

        with translate_errors(self._session, "s3:PutObject", str(where)):
            return self._retries.call(once)

    def _read_claim(self, where: S3Uri) -> Found | None:
        age = 0.0

        def with_age(reply: Mapping[str, Any]) -> None:
            nonlocal age
            age = max(0.0, (server_time(reply) or self._now()) - reply["LastModified"].timestamp())

        claim = self._read(where, Claim.from_dict, with_age)
        return None if claim is None else Found(claim, age)

    def _read(
        self,
        where: S3Uri,
        parse: Callable[[dict[str, Any]], Document],
        inspect: Callable[[Mapping[str, Any]], None] = lambda reply: None,
    ) -> Document | None:
        """The object at `where`, parsed; None without one. Raises UsageError for one that this API has not written."""

        def once() -> bytes | None:
            try:
                reply = self._session.s3.get_object(Bucket=where.bucket, Key=where.key)
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise
            inspect(reply)
            body: bytes = reply["Body"].read()
            return body

        with translate_errors(self._session, "s3:GetObject", str(where)):
            body = self._retries.call(once)
        if body is None:
            return None
        try:
            return parse(json.loads(body))
        except (InvalidInput, ValueError) as error:
            raise UsageError(f"{where} is damaged ({error}); delete it, and the prediction can be submitted again.") from error


def _markers_in(page: Mapping[str, Any], folder: S3Uri) -> Iterator[Marker]:
    for entry in page.get("Contents", ()):
        marker = Marker.parse(entry["Key"].removeprefix(folder.key))
        if marker is not None:
            yield marker

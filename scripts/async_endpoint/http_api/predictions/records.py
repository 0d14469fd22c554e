"""Records of predictions in S3, all the state that the API has: claims, and markers of what the endpoint has accepted.

A claim is written by PutObject with If-None-Match, and replaced with If-Match: of several writers S3 lets exactly one succeed
(S3 user guide, "How to prevent object overwrites with conditional writes"). A marker follows when the endpoint has accepted the
request; its name is the index of listings. From then on neither changes, so they are cached.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, server_time, translate_errors
from async_endpoint.client.models import JSON_TYPE, Submitted
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import InvalidInput, NotReady, UsageError
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.bounded_cache import BoundedCache
from async_endpoint.http_api.predictions.identity import Marker

VERSION: Final = 1
CACHED: Final = 2_000  # claims and markers each, a kilobyte apiece at most
_UNMET: Final = frozenset({"PreconditionFailed", "412", "NoSuchKey", "404"})  # of If-Match also for an object that is gone
_CONFLICT: Final = "ConditionalRequestConflict"  # another write of the key was under way: the same source says to try again
CONFLICTS: Final = 4  # attempts

Document = TypeVar("Document")


@dataclass(frozen=True)
class Webhook:
    """Where a prediction's end is announced, and which `events` of succeeded, failed and expired."""

    url: str
    events: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A prediction as it was first asked for. `sha256` covers all that must be equal for a repetition.

    `bytes` is the size of the input, None where it is unknown; `nonce` names the attempt that wrote the claim. `released` says
    that its request was certainly not accepted: whatever is asked for under the id next replaces it.
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
    released: bool = False

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
            "released": self.released,
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
                released=document["released"],
                **document["request"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"This is not the record of a prediction ({error!r}).") from error


@dataclass(frozen=True)
class Held:
    """A claim of this attempt, which alone may send it; `etag` is that of its object.

    It was claimed at `since` or later, in seconds since the epoch by this machine's clock.
    """

    claim: Claim
    etag: str
    since: float


@dataclass(frozen=True)
class Found:
    """A claim of another attempt, its ETag, and its age in seconds by S3's own clock."""

    claim: Claim
    etag: str
    age: float


class Records:
    """The records of one endpoint below its `state` prefix. Methods raise what `translate_errors` raises."""

    def __init__(self, session: AwsSession, state: S3Uri, retries: Retries, now: Callable[[], float]) -> None:
        self._session, self.state, self._retries, self._now = session, state, retries, now
        self._claims: BoundedCache[str, Claim] = BoundedCache(CACHED)
        self._markers: BoundedCache[str, Submitted] = BoundedCache(CACHED)

    def claim(self, wanted: Claim) -> Held | Found:
        """Claim a prediction, or find who has. One call where there was no claim, or two where it was released."""
        where, since = self._claim_uri(wanted.key), self._now()
        for _ in range(CONFLICTS):
            etag = self._put(where, wanted.as_dict(), {"IfNoneMatch": "*"})
            if etag is not None:
                return Held(wanted, etag, since)
            found = self._find(wanted.key)
            if found is None:  # deleted in between
                continue
            if found.claim.nonce == wanted.nonce:  # by a retried write whose first response was lost
                return Held(wanted, found.etag, since)
            if not found.claim.released:
                return found
            held = self._replace(found, wanted)
            if held is not None:
                return held
        raise NotReady(f"{where} is written by too many processes at once; try again.")

    def take_over(self, found: Found) -> Held | None:
        """Claim what another attempt has left; None if its object has changed meanwhile."""
        return self._replace(found, dataclasses.replace(found.claim, nonce=secrets.token_hex(8)))

    def release(self, held: Held) -> None:
        """Give a claim back whose request was certainly not accepted; does nothing if another attempt has taken it over."""
        released = dataclasses.replace(held.claim, released=True)
        self._put(self._claim_uri(held.claim.key), released.as_dict(), {"IfMatch": held.etag})

    def read(self, key: str) -> Claim | None:
        """The claim of that key; None without one, or if it was released."""
        cached = self._claims.get(key)
        if cached is not None:
            return cached
        found = self._find(key)
        return None if found is None or found.claim.released else found.claim

    def mark(self, claim: Claim, submitted: Submitted) -> Submitted:
        """Record the endpoint's acceptance; returns the one that counts: the first, where two processes have sent the same."""
        where = self._marker_uri(claim)
        if self._put(where, submitted.as_dict(), {"IfNoneMatch": "*"}) is None:
            submitted = self._read(where, Submitted.from_dict) or submitted
        return self._kept(claim, submitted)

    def submitted(self, claim: Claim) -> Submitted | None:
        """The endpoint's acceptance; None while there is none."""
        cached = self._markers.get(claim.key)
        if cached is not None:
            return cached
        found = self._read(self._marker_uri(claim), Submitted.from_dict)
        return None if found is None else self._kept(claim, found)

    def markers(self, caller: str, limit: int, after: str | None) -> tuple[list[Marker], bool]:
        """Up to `limit` markers of a caller, newest first, beginning after the name `after`; and whether there are more."""
        folder = self._folder(caller)
        request: dict[str, Any] = {"Bucket": folder.bucket, "Prefix": folder.key, "MaxKeys": limit}
        if after is not None:
            request["StartAfter"] = folder.key + after
        with translate_errors(self._session, "s3:ListBucket", str(folder)):
            page = self._retries.call(lambda: self._session.s3.list_objects_v2(**request))
        return list(_markers_in(page, folder)), bool(page.get("IsTruncated"))

    def _kept(self, claim: Claim, submitted: Submitted) -> Submitted:
        """Cache a claim and its marker: once there is one, neither changes."""
        self._claims.put(claim.key, claim)
        self._markers.put(claim.key, submitted)
        return submitted

    def _claim_uri(self, key: str) -> S3Uri:
        return self.state.join("records", f"{key}.json")

    def _folder(self, caller: str) -> S3Uri:
        folder = self.state.join("submitted", caller)
        return S3Uri(folder.bucket, folder.key + "/")

    def _marker_uri(self, claim: Claim) -> S3Uri:
        folder = self._folder(claim.caller)
        return S3Uri(folder.bucket, folder.key + claim.marker.name)

    def _replace(self, found: Found, claim: Claim) -> Held | None:
        since = self._now()
        etag = self._put(self._claim_uri(claim.key), claim.as_dict(), {"IfMatch": found.etag})
        if etag is not None:
            return Held(claim, etag, since)
        there = self._find(claim.key)
        return Held(claim, there.etag, since) if there is not None and there.claim.nonce == claim.nonce else None

    def _put(self, where: S3Uri, document: Mapping[str, Any], condition: Mapping[str, str]) -> str | None:
        """Write an object on a condition; returns its ETag, or None if the condition does not hold."""
        body = json.dumps(document, separators=(",", ":")).encode()
        write = self._session.s3.put_object

        def once() -> str | None:
            for attempt in range(CONFLICTS):
                try:
                    reply = write(Bucket=where.bucket, Key=where.key, Body=body, ContentType=JSON_TYPE, **condition)
                    return str(reply["ETag"])
                except ClientError as error:
                    if error_code(error) in _UNMET:
                        return None
                    if error_code(error) != _CONFLICT or attempt == CONFLICTS - 1:
                        raise
            raise AssertionError("the last attempt returns or raises")

        with translate_errors(self._session, "s3:PutObject", str(where)):
            return self._retries.call(once)

    def _find(self, key: str) -> Found | None:
        etag, age = "", 0.0

        def note(reply: Mapping[str, Any]) -> None:
            nonlocal etag, age
            etag = str(reply["ETag"])
            age = max(0.0, (server_time(reply) or self._now()) - reply["LastModified"].timestamp())

        claim = self._read(self._claim_uri(key), Claim.from_dict, note)
        return None if claim is None else Found(claim, etag, age)

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

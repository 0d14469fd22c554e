"""Records of predictions in S3, all the state that the API has: claims, and markers of what the endpoint has accepted.

A claim is written by PutObject with If-None-Match, and replaced with If-Match: of several writers S3 lets exactly one succeed
(S3 user guide, "How to prevent object overwrites with conditional writes"). A marker follows when the endpoint has accepted the
request; its name is the index of listings. From then on neither changes until a lifecycle rule deletes them, which frees the
id: they are cached while they are too young for that.
"""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.client.models import Submitted
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import InvalidInput, NotReady, UsageError
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.bounded_cache import BoundedCache
from async_endpoint.http_api.predictions.identity import Marker
from async_endpoint.http_api.state import StateObjects, StoredJson

VERSION: Final = 1
CACHED: Final = 2_000  # claims and markers each, a kilobyte apiece at most
# Age up to which a claim and its marker are cached. A lifecycle rule deletes nothing below a day (S3, LifecycleExpiration); an
# hour is for differences of clocks.
CACHED_SECONDS: Final = 82_800.0
CLAIMS: Final = 5  # attempts to claim, where other processes write at the same time

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
        self._session, self._state, self._retries, self._now = session, state, retries, now
        self._objects = StateObjects(session, str(state), retries)
        self._claims: BoundedCache[str, Claim] = BoundedCache(CACHED)
        self._markers: BoundedCache[tuple[str, datetime], Submitted] = BoundedCache(CACHED)  # by key and time of the claim

    def claim(self, wanted: Claim) -> Held | Found:
        """Claim a prediction, or find who has. One call where there was no claim, three where it was released."""
        since = self._now()
        for _ in range(CLAIMS):
            stored = self._objects.create(_record(wanted.key), wanted.as_dict())
            if stored is not None:
                return Held(wanted, stored.etag, since)
            found = self.find(wanted.key)
            if found is None:  # a concurrent write, or deleted in between
                continue
            if not found.claim.released:
                return found
            held = self._replace(found, wanted)
            if held is not None:
                return held
        raise NotReady(f"The record of {wanted.key} is written by too many processes at once; try again.")

    def take_over(self, found: Found) -> Held | None:
        """Claim what another attempt has left; None if its object has changed meanwhile."""
        return self._replace(found, dataclasses.replace(found.claim, nonce=secrets.token_hex(8)))

    def release(self, held: Held) -> None:
        """Give a claim back whose request was certainly not accepted; does nothing if another attempt has taken it over."""
        released = dataclasses.replace(held.claim, released=True)
        self._objects.replace(_record(held.claim.key), released.as_dict(), held.etag)

    def find(self, key: str) -> Found | None:
        """The claim of that key as it is in S3, released or not; None without one."""
        stored = self._objects.read(_record(key))
        return None if stored is None else Found(_parsed(Claim.from_dict, stored, key), stored.etag, stored.age)

    def read(self, key: str) -> Claim | None:
        """The claim of that key; None without one, or if it was released."""
        cached = self._claims.get(key)
        if cached is not None and self._is_young(cached):
            return cached
        found = self.find(key)
        return None if found is None or found.claim.released else found.claim

    def mark(self, claim: Claim, submitted: Submitted) -> Submitted:
        """Record the endpoint's acceptance; returns the one that counts: the first, where two processes have sent the same."""
        if self._objects.create(_marker(claim), submitted.as_dict()) is None:
            first = self.submitted(claim)
            if first is None:
                raise NotReady(f"The marker of {claim.key} was deleted while it was written; try again.")
            submitted = first
        return self._kept(claim, submitted)

    def submitted(self, claim: Claim) -> Submitted | None:
        """The endpoint's acceptance; None while there is none."""
        cached = self._markers.get((claim.key, claim.created_at))
        if cached is not None and self._is_young(claim):
            return cached
        stored = self._objects.read(_marker(claim))
        return None if stored is None else self._kept(claim, _parsed(Submitted.from_dict, stored, claim.key))

    def markers(self, caller: str, limit: int, after: str | None) -> tuple[list[Marker], bool]:
        """Up to `limit` markers of a caller, newest first, beginning after the name `after`; and whether there are more."""
        folder = S3Uri(self._state.bucket, self._state.join(_folder(caller)).key + "/")
        request: dict[str, Any] = {"Bucket": folder.bucket, "Prefix": folder.key, "MaxKeys": limit}
        if after is not None:
            request["StartAfter"] = folder.key + after
        with translate_errors(self._session, "s3:ListBucket", str(folder)):
            page = self._retries.call(lambda: self._session.s3.list_objects_v2(**request))
        names = (entry["Key"].removeprefix(folder.key) for entry in page.get("Contents", ()))
        return [marker for marker in map(Marker.parse, names) if marker is not None], bool(page.get("IsTruncated"))

    def _replace(self, found: Found, claim: Claim) -> Held | None:
        since = self._now()
        stored = self._objects.replace(_record(claim.key), claim.as_dict(), found.etag)
        return None if stored is None else Held(claim, stored.etag, since)

    def _kept(self, claim: Claim, submitted: Submitted) -> Submitted:
        """Cache a claim and its marker: once there is one, neither changes while they are young."""
        if self._is_young(claim):
            self._claims.put(claim.key, claim)
            self._markers.put((claim.key, claim.created_at), submitted)
        return submitted

    def _is_young(self, claim: Claim) -> bool:
        return self._now() - claim.created_at.timestamp() < CACHED_SECONDS


def _record(key: str) -> str:
    return f"records/{key}.json"


def _folder(caller: str) -> str:
    return f"submitted/{caller}"


def _marker(claim: Claim) -> str:
    return f"{_folder(claim.caller)}/{claim.marker.name}"


def _parsed(parse: Callable[[dict[str, Any]], Document], stored: StoredJson, key: str) -> Document:
    """The parsed object; raises UsageError for one that this API has not written."""
    try:
        return parse(stored.document)
    except InvalidInput as error:
        raise UsageError(
            f"An object of prediction {key} is damaged: {error} Delete it; the prediction can be repeated."
        ) from error

"""Signing secrets of callers: one at a time, and while it is rotated the previous one as well.

A secret is the object `secrets/<caller>.json` of an endpoint's credentials, made when it is first asked for or used. It lies
there in plain text, because signing needs it; the bucket's encryption and policies protect it (docs/webhooks.md).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from async_endpoint.client.clock import Clock
from async_endpoint.core.errors import NotReady
from async_endpoint.http_api.state import StateObjects, StoredJson
from async_endpoint.http_api.webhooks.signatures import new_secret

OVERLAP_SECONDS: Final = 86_400.0  # for which messages are signed with both: as long as retries last
CACHE_SECONDS: Final = 60.0
CACHE_ENTRIES: Final = 1_000


@dataclass(frozen=True)
class CallerSecrets:
    """Times are seconds since the epoch; `previous` signs until `previous_until`."""

    current: str
    created_at: float
    previous: str | None = None
    previous_until: float = 0.0

    def valid(self, now: float) -> tuple[str, ...]:
        """The secrets to sign with, the current one first."""
        return (self.current, self.previous) if self.previous and now < self.previous_until else (self.current,)

    def as_dict(self) -> dict[str, Any]:
        return {"version": 1, **vars(self)}

    @classmethod
    def parse(cls, document: dict[str, Any]) -> CallerSecrets:
        """Raises NotReady for what `as_dict` did not write."""
        try:
            return cls(**{name: document[name] for name in ("current", "created_at", "previous", "previous_until")})
        except KeyError as error:
            raise NotReady(f"A signing secret in S3 lacks {error}; restore an earlier version of the object.") from error


class SecretStore:
    """The secrets of an endpoint's callers; `credentials` are its state objects. Methods raise what `translate_errors` raises.

    `signing` reads a secret at most once a minute, so a rotation takes effect within a minute.
    """

    def __init__(self, credentials: StateObjects, clock: Clock) -> None:
        self._objects, self._clock = credentials, clock
        self._cache: OrderedDict[str, tuple[float, CallerSecrets]] = OrderedDict()
        self._lock = threading.Lock()

    def signing(self, caller: str) -> tuple[str, ...]:
        """The secrets to sign a message for `caller` with; makes one if there is none."""
        now = self._clock.now()
        with self._lock:
            read_at, found = self._cache.get(caller, (0.0, None))
        if found is None or now - read_at >= CACHE_SECONDS:
            found = self.get(caller)
            with self._lock:
                self._cache[caller] = (now, found)
                self._cache.move_to_end(caller)
                while len(self._cache) > CACHE_ENTRIES:
                    self._cache.popitem(last=False)
        return found.valid(now)

    def get(self, caller: str) -> CallerSecrets:
        """The secrets of `caller`, made if there are none."""
        return CallerSecrets.parse(self._get(caller).document)

    def rotate(self, caller: str, overlap: float = OVERLAP_SECONDS) -> CallerSecrets:
        """Replace the current secret, which stays valid for `overlap` seconds more.

        Raises NotReady where another process rotates it at the same time.
        """
        stored, now = self._get(caller), self._clock.now()
        before = CallerSecrets.parse(stored.document)
        rotated = CallerSecrets(new_secret(), now, before.current, now + overlap)
        if self._objects.replace(_name(caller), rotated.as_dict(), stored.etag) is None:
            raise NotReady(f"The signing secret of {caller} has just been rotated by another process; look at it first.")
        with self._lock:
            self._cache.pop(caller, None)
        return rotated

    def _get(self, caller: str) -> StoredJson:
        stored = self._objects.read(_name(caller))
        if stored is None:
            made = CallerSecrets(new_secret(), self._clock.now())
            stored = self._objects.create(_name(caller), made.as_dict()) or self._objects.read(_name(caller))
        if stored is None:
            raise NotReady(f"The signing secret of {caller} was deleted while it was made; try again.")
        return stored


def _name(caller: str) -> str:
    return f"secrets/{caller}.json"

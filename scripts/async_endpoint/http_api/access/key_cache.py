"""A bounded cache of API keys, so that a request seldom costs a call of S3, and a revoked key is valid for a minute at most."""

from __future__ import annotations

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from async_endpoint.http_api.access.api_keys import ApiKey, digest

VALID_SECONDS: Final = 60.0  # the documented delay of a revocation
REFRESH_SECONDS: Final = 10.0  # before that, while one request reads the key again, the others use the cached one
UNKNOWN_SECONDS: Final = 10.0
CAPACITY: Final = 1_000  # of each kind: unknown ids must not evict known ones
_NO_KEY: Final = ApiKey("", "", digest(""), 0.0, 0, "")


@dataclass
class _Entry:
    key: ApiKey | None
    valid_until: float
    refresh_at: float


class KeyCache:
    """Keys by endpoint and id, as `read(endpoint, key_id)` found them. Thread-safe.

    `now` is in seconds, and does not go back where the system's time does, or a revoked key would stay valid (client/clock.py).
    """

    def __init__(self, read: Callable[[str, str], ApiKey | None], now: Callable[[], float]) -> None:
        self._read, self._now = read, now
        self._known: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._unknown: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def cached(self, endpoint: str, key_id: str) -> bool:
        """Whether `key` answers without a call of S3. Of several threads at the end of an entry, one gets False."""
        with self._lock:
            now, entry = self._now(), self._entry((endpoint, key_id))
            if entry is None or now >= entry.valid_until:
                return False
            if now < entry.refresh_at:
                return True
            entry.refresh_at = entry.valid_until
            return False

    def is_strange(self, endpoints: Sequence[str], key_id: str) -> bool:
        """Whether the id may be invented and costs a call of S3.

        Not if one of `endpoints` had a key of it when last read, however long ago, nor if none of them had one a moment ago.
        """
        with self._lock:
            now, places = self._now(), [(endpoint, key_id) for endpoint in endpoints]
            if any(place in self._known for place in places):
                return False
            found = [self._unknown.get(place) for place in places]
        return any(entry is None or now >= entry.valid_until for entry in found)

    def load(self, endpoint: str, key_id: str) -> None:
        """Read a key from S3, one call; raises what `read` does."""
        key, place = self._read(endpoint, key_id), (endpoint, key_id)
        now = self._now()
        seconds = VALID_SECONDS if key else UNKNOWN_SECONDS
        entries, others = (self._known, self._unknown) if key else (self._unknown, self._known)
        with self._lock:
            others.pop(place, None)
            entries[place] = _Entry(key, now + seconds, now + max(seconds - REFRESH_SECONDS, REFRESH_SECONDS))
            entries.move_to_end(place)
            while len(entries) > CAPACITY:
                entries.popitem(last=False)

    def key(self, endpoint: str, key_id: str, secret: str) -> ApiKey | None:
        """The cached key if `secret` is its secret. Hashes and compares for unknown ids as for known ones."""
        with self._lock:
            entry = self._entry((endpoint, key_id))
        key = entry.key if entry is not None and self._now() < entry.valid_until else None
        matches = hmac.compare_digest((key or _NO_KEY).sha256, digest(secret))
        return key if matches and key is not None else None

    def _entry(self, place: tuple[str, str]) -> _Entry | None:
        return self._known.get(place) or self._unknown.get(place)

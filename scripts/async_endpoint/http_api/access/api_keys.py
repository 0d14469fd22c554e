"""API keys: `aek_<key id>_<secret>`, stored as SHA-256 of the secret in the credentials of every endpoint they are valid for.

The secret has 256 random bits, so an unsalted hash cannot be inverted by trying, and comparing hashes reveals nothing of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri

VERSION: Final = 1
ID_CHARS: Final = 16  # 80 random bits; the id is public, and the caller's name in logs and object keys
NAME_CHARS: Final = 100
DEFAULT_RATE: Final = 10.0
MAX_RATE: Final = 10_000.0
_KEY = re.compile(r"aek_(?P<id>[a-z2-7]{16})_(?P<secret>[a-z2-7]{52})")
_ID = re.compile(r"[a-z2-7]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ApiKey:
    """What is stored of a key. `rate` is in requests per second, `burst` the requests that may come at once."""

    id: str
    name: str
    sha256: str
    rate: float
    burst: int
    created_at: str

    def matches(self, secret: str) -> bool:
        """Whether `secret` is this key's, in a time that does not depend on where they differ."""
        return hmac.compare_digest(self.sha256, digest(secret))

    def public(self) -> dict[str, Any]:
        """All but the hash."""
        return {name: value for name, value in asdict(self).items() if name != "sha256"}


def digest(secret: str) -> str:
    """SHA-256 of a secret, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def parse_key(text: str) -> tuple[str, str] | None:
    """Id and secret of a key as users write it; None for anything else."""
    match = _KEY.fullmatch(text)
    return (match["id"], match["secret"]) if match else None


def new_key(name: str, rate: float, burst: int | None, now: float) -> tuple[ApiKey, str]:
    """A random key, and its text, which is stored nowhere; `now` is in seconds since the epoch.

    `burst` is by default two seconds of `rate`. Raises InvalidInput.
    """
    if not (1 <= len(name) <= NAME_CHARS and name.isprintable() and name.strip() == name):
        raise InvalidInput(
            f"The name {name[:NAME_CHARS]!r} of the API key is invalid; use 1 to {NAME_CHARS} printable characters without "
            "spaces around them."
        )
    if not 0 < rate <= MAX_RATE:  # NaN too
        raise InvalidInput(
            f"The rate of the API key is {rate:g} requests per second; use a number above 0, up to {MAX_RATE:,.0f}."
        )
    if burst is None:
        burst = max(1, round(2 * rate))
    if not 1 <= burst <= 2 * MAX_RATE:
        raise InvalidInput(f"The burst of the API key is {burst} requests; use 1 to {2 * MAX_RATE:,.0f}.")
    key_id, secret = _random(10), _random(32)
    created_at = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    return ApiKey(key_id, name, digest(secret), rate, burst, created_at), f"aek_{key_id}_{secret}"


def checked_id(text: str) -> str:
    """The id of an API key, from the id or the whole key; raises InvalidInput, without repeating what may be a secret."""
    parsed = parse_key(text)
    if parsed is not None:
        return parsed[0]
    if _ID.fullmatch(text) is None:
        raise InvalidInput(
            f"The id of an API key has {ID_CHARS} characters of a-z and 2-7; find it with: async-endpoint api-keys list ENV"
        )
    return text


def _random(size: int) -> str:
    """`size` random bytes in lower-case base32, which a double click selects as one word."""
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=").lower()


class KeyStore:
    """The keys of one endpoint: objects `keys/<key id>.json` below its credentials prefix."""

    def __init__(
        self, session: AwsSession, credentials_uri: str, retry: Callable[[Callable[[], Any]], Any] | None = None
    ) -> None:
        """`retry` calls a function again after a failure that this may cure, for sessions that do not retry themselves."""
        self._session, self._retry = session, retry or _once
        self._prefix = S3Uri.parse(credentials_uri + "keys/")

    def read(self, key_id: str) -> ApiKey | None:
        """The key of that id; None if there is none, or what is stored is not a key. Raises what `translate_errors` does."""
        uri = self._uri(key_id)
        with translate_errors(self._session, "s3:GetObject", str(uri)):
            try:
                body = self._retry(lambda: self._body(uri))
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise
        return _parsed(body, key_id)

    def write(self, key: ApiKey) -> None:
        """Store a new key; raises what `translate_errors` does."""
        uri = self._uri(key.id)
        body = json.dumps({"version": VERSION} | asdict(key)).encode()
        with translate_errors(self._session, "s3:PutObject", str(uri)):
            self._session.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, ContentType="application/json")

    def delete(self, key_id: str) -> None:
        """Delete a key, or do nothing if there is none; raises what `translate_errors` does."""
        uri = self._uri(key_id)
        with translate_errors(self._session, "s3:DeleteObject", str(uri)):
            self._session.s3.delete_object(Bucket=uri.bucket, Key=uri.key)

    def is_empty(self) -> bool:
        """Whether there is no key; one call. Raises what `translate_errors` does."""
        with translate_errors(self._session, "s3:ListBucket", str(self._prefix)):
            page = self._retry(
                lambda: self._session.s3.list_objects_v2(Bucket=self._prefix.bucket, Prefix=self._prefix.key, MaxKeys=1)
            )
        return not page.get("Contents")

    def __iter__(self) -> Iterator[ApiKey]:
        """Every key; raises what `translate_errors` does."""
        names: list[str] = []
        request: dict[str, str] = {"Bucket": self._prefix.bucket, "Prefix": self._prefix.key}
        with translate_errors(self._session, "s3:ListBucket", str(self._prefix)):
            while True:
                page = self._retry(partial(self._session.s3.list_objects_v2, **request))
                names += [entry["Key"].rsplit("/", 1)[-1] for entry in page.get("Contents", ())]
                if not page.get("IsTruncated"):
                    break
                request["ContinuationToken"] = page["NextContinuationToken"]
        for name in names:
            key_id = name.removesuffix(".json")
            found = self.read(key_id) if _ID.fullmatch(key_id) else None
            if found is not None:
                yield found

    def _body(self, uri: S3Uri) -> bytes:
        body: bytes = self._session.s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()
        return body

    def _uri(self, key_id: str) -> S3Uri:
        return self._prefix.join(f"{key_id}.json")


def _once(call: Callable[[], Any]) -> Any:
    return call()


def _parsed(body: bytes, key_id: str) -> ApiKey | None:
    """The key that an object holds. What cannot be read is not a valid key."""
    try:
        document = json.loads(body)
        key = ApiKey(**{name: document[name] for name in ApiKey.__dataclass_fields__})
        usable = key.id == key_id and _SHA256.fullmatch(key.sha256) and 0 < key.rate <= MAX_RATE and key.burst >= 1
    except (ValueError, KeyError, TypeError):
        return None
    return key if usable and document.get("version") == VERSION else None

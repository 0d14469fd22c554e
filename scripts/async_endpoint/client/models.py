"""The values that callers exchange with the client: a request, its acceptance, its state and its result."""

from __future__ import annotations

import dataclasses
import json
import mimetypes
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from async_endpoint.core import limits
from async_endpoint.core.errors import InvalidInput, ResultNotJson

Payload = Path | bytes | str
"""A file, the bytes themselves, or the S3 URI of an existing object."""

JSON_TYPE: Final = "application/json"
BINARY_TYPE: Final = "application/octet-stream"
NO_CONTENT_TYPE: Final = ""
"""Of a request: inline bytes are sent without a content type, instead of as application/octet-stream."""

# the standard library's own table, without this machine's files: the same result everywhere
_CONTENT_TYPES: Final = mimetypes.MimeTypes()
for _content_type, _suffix in (
    ("application/jsonlines", ".jsonl"),
    ("application/x-npy", ".npy"),
    ("application/x-parquet", ".parquet"),
    ("image/webp", ".webp"),
):
    _CONTENT_TYPES.add_type(_content_type, _suffix)


def guess_content_type(name: str) -> str:
    """The content type for the suffix of a file name or an S3 key; application/octet-stream for unknown ones."""
    content_type, encoding = _CONTENT_TYPES.guess_type(name)
    return content_type if content_type and encoding is None else BINARY_TYPE


def guess_suffix(content_type: str) -> str:
    """The usual file suffix of a content type, with its dot; empty if there is none."""
    return _CONTENT_TYPES.guess_extension(content_type.partition(";")[0].strip()) or ""


class State(StrEnum):
    """The state of a request. All but the first two are final."""

    SUBMITTING = "submitting"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"  # not started within its time to live
    RESULT_DELETED = "result-deleted"  # its result is gone, as by the bucket's lifecycle
    ENDPOINT_DELETED = "endpoint-deleted"  # before it ended
    BUCKET_MISSING = "bucket-missing"  # the bucket of its result was deleted
    WRONG_REGION = "wrong-region"  # its result is in a bucket of another region
    CREDENTIALS_EXPIRED = "credentials-expired"  # its result can be collected with new ones
    LOST_PERMISSION = "lost-permission"  # access to its result is denied
    TIMED_OUT = "timed-out"  # neither output nor failure by its deadline
    UNREACHABLE = "unreachable"  # AWS has not responded for too long
    NOT_SENT = "not-sent"  # the endpoint did not accept it
    CANCELLED = "cancelled"  # before it was sent
    ABANDONED = "abandoned"  # the client was closed after it had been sent


@dataclass(frozen=True)
class Request:
    """One request: the payload, and by keyword how to process it. Raises InvalidInput for a field of a wrong type.

    `key` identifies it within a run: 1 to 28 letters, digits, hyphens and underscores, beginning with a letter or digit; None
    assigns a number. A key determines the inference id and the output's S3 key, so submitting it again is idempotent.
    `content_type` None is guessed from the file's name, application/octet-stream for bytes; empty, inline bytes are sent
    without one.
    `inline` None sends up to 128,000 bytes in the call and uploads more to S3; True and False force one of the two.
    `custom_attributes` reach the model's container verbatim: up to 1,024 printable ASCII characters. `ttl_seconds` is how long
    the request may wait for an instance before it expires, 60 to 21,600; None is the endpoint's own time to live.
    `tag` is any value of the caller's, available as `Invocation.tag`.
    """

    payload: Payload
    _: KW_ONLY
    content_type: str | None = None
    accept: str | None = None
    key: str | None = None
    inline: bool | None = None
    custom_attributes: str | None = None
    ttl_seconds: int | None = None
    tag: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.payload, Path | bytes | str):
            raise InvalidInput(
                f"The payload is of type {type(self.payload).__name__}; give a file's Path, bytes, or an S3 URI as str."
            )
        for name in ("content_type", "accept", "key", "custom_attributes"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InvalidInput(f"The {name} of a request is of type {type(value).__name__}; give a str, or None.")
        if self.inline is not None and not isinstance(self.inline, bool):
            raise InvalidInput(f"The field inline of a request is of type {type(self.inline).__name__}; give a bool, or None.")
        shortest, longest = limits.REQUEST_TTL_SECONDS
        seconds = self.ttl_seconds
        if seconds is not None and (
            not isinstance(seconds, int) or isinstance(seconds, bool) or not shortest <= seconds <= longest
        ):
            raise InvalidInput(
                f"The field ttl_seconds of a request is {seconds!r}; give a whole number from {shortest} to {longest}, or None."
            )


@dataclass(frozen=True)
class Submitted:
    """An accepted request: all that is needed to collect its result, in this process or another.

    Locations are S3 URIs. `input_location` is None for an inline body, `failure_location` if the endpoint has no failure path.
    The request has ended `deadline_seconds` after `submitted_at` (UTC). `upload_seconds` is the time spent on uploading the
    input (0 if nothing was uploaded), `accept_seconds` on the call, retries included.
    """

    inference_id: str
    input_location: str | None
    output_location: str
    failure_location: str | None
    deadline_seconds: float
    submitted_at: datetime
    upload_seconds: float = 0.0
    accept_seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"submitted_at": self.submitted_at.isoformat()}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Submitted:
        """The inverse of `as_dict`; other keys are ignored, durations are optional.

        Raises InvalidInput for anything `as_dict` did not write.
        """
        try:
            fields = {field.name: document[field.name] for field in dataclasses.fields(cls) if field.name in document}
            return cls(**fields | {"submitted_at": datetime.fromisoformat(fields["submitted_at"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"This is not a submitted request ({error!r}); pass what Submitted.as_dict returned.") from error


@dataclass(frozen=True)
class Completed:
    """A result: the model's response, its S3 URI, and the `seconds` from submission until the client saw it.

    Of a request that ended before it was resumed, the seconds until the result was written (its LastModified).
    """

    body: bytes
    content_type: str
    output_location: str
    seconds: float

    def json(self) -> Any:
        """The body decoded from JSON; raises ResultNotJson if it is not JSON or is nested too deeply."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            kind = self.content_type or "no content type"
            raise ResultNotJson(
                f"The result {self.output_location} ({kind}, {len(self.body):,} bytes) is not JSON; use `body`."
            ) from error

    def as_dict(self) -> dict[str, Any]:
        """For --json: the fields, with the decoded JSON as `result` (None for other bodies) and the size as `bytes`."""
        fields = dataclasses.asdict(self)
        body = fields.pop("body")
        return fields | {"status": "Completed", "bytes": len(body), "result": self._json_or_none()}

    def _json_or_none(self) -> Any:
        try:
            return self.json()
        except ResultNotJson:
            return None

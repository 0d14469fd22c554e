"""What a request is, what the endpoint's acceptance of it is, and what comes of it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from async_endpoint.client.payload import Payload
from async_endpoint.core.errors import InvalidInput


class State(StrEnum):
    """Where a request is. All but the first two are terminal: a request that has one keeps it."""

    SUBMITTING = "submitting"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"  # not begun within its time to live
    LOST_PERMISSION = "lost-permission"  # its result may not be read
    TIMED_OUT = "timed-out"  # nothing of it by its deadline
    UNREACHABLE = "unreachable"  # AWS has not answered for long
    NOT_SENT = "not-sent"  # the endpoint did not accept it
    ABANDONED = "abandoned"  # the client was closed first


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: a file, bytes, or the S3 URI of an input that is there already, and how it is to be treated.

    `key` names it within a run: 1 to 28 letters, digits, hyphens and underscores, a letter or a digit first; None numbers it.
    The same key of the same run is the same inference id and the same output key, so submitting it again is harmless.
    `inline` None sends bytes and files up to 128,000 bytes in the call and puts what is larger into S3. `tag` is the caller's.
    Raises InvalidInput for a value of another type.
    """

    payload: Payload
    content_type: str | None = None
    accept: str | None = None
    key: str | None = None
    inline: bool | None = None
    tag: Any = None

    def __post_init__(self) -> None:
        if not isinstance(self.payload, Path | bytes | str):
            raise InvalidInput(
                f"The payload is of type {type(self.payload).__name__}; give a file's Path, bytes, or an S3 URI as str."
            )
        for name in ("content_type", "accept", "key"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InvalidInput(f"The {name} of a request is of type {type(value).__name__}; give a str, or None.")
        if self.inline is not None and not isinstance(self.inline, bool):
            raise InvalidInput(f"The field inline of a request is of type {type(self.inline).__name__}; give a bool, or None.")


@dataclass(frozen=True)
class Submitted:
    """A request the endpoint has accepted; all that is needed to collect it, in this process or another.

    Locations are S3 URIs. `input_location` is None for an inline body, `failure_location` where the endpoint has no failure
    path. `deadline_seconds` after `submitted_at` (UTC) the request has ended one way or the other. `upload_seconds` went by
    putting the input into S3 (0 when it went inline or was there already), `accept_seconds` by the call, tries included.
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
        """The inverse of `as_dict`; other keys are ignored, and the times that went by may be missing.

        Raises InvalidInput for a document that `as_dict` has not written.
        """
        try:
            fields = {field.name: document[field.name] for field in dataclasses.fields(cls) if field.name in document}
            return cls(**fields | {"submitted_at": datetime.fromisoformat(fields["submitted_at"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(f"This is no submitted request ({error!r}); give what Submitted.as_dict has written.") from error


@dataclass(frozen=True)
class Completed:
    """A result; `seconds` from submission to the moment it was seen."""

    body: bytes
    content_type: str
    output_location: str
    seconds: float

    def document(self) -> Any:
        """The decoded JSON of the body; None when it is not JSON, or nested too deeply to be decoded."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def as_dict(self) -> dict[str, Any]:
        """For --json: the JSON itself, or of a binary body its size."""
        fields = dataclasses.asdict(self)
        body = fields.pop("body")
        return fields | {"status": "Completed", "bytes": len(body), "result": self.document()}

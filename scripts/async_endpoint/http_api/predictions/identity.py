"""Ids of predictions, and the shorter keys that they have inside AWS.

A caller's id has 1 to 128 characters; SageMaker's file names have 32 and inference ids 64. So everything of a prediction is
named by a key, 26 characters of a hash over caller, endpoint and id: the same id is the same prediction in every process.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from async_endpoint.http_api.problems import Problem
from async_endpoint.http_api.settings import RUN

ID_CHARS: Final = 128
ID_PATTERN: Final = r"^[A-Za-z0-9._~:@+=-]{1,128}$"
KEY_CHARS: Final = 26
_ID: Final = re.compile(ID_PATTERN[1:-1])
_LAST_MILLISECOND: Final = 10**13 - 1  # in the year 2286
_MARKER: Final = re.compile(r"(?P<inverted>[0-9]{13})(?P<webhook>w?)\.(?P<id>.+)", re.DOTALL)
_INFERENCE_ID: Final = re.compile(rf"{RUN}-(?P<key>[a-z2-7]{{{KEY_CHARS}}})\.[A-Za-z0-9_-]{{1,32}}")


def checked_id(text: str, what: str) -> str:
    """`text`, if it can be the id of a prediction; raises a problem that begins with `what`."""
    if _ID.fullmatch(text) is None or text in (".", ".."):
        raise Problem(
            "invalid-request",
            f"{what} is {text[:40]!r}; use 1 to {ID_CHARS} letters, digits and ._~:@+=- but neither '.' nor '..'.",
        )
    return text


def new_id() -> str:
    """A random id, for a prediction whose caller names none."""
    return base64.b32encode(secrets.token_bytes(15)).decode().lower()


def prediction_key(caller: str, endpoint: str, prediction_id: str) -> str:
    """The key of a prediction; `endpoint` is the endpoint's name in SageMaker. None of the three contains a NUL."""
    digest = hashlib.sha256("\0".join((caller, endpoint, prediction_id)).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:KEY_CHARS]


def inference_id(key: str, request_id: str) -> str:
    """The inference id of a prediction that is sent while `request_id` is handled: 63 characters at most."""
    return f"{RUN}-{key}.{request_id}"


def key_of_inference(text: str) -> str | None:
    """The prediction's key in an inference id; None for requests that this API has not sent."""
    match = _INFERENCE_ID.fullmatch(text)
    return match["key"] if match else None


@dataclass(frozen=True)
class Marker:
    """The name of a marker below `submitted/<caller>/`: sorts newest first. `webhook` says whether the prediction has one."""

    created_at: datetime
    id: str
    webhook: bool

    @property
    def name(self) -> str:
        milliseconds = round(self.created_at.timestamp() * 1000)
        return f"{_LAST_MILLISECOND - milliseconds:013d}{'w' * self.webhook}.{self.id}"

    @classmethod
    def parse(cls, name: str) -> Marker | None:
        """The inverse of `name`; None for what is no marker's name."""
        match = _MARKER.fullmatch(name)
        if match is None or _ID.fullmatch(match["id"]) is None:
            return None
        milliseconds = _LAST_MILLISECOND - int(match["inverted"])
        return cls(datetime.fromtimestamp(milliseconds / 1000, UTC), match["id"], bool(match["webhook"]))

"""Reading an object that may not be there yet, with or without the right to know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code, error_message, translate_errors
from async_endpoint.client.retries import Retries
from async_endpoint.core.s3_uri import S3Uri

LIST_ACTION: Final = "s3:ListBucket"
READ_ACTION: Final = "s3:GetObject"
_NAMED_ACTION: Final = re.compile(r"not authorized to perform: ([\w-]+:\w+)")


@dataclass(frozen=True)
class Found:
    """An object; `written_at` is when it was put, in seconds since the epoch, to the second."""

    body: bytes
    content_type: str
    written_at: float | None = None


@dataclass(frozen=True)
class Unreadable:
    """Reading is denied for want of `action`. `exists` is None when the caller may not list either."""

    action: str
    exists: bool | None


class Objects:
    """S3 as one caller may see it.

    S3 answers 404 for a missing key, and 403 to a caller without s3:ListBucket, exactly as for a key that may not be read
    (FACTS "Results"). Where its message does not name the action, a listing of the one key tells the two apart.
    `blind` is true once it is known that they cannot be told apart: then 403 is taken for "not yet", unless this caller could
    tell before (`seeing`), who has then lost that right.
    """

    def __init__(self, session: AwsSession, retries: Retries) -> None:
        self._session, self._retries = session, retries
        self.blind = False
        self.seeing = False

    def look(self, location: str) -> Found | Unreadable | None:
        """The object, or why it cannot be read, or None for not there yet. Raises what `translate_errors` raises."""
        answer = self._get(location)
        if not isinstance(answer, str):
            self.seeing, self.blind = True, False
            return answer
        if answer == LIST_ACTION:
            self.blind = True
        if self.blind:
            return Unreadable(READ_ACTION, None) if self.seeing else None
        exists = self._exists(location)
        if exists is None and not answer:
            self.blind = True
            return Unreadable(READ_ACTION, None) if self.seeing else None
        if exists:  # it may have come between the two calls
            again = self._get(location)
            return Unreadable(again or READ_ACTION, exists) if isinstance(again, str) else again
        return Unreadable(answer, exists) if answer else None

    def _get(self, location: str) -> Found | str | None:
        """The object, None for 404, or for 403 the action S3 says is missing, empty when it does not say."""
        uri = S3Uri.parse(location)
        with translate_errors(self._session, READ_ACTION, location):
            try:
                return self._retries.call(lambda: self._read(uri))
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                if error_code(error) not in DENIED_CODES:
                    raise
                named = _NAMED_ACTION.search(error_message(error))
                return named[1] if named else ""

    def _read(self, uri: S3Uri) -> Found:
        reply = self._session.s3.get_object(Bucket=uri.bucket, Key=uri.key)
        written = reply.get("LastModified")
        return Found(reply["Body"].read(), reply.get("ContentType", ""), written.timestamp() if written else None)

    def _exists(self, location: str) -> bool | None:
        uri = S3Uri.parse(location)
        with translate_errors(self._session, LIST_ACTION, location):
            try:
                reply = self._retries.call(
                    lambda: self._session.s3.list_objects_v2(Bucket=uri.bucket, Prefix=uri.key, MaxKeys=1)
                )
            except ClientError as error:
                if error_code(error) not in DENIED_CODES:
                    raise
                return None
        return any(entry["Key"] == uri.key for entry in reply.get("Contents", []))

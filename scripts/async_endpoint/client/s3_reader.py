"""Reading results from S3: single objects that may not exist yet, and listings of the prefixes they appear under."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code, error_message, server_time, translate_errors
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.retries import Retries
from async_endpoint.core.notifications import Notification
from async_endpoint.core.s3_uri import S3Uri

LIST_ACTION: Final = "s3:ListBucket"
READ_ACTION: Final = "s3:GetObject"
CLOCK_TOLERANCE_SECONDS: Final = 2.0
_DENIED_ACTION: Final = re.compile(r"not authorized to perform: ([\w-]+:\w+)")


@dataclass(frozen=True)
class FetchedObject:
    """An object; `written_at` is its LastModified in seconds since the epoch, to the second."""

    body: bytes
    content_type: str
    written_at: float | None = None


@dataclass(frozen=True)
class ReadDenied:
    """Reading an object is denied for lack of `action`. `exists` is None if the caller may not list either."""

    action: str
    exists: bool | None


class ObjectReader:
    """Reads objects with the caller's permissions.

    S3 answers 404 for a missing key, and 403 to a caller without s3:ListBucket, exactly as for a key that may not be read
    (GetObject API reference). If its message does not name the action, listing that one key distinguishes the two.
    `cannot_list` is true once it is known that the caller cannot: then 403 means "not yet", unless this caller could read
    before (`could_read`) and has lost that permission.
    """

    def __init__(self, session: AwsSession, retries: Retries) -> None:
        self._session, self._retries = session, retries
        self.cannot_list = False
        self.could_read = False
        self.delete_markers: set[str] = set()  # locations whose object was deleted, in a versioned bucket

    def fetch(self, location: str) -> FetchedObject | ReadDenied | None:
        """The object, or why it cannot be read, or None if it does not exist yet. Raises what `translate_errors` raises."""
        answer = self._get(location)
        if not isinstance(answer, str):
            self.could_read, self.cannot_list = True, False
            return answer
        if answer == LIST_ACTION:
            self.cannot_list = True
        if self.cannot_list:
            return ReadDenied(READ_ACTION, None) if self.could_read else None
        exists = self._exists(location)
        if exists is None and not answer:
            self.cannot_list = True
            return ReadDenied(READ_ACTION, None) if self.could_read else None
        if exists:  # it may have been written between the two calls
            again = self._get(location)
            return ReadDenied(again or READ_ACTION, exists) if isinstance(again, str) else again
        return ReadDenied(answer, exists) if answer else None

    def _get(self, location: str) -> FetchedObject | str | None:
        """The object, None for 404, or for 403 the denied action as S3 names it, empty if it does not."""
        uri = S3Uri.parse(location)
        with translate_errors(self._session, READ_ACTION, location):
            try:
                return self._retries.call(lambda: self._read(uri))
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    if _has_delete_marker(error):
                        self.delete_markers.add(location)
                    return None
                if error_code(error) not in DENIED_CODES:
                    raise
                action = _DENIED_ACTION.search(error_message(error))
                return action[1] if action else ""

    def _read(self, uri: S3Uri) -> FetchedObject:
        reply = self._session.s3.get_object(Bucket=uri.bucket, Key=uri.key)
        written = reply.get("LastModified")
        return FetchedObject(reply["Body"].read(), reply.get("ContentType", ""), written.timestamp() if written else None)

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


def _has_delete_marker(error: ClientError) -> bool:
    """Whether the current version of a missing object is a delete marker (GetObject API reference, x-amz-delete-marker)."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("x-amz-delete-marker", "")).lower() == "true"


class ListingDenied(Exception):
    """The caller may not list the bucket; the text names the action and the resource."""


@dataclass(frozen=True)
class ListedResult:
    """An object that ends `invocation`; `written_at` is its LastModified by this machine's clock, seconds since the epoch."""

    invocation: Invocation
    hint: Notification
    written_at: float


class PrefixListing:
    """Lists the prefixes that pending requests end under.

    Outputs of a run are under a prefix of their own and sort by key, so a listing starts at the first missing one. Failures of
    all runs may share a prefix (A124): if it has more pages than there are pending
    requests, `ended` skips it and says so.
    """

    def __init__(self, session: AwsSession, now: Callable[[], float]) -> None:
        """`now` is this machine's clock, in seconds since the epoch; that of S3 may differ by minutes."""
        self._session, self._now = session, now
        self._failure_pages = 1

    def ended(self, pending: Sequence[Invocation], *, failures: bool = True) -> tuple[list[ListedResult], bool]:
        """Those of `pending` whose object exists, and whether failures were listed too.

        Raises ListingDenied, and what `translate_errors` raises.
        """
        found = [item for folder, wanted in _by_folder(pending, "output_location") for item in self._outputs(folder, wanted)]
        known = {item.invocation.inference_id for item in found}
        rest = [invocation for invocation in pending if invocation.inference_id not in known]
        if not failures or not rest or self._failure_pages > len(rest):
            return found, not rest
        for folder, wanted in _by_folder(rest, "failure_location"):
            found += self._failures(folder, wanted)
        return found, True

    def _outputs(self, folder: S3Uri, wanted: dict[str, Invocation]) -> Iterator[ListedResult]:
        for key, written_at in self._entries(folder, after=min(wanted)[:-1]):  # sorts just before the first missing key
            invocation = wanted.get(key)
            if invocation is not None:
                location = str(S3Uri(folder.bucket, key))
                hint = Notification("Completed", invocation.inference_id, None, location, None, None, None)
                yield ListedResult(invocation, hint, written_at)

    def _failures(self, folder: S3Uri, wanted: dict[str, Invocation]) -> Iterator[ListedResult]:
        number = 0
        for number, (key, written_at) in enumerate(self._entries(folder), start=1):  # noqa: B007
            invocation = wanted.get(key)
            if invocation is not None:
                location = str(S3Uri(folder.bucket, key))
                hint = Notification("Failed", invocation.inference_id, None, None, location, None, None)
                yield ListedResult(invocation, hint, written_at)
        self._failure_pages = 1 + number // 1_000

    def _entries(self, folder: S3Uri, after: str | None = None) -> Iterator[tuple[str, float]]:
        """Keys, and when each was written by this machine's clock."""
        request: dict[str, Any] = {"Bucket": folder.bucket, "Prefix": folder.key}
        if after is not None and after > folder.key:
            request["StartAfter"] = after
        with translate_errors(self._session, LIST_ACTION, str(folder)):
            try:
                while True:
                    page = self._session.s3.list_objects_v2(**request)
                    ahead = self._clock_difference(page)
                    for entry in page.get("Contents", ()):
                        yield entry["Key"], entry["LastModified"].timestamp() + ahead
                    if not page.get("IsTruncated"):
                        return
                    request["ContinuationToken"] = page["NextContinuationToken"]
            except ClientError as error:
                if error_code(error) in DENIED_CODES:
                    raise ListingDenied(f"{LIST_ACTION} on {folder} is denied") from error
                raise

    def _clock_difference(self, page: dict[str, Any]) -> float:
        """Seconds that this machine's clock is ahead of S3's; 0 below what two times of whole seconds can show."""
        now = self._now()
        ahead = now - (server_time(page) or now)
        return ahead if abs(ahead) > CLOCK_TOLERANCE_SECONDS else 0.0


def _by_folder(pending: Sequence[Invocation], location: str) -> Iterator[tuple[S3Uri, dict[str, Invocation]]]:
    """The invocations by key, for each prefix that their locations share."""
    folders: dict[tuple[str, str], dict[str, Invocation]] = defaultdict(dict)
    for invocation in pending:
        where = getattr(invocation.submitted, location)
        if where:
            uri = S3Uri.parse(where)
            folders[uri.bucket, uri.key[: uri.key.rfind("/") + 1]][uri.key] = invocation
    for (bucket, key), wanted in folders.items():
        yield S3Uri(bucket, key), wanted

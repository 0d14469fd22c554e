"""What has ended, told by listing where outputs and failures go: one call for a thousand results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code, translate_errors
from async_endpoint.client.invocation import Invocation
from async_endpoint.client.objects import LIST_ACTION
from async_endpoint.core.notifications import Notification
from async_endpoint.core.s3_uri import S3Uri


class MayNotList(Exception):
    """The caller may not list the bucket; the text is the action and what it was refused on."""


@dataclass(frozen=True)
class Ended:
    """An object that ends `invocation`, and since when it is there."""

    invocation: Invocation
    hint: Notification
    since: datetime


class Listing:
    """Listings of the folders that pending requests end in.

    Outputs of a run lie in a folder of their own and are named in the order of their keys, so a listing begins at the first
    that is missing. Failures of all runs may share one folder (where SageMaker puts them is not documented): where
    that has more pages than there are requests pending, `ended` leaves them out and says so.
    """

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._failure_pages = 1

    def ended(self, pending: Sequence[Invocation], *, failures: bool = True) -> tuple[list[Ended], bool]:
        """Those of `pending` whose object is there, and whether failures were looked for too.

        Raises MayNotList, and what `translate_errors` raises.
        """
        found = [item for folder, wanted in _by_folder(pending, "output_location") for item in self._outputs(folder, wanted)]
        known = {item.invocation.inference_id for item in found}
        left = [invocation for invocation in pending if invocation.inference_id not in known]
        if not failures or not left or self._failure_pages > len(left):
            return found, not left
        for folder, wanted in _by_folder(left, "failure_location"):
            found += self._failures(folder, wanted)
        return found, True

    def _outputs(self, folder: S3Uri, wanted: dict[str, Invocation]) -> Iterator[Ended]:
        for entry in self._entries(folder, after=min(wanted)[:-1]):  # sorts just before the first that is missing
            invocation = wanted.get(entry["Key"])
            if invocation is not None:
                location = str(S3Uri(folder.bucket, entry["Key"]))
                hint = Notification("Completed", invocation.inference_id, None, location, None, None, None)
                yield Ended(invocation, hint, entry["LastModified"])

    def _failures(self, folder: S3Uri, wanted: dict[str, Invocation]) -> Iterator[Ended]:
        number = 0
        for number, entry in enumerate(self._entries(folder), start=1):  # noqa: B007
            invocation = wanted.get(entry["Key"])
            if invocation is not None:
                location = str(S3Uri(folder.bucket, entry["Key"]))
                hint = Notification("Failed", invocation.inference_id, None, None, location, None, None)
                yield Ended(invocation, hint, entry["LastModified"])
        self._failure_pages = 1 + number // 1_000

    def _entries(self, folder: S3Uri, after: str | None = None) -> Iterator[dict[str, Any]]:
        asked: dict[str, Any] = {"Bucket": folder.bucket, "Prefix": folder.key}
        if after is not None and after > folder.key:
            asked["StartAfter"] = after
        with translate_errors(self._session, LIST_ACTION, str(folder)):
            try:
                while True:
                    page = self._session.s3.list_objects_v2(**asked)
                    yield from page.get("Contents", ())
                    if not page.get("IsTruncated"):
                        return
                    asked["ContinuationToken"] = page["NextContinuationToken"]
            except ClientError as error:
                if error_code(error) in DENIED_CODES:
                    raise MayNotList(f"{LIST_ACTION} on {folder} is denied") from error
                raise


def _by_folder(pending: Sequence[Invocation], location: str) -> Iterator[tuple[S3Uri, dict[str, Invocation]]]:
    """The invocations by key, for each folder that the locations lie in."""
    folders: dict[tuple[str, str], dict[str, Invocation]] = defaultdict(dict)
    for invocation in pending:
        where = getattr(invocation.submitted, location)
        if where:
            uri = S3Uri.parse(where)
            folders[uri.bucket, uri.key[: uri.key.rfind("/") + 1]][uri.key] = invocation
    for (bucket, key), wanted in folders.items():
        yield S3Uri(bucket, key), wanted

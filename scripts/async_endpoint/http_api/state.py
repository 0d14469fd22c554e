"""State of the HTTP API in S3: small JSON objects below one prefix, created and replaced by conditional writes.

S3 accepts one of several concurrent writes with the same condition (S3 User Guide, "How to prevent object overwrites with
conditional writes"), so that any number of processes can share the state without any other lock.

Actions: s3:GetObject and s3:PutObject on the objects, s3:ListBucket with the prefix.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, server_time, translate_errors
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import NotReady
from async_endpoint.core.s3_uri import S3Uri

# 412: there is another object by now; 404: it is gone; 409: a concurrent write, after which to retry (PutObject API reference)
_UNMET_CODES: Final = frozenset({"PreconditionFailed", "NoSuchKey", "412", "404"})
CONFLICT_ATTEMPTS: Final = 4
_CONCURRENT_CODES: Final = frozenset({"ConditionalRequestConflict", "409"})


@dataclass(frozen=True)
class StoredJson:
    """An object's decoded JSON, and the ETag that a replacement has to match.

    `age` is in seconds, by S3's own clock (A287), when it was read; to the second.
    """

    document: dict[str, Any]
    etag: str
    age: float = 0.0


class StateObjects:
    """The JSON objects below `uri`, by their name relative to it. Methods raise what `translate_errors` raises."""

    def __init__(self, session: AwsSession, uri: str, retries: Retries) -> None:
        self._session, self._root, self._retries = session, S3Uri.parse(uri), retries

    def read(self, name: str) -> StoredJson | None:
        """The object called `name`, None if there is none; raises NotReady for what is not a JSON object."""
        uri = self._root.join(name)
        with translate_errors(self._session, "s3:GetObject", str(uri)):
            try:
                reply = self._retries.call(lambda: self._session.s3.get_object(Bucket=uri.bucket, Key=uri.key))
                body = reply["Body"].read()
            except ClientError as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise
        age = (server_time(reply) or 0.0) - reply["LastModified"].timestamp()
        return StoredJson(_decoded(body, uri), str(reply["ETag"]), max(0.0, age))

    def create(self, name: str, document: Mapping[str, Any]) -> StoredJson | None:
        """Write the object unless there is one; returns it, or None if another writer was first."""
        return self._write(name, document, {"IfNoneMatch": "*"})

    def replace(self, name: str, document: Mapping[str, Any], etag: str) -> StoredJson | None:
        """Replace the object that has `etag`; returns the new one, or None if it has changed since, or is gone."""
        return self._write(name, document, {"IfMatch": etag})

    def list(self, prefix: str, *, after: str = "", delimiter: str = "") -> Iterator[str]:
        """Names that begin with `prefix` and sort after `after`, in order; with a `delimiter` the common prefixes instead."""
        folder = f"{self._root.key.rstrip('/')}/"
        request: dict[str, Any] = {"Bucket": self._root.bucket, "Prefix": f"{folder}{prefix}"}
        request |= {"StartAfter": f"{folder}{after}"} if after else {}
        request |= {"Delimiter": delimiter} if delimiter else {}
        while True:
            with translate_errors(self._session, "s3:ListBucket", f"s3://{self._root.bucket}/{request['Prefix']}"):
                page = self._retries.call(lambda: self._session.s3.list_objects_v2(**request))
            found = (
                (item["Prefix"] for item in page.get("CommonPrefixes", ()))
                if delimiter
                else (item["Key"] for item in page.get("Contents", ()))
            )
            yield from (key.removeprefix(folder) for key in found)
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _write(self, name: str, document: Mapping[str, Any], condition: Mapping[str, str]) -> StoredJson | None:
        uri, body = self._root.join(name), json.dumps(document, separators=(",", ":")).encode()
        attempts = itertools.count()

        def put() -> Any:
            for _ in range(CONFLICT_ATTEMPTS):
                try:
                    return self._session.s3.put_object(
                        Bucket=uri.bucket, Key=uri.key, Body=body, ContentType="application/json", **condition
                    )
                except ClientError as error:  # which of the concurrent writes succeeds is open: try again
                    if error_code(error) not in _CONCURRENT_CODES:
                        raise
            raise NotReady(f"{uri} is written by other processes again and again; try again.")

        with translate_errors(self._session, "s3:PutObject", str(uri)):
            try:
                reply = self._retries.call(put, before=lambda: next(attempts))
                return StoredJson(dict(document), str(reply["ETag"]))
            except ClientError as error:
                if error_code(error) not in _UNMET_CODES:
                    raise
        # after a retry, the writer that was first may be this one, whose response was lost
        if next(attempts) > 1:
            there = self.read(name)
            if there is not None and there.document == document:
                return there
        return None


def _decoded(body: bytes, uri: S3Uri) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotReady(f"{uri} is not JSON ({error}); restore an earlier version of it, or delete it.") from error
    if not isinstance(document, dict):
        raise NotReady(f"{uri} is a JSON {type(document).__name__}, not an object; restore an earlier version, or delete it.")
    return document

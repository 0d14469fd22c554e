"""Buckets whose versioning is suspended: writes and deletions leave the other versions of a key as they are.

moto treats such a bucket as one that never had versions: it drops them with each write and deletion, and a deletion fails with
status 500 where one of them is a delete marker, so that emptying the bucket never ends. Source: S3 User Guide, "Adding objects
to versioning-suspended buckets" and "Deleting objects from versioning-suspended buckets".
"""

from __future__ import annotations

import threading
from typing import Any, Final

from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, S3Backend

NULL_VERSION: Final = "null"

_one_at_a_time = threading.Lock()
_put = S3Backend.put_object
_delete = S3Backend.delete_object


def put_object(self: S3Backend, bucket_name: str, key_name: str, *arguments: Any, **options: Any) -> FakeKey:
    """S3Backend.put_object for a bucket in any state of versioning."""
    bucket = self.get_bucket(bucket_name)
    if bucket.versioning_status != "Suspended":
        return _put(self, bucket_name, key_name, *arguments, **options)
    with _one_at_a_time:
        before = list(bucket.keys.getlist(key_name, []))
        dict.pop(bucket.keys, key_name, None)  # moto discards the content of what it replaces
        try:
            written = _put(self, bucket_name, key_name, *arguments, **options)
        except BaseException:
            bucket.keys.setlist(key_name, before)
            raise
        kept = [version for version in before if version.version_id != NULL_VERSION]
        bucket.keys.setlist(key_name, [*kept, written])
        return written


def _delete_object(
    self: S3Backend, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
) -> tuple[bool, dict[str, Any]]:
    bucket = self.get_bucket(bucket_name)
    if bucket.versioning_status != "Suspended":
        deleted: tuple[bool, dict[str, Any]] = _delete(self, bucket_name, key_name, version_id, bypass)
        return deleted
    if key_name not in bucket.keys:
        return False, {}
    kept = _others(bucket, key_name, version_id or NULL_VERSION)
    if version_id is None:
        marker = FakeDeleteMarker(key=bucket.keys[key_name])
        marker._version_id = NULL_VERSION
        kept.append(marker)
    bucket.keys.setlist(key_name, kept)
    if not kept:
        bucket.keys.pop(key_name)
    described = {"version-id": version_id or NULL_VERSION}
    return True, described | ({"delete-marker": "true"} if version_id is None else {})


def _others(bucket: FakeBucket, key_name: str, version_id: str) -> list[Any]:
    """The versions of a key but one, the latest last."""
    return [version for version in bucket.keys.getlist(key_name, []) if str(version.version_id) != version_id]


def apply() -> None:
    S3Backend.put_object = put_object
    S3Backend.delete_object = _delete_object

"""Conditional writes of S3 (If-Match, If-None-Match) are atomic; moto checks the condition and writes in two steps.

No other write or deletion of the object gets in between, conditional or not. Source: S3 User Guide, "How to prevent object
overwrites with conditional writes".
"""

from __future__ import annotations

import threading
from typing import Any, Final

from moto.s3.responses import S3Response

_LOCKS: Final = tuple(threading.RLock() for _ in range(64))  # of each object one, shared with others
_put_object = S3Response.put_object
_delete_object = S3Response.delete_object
_key_response_post = S3Response._key_response_post


def _lock(bucket: str, key: str) -> threading.RLock:
    return _LOCKS[hash((bucket, key)) % len(_LOCKS)]


def _put(self: S3Response) -> Any:
    with _lock(self.bucket_name, self.parse_key_name()):
        return _put_object(self)


def _delete(self: S3Response) -> Any:
    with _lock(self.bucket_name, self.parse_key_name()):
        return _delete_object(self)


def _post(self: S3Response, request: Any, body: bytes, bucket_name: str, query: dict[str, Any], key_name: str) -> Any:
    if not query.get("uploadId"):
        return _key_response_post(self, request, body, bucket_name, query, key_name)
    with _lock(bucket_name, key_name):  # CompleteMultipartUpload
        return _key_response_post(self, request, body, bucket_name, query, key_name)


def apply() -> None:
    S3Response.put_object = _put
    S3Response.delete_object = _delete
    S3Response._key_response_post = _post

"""Keys, metadata and encryption of objects that are written, and states of versioning. moto stores whatever it is given.

Sources: S3 User Guide, "Naming Amazon S3 objects" (1,024 bytes) and "Working with object metadata" (2 KB, of keys and values);
API reference, PutObject (x-amz-server-side-encryption) and "Error responses". Texts: ceph's s3-tests and cortx-s3server for
keys and metadata, minio's table of errors for encryption; LocalStack's provider of S3, compared with AWS, for versioning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from moto.s3.exceptions import InvalidArgumentError, InvalidBucketState, MalformedXML, S3ClientError
from moto.s3.responses import S3Response

from async_endpoint.emulator.moto_patches.s3_object_ownership import authorized

MAX_KEY_BYTES: Final = 1_024
MAX_METADATA_BYTES: Final = 2_048
_METADATA: Final = "x-amz-meta-"
_ENCRYPTION: Final = "x-amz-server-side-encryption"
_KEY_ID: Final = f"{_ENCRYPTION}-aws-kms-key-id"
_KMS_METHODS: Final = ("aws:kms", "aws:kms:dsse")
_METHODS: Final = ("AES256", *_KMS_METHODS)
_STATUS: Final = re.compile(r"<(?:\w+:)?Status>\s*([^<]*?)\s*</")


class _TooLong(S3ClientError):  # type: ignore[misc]
    def __init__(self, code: str, message: str, size: int, most: int) -> None:
        super().__init__(code, message)
        self.size = str(size)
        self.max_size_allowed = str(most)


def _authorized(self: S3Response, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """Check what a request writes, once it is authorized."""
    authorized(self, bucket_name, key_name)
    action = self.data["Action"]
    if key_name is not None:
        size = len(key_name.encode())
        if size > MAX_KEY_BYTES:
            raise _TooLong("KeyTooLongError", "Your key is too long", size, MAX_KEY_BYTES)
        if action == "PutObject":
            _check_metadata(self.headers.items())
            _check_encryption(self.headers.get(_ENCRYPTION), self.headers.get(_KEY_ID))
    elif action == "PutBucketVersioning" and bucket_name is not None:
        _check_versioning(self, bucket_name)


def _check_metadata(headers: Iterable[tuple[str, str]]) -> None:
    size = sum(
        len(name.encode()) - len(_METADATA) + len(str(value).encode())
        for name, value in headers
        if name.lower().startswith(_METADATA)
    )
    if size > MAX_METADATA_BYTES:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise _TooLong("MetadataTooLarge", message, size, MAX_METADATA_BYTES)


def _check_encryption(method: str | None, key_id: str | None) -> None:
    if method is not None and method not in _METHODS:
        raise InvalidArgumentError("The encryption method specified is not supported", _ENCRYPTION, method)
    if key_id is not None and method not in _KMS_METHODS:
        message = f"Server Side Encryption with AWS KMS managed key requires HTTP header {_ENCRYPTION} : aws:kms"
        raise InvalidArgumentError(message, _ENCRYPTION, method or "")


def _check_versioning(self: S3Response, bucket_name: str) -> None:
    found = _STATUS.search(self.body.decode(errors="replace") if isinstance(self.body, bytes) else str(self.body))
    status = found[1] if found else ""
    if not status:
        error = S3ClientError("The Versioning element must be specified")
        error.code = "IllegalVersioningConfigurationException"
        raise error
    if status not in ("Enabled", "Suspended"):
        raise MalformedXML
    if status == "Suspended" and self.backend.get_bucket(bucket_name).object_lock_enabled:
        raise InvalidBucketState(
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        )


def apply() -> None:
    S3Response._authenticate_and_authorize_s3_action = _authorized

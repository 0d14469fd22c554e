"""The facts about resources that the permissions of calls depend on (iam/actions), from the resources of the local AWS."""

from __future__ import annotations

import base64
from typing import Final

from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.emulator import moto_backends
from async_endpoint.emulator.access import iam_store
from async_endpoint.iam.actions import UNKNOWN
from async_endpoint.local_aws import ACCOUNT_ID

_MANAGED: Final = "alias/aws/s3"  # AWS's own key of S3, which every principal of the account may use through it
_KEY_ID_BYTES: Final = 36


class BackendFacts:
    """The facts of one region."""

    def __init__(self, region: str) -> None:
        self._region = region

    def bucket_key(self, bucket: str) -> str | None:
        try:
            key = moto_backends.bucket_kms_key(bucket)
        except moto_backends.ResourceNotFound:
            return None
        return self.key_arn(key) if key and not key.endswith(_MANAGED) else None

    def object_exists(self, bucket: str, key: str) -> bool:
        return moto_backends.object_exists(S3Uri(bucket, key))

    def object_key(self, bucket: str, key: str, version: str | None = None) -> str | None:
        identifier = moto_backends.object_kms_key(S3Uri(bucket, key), version)
        return None if identifier is None else self.key_arn(identifier)

    def object_has_tags(self, bucket: str, key: str, version: str | None = None) -> bool:
        return bool(moto_backends.object_tags(S3Uri(bucket, key), version))

    def queue_key(self, arn: str) -> str | None:
        key = moto_backends.queue_kms_key(arn.rpartition(":")[2], self._region)
        return self.key_arn(key) if key and not key.endswith("alias/aws/sqs") else None

    def topic_key(self, arn: str) -> str | None:
        try:
            key = moto_backends.topic(arn, self._region).kms_key
        except moto_backends.ResourceNotFound:
            return None
        return self.key_arn(key) if key and not key.endswith("alias/aws/sns") else None

    def ciphertext_key(self, ciphertext: str) -> str:
        """moto's ciphertexts begin with the id of their key."""
        try:
            identifier = base64.b64decode(ciphertext)[:_KEY_ID_BYTES].decode()
        except ValueError:
            return UNKNOWN
        return self.key_arn(identifier)

    def key_arn(self, identifier: str) -> str:
        try:
            return moto_backends.kms_key(identifier, self._region).arn
        except moto_backends.ResourceNotFound:
            name = identifier if identifier.startswith("alias/") else f"key/{identifier}"
            return identifier if identifier.startswith("arn:") else f"arn:aws:kms:{self._region}:{ACCOUNT_ID}:{name}"

    def role_arn(self, name: str) -> str:
        return moto_backends.role_arn(name) or f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"

    def access_key_user(self, key_id: str) -> str | None:
        return moto_backends.access_key_user(key_id)

    def upload_key(self, bucket: str, upload_id: str) -> str | None:
        return moto_backends.upload_key(bucket, upload_id)

    def profile_arn(self, name: str) -> str:
        return moto_backends.profile_arn(name) or f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/{name}"

    def profile_roles(self, name: str) -> list[str]:
        """The ARNs of the roles of an instance profile."""
        return moto_backends.profile_roles(name)

    def role_boundary(self, name: str) -> str | None:
        return moto_backends.role_boundary(name)

    def user_arn(self, name: str) -> str:
        return moto_backends.user_arn(name) or f"arn:aws:iam::{ACCOUNT_ID}:user/{name}"

    def group_arn(self, name: str) -> str:
        found = iam_store.group(name)
        return f"arn:aws:iam::{ACCOUNT_ID}:group/{name}" if found is None else found.arn

    def has_scalable_target(self, endpoint: str) -> bool:
        return moto_backends.has_scalable_target(self._region, endpoint)

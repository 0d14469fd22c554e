"""Policies of buckets and keys and trust policies of roles, checked when they are written. moto stores any text.

Those of topics and queues are attributes (sns_attributes.py, sqs_attributes.py).
"""

from __future__ import annotations

from typing import Any

from moto.iam.models import IAMBackend, Role
from moto.kms.responses import KmsResponse
from moto.s3.models import S3Backend

from async_endpoint.emulator.moto_patches.kms_key_states import put_key_policy
from async_endpoint.emulator.written_policies.buckets import check_bucket_policy
from async_endpoint.emulator.written_policies.keys import check_key_policy
from async_endpoint.emulator.written_policies.roles import check_trust_policy
from async_endpoint.local_aws import ACCOUNT_ID

_put_bucket_policy = S3Backend.put_bucket_policy
_create_key = KmsResponse.create_key
_create_role = IAMBackend.create_role


def _put_bucket_policy_checked(self: S3Backend, bucket_name: str, policy: bytes) -> None:
    self.get_bucket(bucket_name)
    check_bucket_policy(bucket_name, policy)
    _put_bucket_policy(self, bucket_name, policy)


def _check_key_policy(response: KmsResponse, arn: str) -> None:
    check_key_policy(
        arn,
        str(response._get_param("Policy")),
        bypass_lockout_check=response._get_param("BypassPolicyLockoutSafetyCheck") is True,
    )


def _create_key_checked(self: KmsResponse) -> Any:
    if self._get_param("Policy"):
        _check_key_policy(self, f"arn:aws:kms:{self.region}:{ACCOUNT_ID}:key/new")
    return _create_key(self)


def _put_key_policy_checked(self: KmsResponse) -> Any:
    key = self.kms_backend.keys.get(self.kms_backend.get_key_id(self._get_param("KeyId")))
    if key is not None:
        _check_key_policy(self, key.arn)
    return put_key_policy(self)


def _create_role_checked(
    self: IAMBackend, role_name: str, assume_role_policy_document: str, *arguments: Any, **named: Any
) -> Role:
    if not named.get("linked_service"):
        check_trust_policy(assume_role_policy_document)
    return _create_role(self, role_name, assume_role_policy_document, *arguments, **named)


def _update_trust_checked(self: IAMBackend, role_name: str, policy_document: str) -> None:
    """In the place of moto's, which refuses documents of Version 2008-10-17."""
    role = self.get_role(role_name)
    check_trust_policy(policy_document)
    role.assume_role_policy_document = policy_document


def apply() -> None:
    S3Backend.put_bucket_policy = _put_bucket_policy_checked
    KmsResponse.create_key = _create_key_checked
    KmsResponse.put_key_policy = _put_key_policy_checked
    IAMBackend.create_role = _create_role_checked
    IAMBackend.update_assume_role_policy = _update_trust_checked

"""Conditions of bucket policies. moto treats one that does not match as a denial: a TLS-only policy locks its bucket.

Loopback counts as TLS: `aws:SecureTransport` is true, as for the same call on AWS. The caller is the account.
"""

from __future__ import annotations

import json

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from async_endpoint.iam import AccessRequest, evaluate
from async_endpoint.local_aws import ACCOUNT_ID

CALLER = f"arn:aws:iam::{ACCOUNT_ID}:root"


def _get_permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    if self.policy is None:
        return PermissionResult.NEUTRAL
    context = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT_ID, "aws:PrincipalArn": CALLER}
    verdict = evaluate(AccessRequest(action, resource, CALLER, context), (), json.loads(self.policy))
    if verdict.explicit_deny:
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if verdict.allowed else PermissionResult.NEUTRAL


def apply() -> None:
    FakeBucket.get_permission = _get_permission

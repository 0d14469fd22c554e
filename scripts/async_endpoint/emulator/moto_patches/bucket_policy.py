"""Conditions of bucket policies. moto treats one that does not match as a denial: a TLS-only policy locks its bucket.

Loopback counts as TLS: `aws:SecureTransport` is true, as for the same call on AWS. Without enforcement of IAM only denials
count, for the identity that signed the request; the generated credentials are the account. With it, access/enforcement.py has
decided the call before, but for the objects of DeleteObjects, each of which S3 denies in its response.
"""

from __future__ import annotations

import json

from flask import has_request_context, request
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from async_endpoint.emulator.auth.identities import CallerKind, caller_of
from async_endpoint.emulator.wsgi import AUTHORIZED, DELETABLE
from async_endpoint.iam import AccessRequest, evaluate
from async_endpoint.iam.request import role_and_session
from async_endpoint.local_aws import ACCOUNT_ID

ACCOUNT = f"arn:aws:iam::{ACCOUNT_ID}:root"
# moto names actions after HTTP methods.
_ACTIONS = {"s3:HeadObject": "s3:GetObject", "s3:PostObject": "s3:PutObject"}


def _get_permission(self: FakeBucket, action: str, resource: str) -> PermissionResult:
    environ = request.environ if has_request_context() else {}
    if DELETABLE in environ and action == "s3:DeleteObject":
        return PermissionResult.NEUTRAL if resource in environ[DELETABLE] else PermissionResult.DENIED
    if self.policy is None or environ.get(AUTHORIZED):
        return PermissionResult.NEUTRAL
    principal, session = _principal(environ)
    context = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT_ID}
    asked = AccessRequest(_ACTIONS.get(action, action), resource, principal, context, session)
    verdict = evaluate(asked, (), json.loads(self.policy))
    if verdict.explicit_deny:
        return PermissionResult.DENIED
    return PermissionResult.PERMITTED if verdict.allowed else PermissionResult.NEUTRAL


def _principal(environ: dict[str, object]) -> tuple[str, str]:
    """The ARN of the caller's user or role, and the name of its session."""
    caller = caller_of(environ)
    if caller is None or caller.kind is CallerKind.LOCAL_USER:
        return ACCOUNT, ""
    return role_and_session(caller.arn)


def apply() -> None:
    FakeBucket.get_permission = _get_permission

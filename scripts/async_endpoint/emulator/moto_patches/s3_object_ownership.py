"""Object ownership, ACLs and public access of buckets. moto creates buckets without settings, and stores any ACL and policy.

On AWS a new bucket is owned by its owner alone (BucketOwnerEnforced: ACLs are disabled) and blocks public access (LocalStack's
snapshots recorded on AWS: test_bucket_ownership_controls_exc, test_crud_public_access_block). ACLs that a setting excludes are
refused: user guide, "Troubleshooting" of object ownership and "Blocking public access"; texts as quoted by users.
"""

from __future__ import annotations

import json
from typing import Any, Final

from flask import request
from moto.s3 import responses
from moto.s3.exceptions import InvalidArgumentError, MalformedXML, S3ClientError
from moto.s3.models import (
    ALL_USERS_GRANTEE,
    AUTHENTICATED_USERS_GRANTEE,
    OWNER,
    FakeAcl,
    FakeBucket,
    FakeKey,
    PublicAccessBlock,
    S3Backend,
    get_canned_acl,
)
from moto.s3.responses import S3Response

from async_endpoint.emulator.auth.identities import caller_of
from async_endpoint.iam.public_policies import is_public
from async_endpoint.local_aws import ACCOUNT_ID

ENFORCED: Final = "BucketOwnerEnforced"
_OWNERSHIPS: Final = (ENFORCED, "BucketOwnerPreferred", "ObjectWriter")
_GRANTS: Final = tuple(f"x-amz-grant-{name}" for name in ("full-control", "read", "read-acp", "write", "write-acp"))
_PUBLIC: Final = (ALL_USERS_GRANTEE, AUTHENTICATED_USERS_GRANTEE)
_new_bucket = FakeBucket.__init__
_authorize = S3Response._authenticate_and_authorize_s3_action
_acl_of_headers = S3Response._acl_from_headers
_put_ownership = S3Backend.put_bucket_ownership_controls
_object_acl = S3Backend.get_object_acl
_ownership_of_body = S3Response._ownership_rule_from_body


class OwnershipConflict(S3ClientError):  # type: ignore[misc]
    code = "InvalidBucketAclWithObjectOwnership"

    def __init__(self) -> None:
        super().__init__(f"Bucket cannot have ACLs set with ObjectOwnership's {ENFORCED} setting")


class AclsDisabled(S3ClientError):  # type: ignore[misc]
    code = "AccessControlListNotSupported"

    def __init__(self) -> None:
        super().__init__("The bucket does not allow ACLs")


class PublicBucketAcl(S3ClientError):  # type: ignore[misc]
    code = "InvalidBucketAclWithBlockPublicAccessError"

    def __init__(self) -> None:
        super().__init__("Bucket cannot have public ACLs set with BlockPublicAccess enabled")


class PublicAccessBlocked(S3ClientError):  # type: ignore[misc]
    code = "AccessDenied"

    def __init__(self, action: str, resource: str, what: str, setting: str) -> None:
        caller = caller_of(request.environ)
        user = caller.arn if caller is not None else f"arn:aws:iam::{ACCOUNT_ID}:root"
        super().__init__(
            f'User: {user} is not authorized to perform: s3:{action} on resource: "arn:aws:s3:::{resource}" because public '
            f"{what} are blocked by the {setting} block public access setting."
        )


def _create(self: FakeBucket, *arguments: Any, **named: Any) -> None:
    _new_bucket(self, *arguments, **named)
    self.ownership_rule = ENFORCED
    self.public_access_block = PublicAccessBlock("true", "true", "true", "true")


def authorized(self: S3Response, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """Check what a request sets, once it is authorized and before it has effects."""
    _authorize(self, bucket_name, key_name)
    check = _CHECKS.get(self.data["Action"])
    if check is not None and bucket_name is not None:
        check(self, bucket_name, key_name)


def _check_new_bucket(self: S3Response, _bucket: str, _key: str | None) -> None:
    ownership = self.headers.get("x-amz-object-ownership", ENFORCED)
    if ownership not in _OWNERSHIPS:
        error = S3ClientError(f"Invalid x-amz-object-ownership header: {ownership}")
        error.code = "InvalidArgument"
        raise error
    acl = self._acl_from_headers(self.headers) if _sets_acl(self) else None
    if acl is not None and ownership == ENFORCED and _grants_to_others(acl):
        raise OwnershipConflict
    if acl is not None and _is_public(acl):
        raise PublicBucketAcl


def _check_bucket_acl(self: S3Response, name: str, _key: str | None) -> None:
    bucket = self.backend.get_bucket(name)
    if bucket.ownership_rule == ENFORCED:
        raise AclsDisabled
    acl = self._acl_from_headers(self.headers) if _sets_acl(self) else self._acl_from_body()
    _check_public(bucket, acl, "PutBucketAcl", name)


def _check_object(self: S3Response, name: str, key: str | None) -> None:
    """Of PutObject, CopyObject, CreateMultipartUpload and the form of a POST."""
    in_form = (self.querystring.get("acl") or [None])[0]
    if not _sets_acl(self) and not in_form:
        return
    canned = self.headers.get("x-amz-acl") or in_form
    acl = _acl_of_headers(self, self.headers) if _sets_acl(self) else canned_acl(in_form)
    bucket = self.backend.get_bucket(name)
    if bucket.ownership_rule == ENFORCED and (canned != "bucket-owner-full-control" if canned else _grants_to_others(acl)):
        raise AclsDisabled
    _check_public(bucket, acl, "PutObject", f"{name}/{key}" if key else f"{name}/*")


def _check_object_acl(self: S3Response, name: str, key: str | None) -> None:
    bucket = self.backend.get_bucket(name)
    if bucket.ownership_rule == ENFORCED:
        raise AclsDisabled
    _check_public(bucket, _requested_acl(self), "PutObjectAcl", f"{name}/{key}")


def _check_policy(self: S3Response, name: str, _key: str | None) -> None:
    block = self.backend.get_bucket(name).public_access_block
    if block is not None and block.block_public_policy and _is_public_policy(self.body):
        raise PublicAccessBlocked("PutBucketPolicy", name, "policies", "BlockPublicPolicy")


_CHECKS: Final = {
    "CreateBucket": _check_new_bucket,
    "PutBucketAcl": _check_bucket_acl,
    "PutObject": _check_object,
    "PutObjectAcl": _check_object_acl,
    "PutBucketPolicy": _check_policy,
}


def canned_acl(name: str) -> FakeAcl:
    """moto's fails on an unknown name; AWS's answer is in LocalStack's snapshots (test_s3_object_acl_exceptions)."""
    try:
        return get_canned_acl(name)
    except AssertionError:
        raise InvalidArgumentError("", "x-amz-acl", name) from None


def _is_public_policy(text: bytes | str) -> bool:
    """What GetBucketPolicyStatus answers too; text that is no document is refused elsewhere."""
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and is_public(document)


def _sets_acl(self: S3Response) -> bool:
    return "x-amz-acl" in self.headers or any(name in self.headers for name in _GRANTS)


def _check_public(bucket: FakeBucket, acl: FakeAcl | None, action: str, resource: str) -> None:
    block = bucket.public_access_block
    if acl is not None and block is not None and block.block_public_acls and _is_public(acl):
        raise PublicAccessBlocked(action, resource, "ACLs", "BlockPublicAcls")


def _is_public(acl: FakeAcl) -> bool:
    return any(grantee in _PUBLIC for grant in acl.grants for grantee in grant.grantees)


def _grants_to_others(acl: FakeAcl) -> bool:
    return any(grantee.id != OWNER for grant in acl.grants for grantee in grant.grantees)


def _acl_from_headers(self: S3Response, headers: Any) -> FakeAcl | None:
    """An object without an ACL of its own is private; moto gives it that of the bucket."""
    acl = _acl_of_headers(self, headers)
    return get_canned_acl("private") if acl is None and self.data["Action"] == "PutObject" else acl


def _requested_acl(self: S3Response) -> FakeAcl:
    """Of PutObjectAcl, whose body moto does not read."""
    return (_acl_of_headers(self, self.headers) if _sets_acl(self) else self._acl_from_body()) or FakeAcl([])


def _put_object_acl(self: S3Response) -> Any:
    self.backend.put_object_acl(self.bucket_name, self.parse_key_name(), _requested_acl(self))
    headers = self._get_cors_headers_other()
    self._get_checksum(headers)
    return 200, headers, ""


def _ownership_from_body(self: S3Response) -> str:
    """moto's accepts any text; AWS's answers are in LocalStack's snapshots."""
    try:
        rule = _ownership_of_body(self)
    except (AttributeError, LookupError, TypeError):
        raise MalformedXML from None
    if rule not in _OWNERSHIPS:
        raise MalformedXML
    return str(rule)


def _put_ownership_checked(self: S3Backend, bucket_name: str, ownership: str) -> None:
    acl = self.get_bucket(bucket_name).acl
    if ownership == ENFORCED and acl is not None and _grants_to_others(acl):
        raise OwnershipConflict
    _put_ownership(self, bucket_name, ownership)


def _acl_of_object(self: S3Backend, key: FakeKey) -> FakeAcl | None:
    """With ACLs disabled, "requests to read ACLs always return … full control for the bucket owner" (user guide)."""
    enforced = self.get_bucket(key.bucket_name).ownership_rule == ENFORCED
    return get_canned_acl("private") if enforced else _object_acl(self, key)


def apply() -> None:
    FakeBucket.__init__ = _create
    responses.bucket_policy_is_public = _is_public_policy
    responses.get_canned_acl = canned_acl
    S3Response._authenticate_and_authorize_s3_action = authorized
    S3Response._acl_from_headers = _acl_from_headers
    S3Response.put_object_acl = _put_object_acl
    S3Response._ownership_rule_from_body = _ownership_from_body
    S3Backend.put_bucket_ownership_controls = _put_ownership_checked
    S3Backend.get_object_acl = _acl_of_object

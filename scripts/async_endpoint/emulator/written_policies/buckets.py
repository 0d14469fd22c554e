"""Bucket policies, in S3's words.

Texts: cloud-custodian issue 4948 (principal), aws-serverless-appsync-app issue 4 and noobaa-core issue 10058 (resource; "*" is
none), versitygw issues 645 and 648 (action and resource), S3-Uploads issue 239 (conditions), the bucket policy validators of
versitygw and cortx-s3server (the rest). A statement id may occur twice (cloud-custodian pull request 3609).
"""

from __future__ import annotations

import json
from typing import Final

from moto.s3.exceptions import S3ClientError

from async_endpoint.emulator.written_policies.document import Flaw, Malformed, WrittenStatement, read_policy
from async_endpoint.emulator.written_policies.principals import invalid_principal
from async_endpoint.iam.matching import like
from async_endpoint.iam.resource_actions import S3_BUCKET, S3_LISTING, S3_OBJECT

MAX_BYTES: Final = 20_480  # user guide, "Adding a bucket policy"; S3 counts a normalised document
_ARN: Final = "arn:aws:s3:::"
_LISTING_KEYS: Final = frozenset({"s3:prefix", "s3:delimiter", "s3:max-keys"})
_OTHER_ACTIONS: Final = (
    "ListAllMyBuckets",
    "CreateJob",
    "ListJobs",
    "GetAccountPublicAccessBlock",
    "PutAccountPublicAccessBlock",
)
_MESSAGES: Final = {
    Flaw.NOT_JSON: "This policy contains invalid Json",
    Flaw.VERSION: "The policy must contain a valid version string",
    Flaw.EMPTY: "Could not parse the policy: Statement is empty!",
    Flaw.NO_PRINCIPALS: "Invalid principal in policy",
}


def check_bucket_policy(bucket: str, text: str | bytes) -> None:
    """Raise S3ClientError for a policy that S3 refuses for this bucket."""
    if text[:1] not in ("{", b"{"):
        raise _refused("Policies must be valid JSON and the first byte must be '{'")
    try:
        statements = read_policy(text)
    except Malformed as error:
        raise _refused(_message(error)) from error
    if len(json.dumps(json.loads(text), separators=(",", ":")).encode()) > MAX_BYTES:
        raise _refused("Policy exceeds the maximum allowed document size.", "PolicyTooLarge")
    for statement in statements:
        _check_resources(statement, bucket)
        _check_actions(statement)
    if invalid_principal(statements, canonical_users=True):
        raise _refused("Invalid principal in policy")


def _refused(message: str, code: str = "MalformedPolicy") -> S3ClientError:
    error = S3ClientError(message)
    error.code = code
    return error


def _message(error: Malformed) -> str:
    if error.flaw in (Flaw.NO_STATEMENT, Flaw.MISSING):
        return f"Missing required field {error.field}"
    if error.flaw is Flaw.UNKNOWN_FIELD:
        return f"Unknown field {error.field}"
    return _MESSAGES.get(error.flaw, f"Invalid policy syntax. {error}")


def _check_resources(statement: WrittenStatement, bucket: str) -> None:
    if not statement.resources:
        raise _refused("Missing required field Resource")
    for resource in statement.resources:
        name = resource.removeprefix(_ARN)
        if name == resource or not (name == bucket or name.startswith((f"{bucket}/", f"{bucket}*"))):
            raise _refused("Policy has invalid resource")


def _check_actions(statement: WrittenStatement) -> None:
    """Check that each action exists, applies to one of the resources, and can meet the conditions."""
    names = [resource.removeprefix(_ARN) for resource in statement.resources]
    applicable = (S3_OBJECT if any("/" in name or "*" in name for name in names) else frozenset()) | (
        S3_BUCKET if any("/" not in name for name in names) else frozenset()
    )
    for action in statement.actions:
        known = _matching(action, S3_OBJECT | S3_BUCKET)
        if not known and not _matching(action, frozenset(_OTHER_ACTIONS)):
            raise _refused("Policy has invalid action")
        if statement.not_actions:
            continue
        if not known & applicable:
            raise _refused("Action does not apply to any resource(s) in statement")
        if statement.condition_keys & _LISTING_KEYS and not known & S3_LISTING:
            raise _refused("Conditions do not apply to combination of actions and resources in statement")


def _matching(pattern: str, actions: frozenset[str]) -> frozenset[str]:
    return frozenset(action for action in actions if like(pattern, f"s3:{action}", ignore_case=True))

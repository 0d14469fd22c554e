"""A bucket of states that exists: whose it is, and whether it may hold states. Nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import AwsSession, error_code, translate_errors
from async_endpoint.core.errors import StateBucketUnsafe, UsageError
from async_endpoint.core.text import joined
from async_endpoint.terraform.settings_files import StateBucket

PLANS_PREFIX: Final = "plans/"

_NOT_SET: Final = (
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
)
_BLOCKS: Final = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def bucket_exists(aws: AwsSession, bucket: StateBucket, account: str) -> bool:
    """Whether `account` has the bucket, in its region.

    Raises UsageError for one that is another account's, or that may not be looked at, and for one in another region.
    """
    try:
        aws.s3.head_bucket(Bucket=bucket.name, ExpectedBucketOwner=account)
    except ClientError as error:
        if error_code(error) == "404":
            return False
        if error_code(error) == "403":
            raise UsageError(
                f"Bucket {bucket.name} belongs to another account than {account}, or these credentials may not look at it; "
                "choose another name with --bucket, or sign in as an administrator."
            ) from error
        with translate_errors(aws, "s3:ListBucket", bucket.name):
            raise
    return True


def require_safe(aws: AwsSession, bucket: StateBucket) -> list[str]:
    """Raise StateBucketUnsafe naming what a bucket lacks that is to hold states; return notices about the rest."""
    with translate_errors(aws, "s3:GetBucketPolicy and the like", bucket.name):
        missing = list(_missing(aws.s3, bucket))
        rules = _read(aws.s3, "get_bucket_lifecycle_configuration", bucket).get("Rules", ())
    if missing:
        raise StateBucketUnsafe(
            f"Bucket {bucket.name} exists, was not made by bootstrap, and {joined(missing)}; correct that and rerun, or "
            "name another bucket with --bucket. If an interrupted bootstrap made it, delete it while it is empty."
        )
    if any(map(_covers_plans, rules)):
        return []
    return [
        f"Bucket {bucket.name} keeps plans below {PLANS_PREFIX} for ever, and they hold secrets: add a lifecycle rule that "
        "expires them after some days."
    ]


def holds(aws: AwsSession, bucket: StateBucket, key: str) -> bool:
    """Whether the bucket has an object at `key`."""
    try:
        aws.s3.head_object(Bucket=bucket.name, Key=key)
    except ClientError as error:
        if error_code(error) == "404":
            return False
        with translate_errors(aws, "s3:GetObject", f"s3://{bucket.name}/{key}"):
            raise
    return True


def _missing(s3: Any, bucket: StateBucket) -> Iterator[str]:
    region = s3.get_bucket_location(Bucket=bucket.name).get("LocationConstraint") or "us-east-1"
    if region != bucket.region:
        yield f"is in {region} instead of {bucket.region}"
    yield from (lacking for protection in PROTECTIONS if (lacking := protection(s3, bucket)))


def encryption(s3: Any, bucket: StateBucket) -> str:
    """What the bucket lacks, here of encryption; empty if nothing. So do the next three."""
    rules = _read(s3, "get_bucket_encryption", bucket).get("ServerSideEncryptionConfiguration", {}).get("Rules")
    return "" if rules else "has no encryption by default"


def versioning(s3: Any, bucket: StateBucket) -> str:
    enabled = s3.get_bucket_versioning(Bucket=bucket.name).get("Status") == "Enabled"
    return "" if enabled else "has no versioning, so a damaged state could not be restored"


def public_access(s3: Any, bucket: StateBucket) -> str:
    blocked = _read(s3, "get_public_access_block", bucket).get("PublicAccessBlockConfiguration", {})
    return "" if all(blocked.get(name) for name in _BLOCKS) else "does not block public access"


def tls_only(s3: Any, bucket: StateBucket) -> str:
    policy = json.loads(_read(s3, "get_bucket_policy", bucket).get("Policy", "{}"))
    denied = any(_denies_plain_http(statement, bucket.name) for statement in _listed(policy.get("Statement")))
    return "" if denied else "has no policy that denies requests without TLS (aws:SecureTransport)"


PROTECTIONS: Final = (encryption, versioning, public_access, tls_only)


def _read(s3: Any, operation: str, bucket: StateBucket) -> dict[str, Any]:
    """What a bucket is configured with; empty where it is not set."""
    try:
        return dict(getattr(s3, operation)(Bucket=bucket.name))
    except ClientError as error:
        if error_code(error) in _NOT_SET:
            return {}
        raise


def _denies_plain_http(statement: Mapping[str, Any], bucket: str) -> bool:
    everyone = statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
    everything = {"s3:*", "*"} & set(_listed(statement.get("Action")))
    resources = {str(resource).rpartition(":::")[2] for resource in _listed(statement.get("Resource"))}
    condition = statement.get("Condition", {})
    insecure = [str(value).lower() for value in _listed(condition.get("Bool", {}).get("aws:SecureTransport"))]
    whole = resources >= {f"{bucket}/*"} or "*" in resources
    return bool(
        statement.get("Effect") == "Deny"
        and everyone
        and everything
        and whole
        and insecure == ["false"]
        and len(condition) == 1
    )


def _covers_plans(rule: Mapping[str, Any]) -> bool:
    """Whether a lifecycle rule expires what is below plans/, and current states are not all expired with it."""
    prefix = rule.get("Filter", {}).get("Prefix", rule.get("Prefix", ""))
    return rule.get("Status") == "Enabled" and prefix == PLANS_PREFIX and "Days" in rule.get("Expiration", {})


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]

"""Buckets that a plan deletes: refused while they hold something that must not be deleted with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from async_endpoint.aws import AwsSession
from async_endpoint.core.errors import BucketNotEmpty
from async_endpoint.deploy.endpoints import Connect
from async_endpoint.deploy.resource_kinds import bucket_content
from async_endpoint.terraform.planned import ResourceChange


def require_empty_buckets(connect: Connect, changes: Iterable[ResourceChange]) -> None:
    """Raise BucketNotEmpty when the plan deletes or replaces a bucket that is not empty and whose `force_destroy` is not set.

    Terraform would fail at the bucket only, after its policy, encryption, public access block and lifecycle rules are gone.
    Objects that the plan deletes as well do not count. S3 refuses to delete a bucket with versions or delete markers
    (DeleteBucket, BucketNotEmpty); uploads in progress would be lost with it.
    """
    changes = list(changes)
    for change in changes:
        if change.type == "aws_s3_bucket" and change.deletes and not change.before.get("force_destroy"):
            aws = connect(str(change.before.get("region") or "us-east-1"))
            _require_empty(aws, str(change.before["bucket"]), change.address, changes)


def _require_empty(aws: AwsSession, bucket: str, address: str, changes: Sequence[ResourceChange]) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    managed = frozenset(
        str(change.before["key"])
        for change in changes
        if change.type == "aws_s3_object" and change.deletes and change.before.get("bucket") == bucket
    )
    try:
        content = bucket_content(aws, bucket, ignored_keys=managed)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":  # deleted by other means: Terraform drops it from the state
            return
        raise
    if content is not None:
        raise BucketNotEmpty(
            f"The plan deletes bucket {bucket} ({address}), which holds {content} and is not to be emptied (force_destroy is "
            "false); nothing was changed. Delete its object versions, delete markers and uploads except the model archives, "
            "which the plan deletes, or set storage = { force_destroy = true } and apply before you destroy."
        )

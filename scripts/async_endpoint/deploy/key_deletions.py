"""KMS keys that a plan deletes while results that are encrypted with them stay: nothing could read these afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from async_endpoint.aws import DENIED_CODES, AwsSession, error_code
from async_endpoint.core.errors import KeyInUse
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.deploy.endpoints import Connect
from async_endpoint.deploy.resource_kinds import CONFIGURATION, KEY
from async_endpoint.terraform.plan_document import ResourceChange

_ASKED: Final = 100  # objects below each path: S3 lists no keys of objects, so each is asked for
_GONE: Final = ("NoSuchBucket", "NoSuchKey", "404")


def require_unused_keys(connect: Connect, changes: Iterable[ResourceChange]) -> None:
    """Raise KeyInUse when the plan deletes a key and the configuration that encrypts results with it, and not their bucket.

    Of each of the two paths of results, the first objects that are newer than the key count. What may not be read counts as
    encrypted with it.
    """
    deleted = [change for change in changes if change.deletes and change.before]
    buckets = {str(change.before.get("bucket")) for change in deleted if change.type == "aws_s3_bucket"}
    for key in (change for change in deleted if change.type == KEY):
        arn = str(key.before["arn"])
        paths = [path for path in _result_paths(deleted, arn) if path.bucket not in buckets]
        aws = connect(arn.split(":")[3])
        if paths and (found := next(_encrypted(aws, arn, paths), None)):
            raise KeyInUse(
                f"The plan deletes key {arn} ({key.address}), and results that are encrypted with it stay, such as {found}; "
                "nothing could read them any more, and nothing was changed. Delete them, or encrypt them otherwise, as with: "
                f"aws s3 cp --recursive --sse AES256 {found.rpartition('/')[0]}/ {found.rpartition('/')[0]}/"
            )


def _result_paths(deleted: Sequence[ResourceChange], key_arn: str) -> Iterator[S3Uri]:
    """Where the configurations that the plan deletes store results, or captured data, under the key."""
    for change in (one for one in deleted if one.type == CONFIGURATION):
        outputs = [one for settings in change.before.get("async_inference_config") or () for one in settings["output_config"]]
        for stored in (*outputs, *(change.before.get("data_capture_config") or ())):
            if stored.get("kms_key_id") in (key_arn, key_arn.rpartition("/")[2]):
                paths = map(stored.get, ("s3_output_path", "s3_failure_path", "destination_s3_uri"))
                yield from (S3Uri.parse(str(path)) for path in paths if path)


def _encrypted(aws: AwsSession, key_arn: str, paths: Iterable[S3Uri]) -> Iterator[str]:
    """URIs of objects below `paths` that are encrypted with the key."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    for path in paths:
        try:
            yield from _encrypted_below(aws, key_arn, path)
        except ClientError as error:
            if error_code(error) not in (*_GONE, *DENIED_CODES):
                raise


def _encrypted_below(aws: AwsSession, key_arn: str, path: S3Uri) -> Iterator[str]:
    created = (
        aws.client("kms").describe_key(KeyId=key_arn)["KeyMetadata"]["CreationDate"].replace(microsecond=0)
    )  # as S3 has times
    asked = 0
    for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=path.bucket, Prefix=path.key):
        for item in page.get("Contents", ()):
            if item["LastModified"] < created:
                continue
            if _is_under(aws, key_arn, path.bucket, item["Key"]):
                yield f"s3://{path.bucket}/{item['Key']}"
            asked += 1
            if asked == _ASKED:
                return


def _is_under(aws: AwsSession, key_arn: str, bucket: str, key: str) -> bool:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        found: dict[str, Any] = aws.s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return error_code(error) not in _GONE  # a destroyer may not read results
    return str(found.get("SSEKMSKeyId", "")).rpartition("/")[2] == key_arn.rpartition("/")[2]

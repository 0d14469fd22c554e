"""AWS::S3::Bucket and BucketPolicy. Properties of a bucket that the local AWS does not put into effect are not in its list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

from async_endpoint.emulator.cloudformation.errors import ResourceFailed
from async_endpoint.emulator.cloudformation.resource_types.base import (
    DOCUMENT,
    Context,
    Created,
    Existing,
    ResourceType,
    Values,
    as_document,
    fitted,
    scalar,
)

_GLOBAL_REGION: Final = "us-east-1"
_CORS_NAMES: Final = {"Id": "ID", "MaxAge": "MaxAgeSeconds"}
_EXPIRATION: Final = {
    "ExpirationInDays": "Days",
    "ExpirationDate": "Date",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}
_LIFECYCLE_PLAIN: Final = {
    "Id": "ID",
    "Status": "Status",
    "NoncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
}
# The names of the template reference, and those of S3's API.
_CANNED_ACLS: Final = {
    "AuthenticatedRead": "authenticated-read",
    "AwsExecRead": "aws-exec-read",
    "BucketOwnerFullControl": "bucket-owner-full-control",
    "BucketOwnerRead": "bucket-owner-read",
    "LogDeliveryWrite": "log-delivery-write",
    "Private": "private",
    "PublicRead": "public-read",
    "PublicReadWrite": "public-read-write",
}
_TRANSITION: Final = {"TransitionInDays": "Days", "TransitionDate": "Date"}


class Bucket(ResourceType):
    """A bucket with the settings that S3 sets by calls of their own."""

    named_by = "BucketName"
    mutable = frozenset(
        (
            "AccessControl",
            "BucketEncryption",
            "CorsConfiguration",
            "LifecycleConfiguration",
            "OwnershipControls",
            "PublicAccessBlockConfiguration",
            "Tags",
            "VersioningConfiguration",
        )
    )
    replacing = frozenset(("BucketName",))
    attributes = frozenset(("Arn", "DomainName", "DualStackDomainName", "RegionalDomainName"))

    def create(self, context: Context, properties: Values) -> Created:
        client, region = context.client("s3"), context.calls.region
        name = context.name(properties.get("BucketName"), 63, lower=True)
        placed = {} if region == _GLOBAL_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        if _exists(client, name):  # in us-east-1 CreateBucket accepts a bucket that its owner has
            raise ResourceFailed(f"{name} already exists")
        client.create_bucket(Bucket=name, **placed)
        attributes = {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        }
        return Created(name, attributes)

    def stabilize(self, context: Context, created: Created, properties: Values) -> None:
        self.update(context, Existing(created.physical_id, created.attributes, {}), properties)

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        client, before = context.client("s3"), existing.properties
        for name, (put, remove) in _SETTINGS.items():
            if before.get(name) == after.get(name):
                continue
            if name in after:
                put(client, existing.physical_id, after[name])
            else:
                remove(client, existing.physical_id)
        tags = context.tag_list(after.get("Tags"))
        if tags:
            client.put_bucket_tagging(Bucket=existing.physical_id, Tagging={"TagSet": tags})
        elif before.get("Tags") or context.tags_before:
            client.delete_bucket_tagging(Bucket=existing.physical_id)

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("s3").delete_bucket(Bucket=existing.physical_id)


def _exists(client: Any, bucket: str) -> bool:
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        return error.response["Error"]["Code"] not in ("404", "NoSuchBucket")
    return True


def _input(client: Any, operation: str, member: str, value: Any) -> Any:
    """A setting in the form of its S3 operation."""
    shape = client.meta.service_model.operation_model(operation).input_shape.members[member]
    return fitted(shape, value, f"#/{member}")


def _put_versioning(client: Any, bucket: str, value: Values) -> None:
    client.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration=_input(client, "PutBucketVersioning", "VersioningConfiguration", value)
    )


def _suspend_versioning(client: Any, bucket: str) -> None:
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def _put_encryption(client: Any, bucket: str, value: Values) -> None:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault" if key == "ServerSideEncryptionByDefault" else key: item
            for key, item in rule.items()
        }
        for rule in value.get("ServerSideEncryptionConfiguration", [])
    ]
    configuration = _input(client, "PutBucketEncryption", "ServerSideEncryptionConfiguration", {"Rules": rules})
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration)


def _put_public_access_block(client: Any, bucket: str, value: Values) -> None:
    configuration = _input(client, "PutPublicAccessBlock", "PublicAccessBlockConfiguration", value)
    client.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=configuration)


def _put_ownership(client: Any, bucket: str, value: Values) -> None:
    configuration = _input(client, "PutBucketOwnershipControls", "OwnershipControls", value)
    client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=configuration)


def _put_acl(client: Any, bucket: str, value: Any) -> None:
    """A canned ACL; ownership that disables ACLs refuses every one except Private, which it amounts to.

    Source: template reference, AWS::S3::Bucket AccessControl ("a legacy property"), which old templates set to Private.
    """
    if value not in _CANNED_ACLS:
        raise ResourceFailed(f"Properties validation failed: #/AccessControl: {value} is not a valid enum value")
    try:
        client.put_bucket_acl(Bucket=bucket, ACL=_CANNED_ACLS[value])
    except ClientError as error:
        if value != "Private" or error.response["Error"]["Code"] != "AccessControlListNotSupported":
            raise


def _put_cors(client: Any, bucket: str, value: Values) -> None:
    rules = [{_CORS_NAMES.get(key, key): item for key, item in rule.items()} for rule in value.get("CorsRules", [])]
    # AllowedMethods and the other lists have the same names in both.
    configuration = _input(client, "PutBucketCors", "CORSConfiguration", {"CORSRules": rules})
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration=configuration)


def _put_lifecycle(client: Any, bucket: str, value: Values) -> None:
    rules = [_lifecycle_rule(rule, index) for index, rule in enumerate(value.get("Rules", []))]
    configuration = _input(client, "PutBucketLifecycleConfiguration", "LifecycleConfiguration", {"Rules": rules})
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=configuration)


def _lifecycle_rule(rule: Values, index: int) -> Values:
    """A lifecycle rule of a template in the form of S3's API; raises ResourceFailed for a member that has none here."""
    made: Values = {}
    filtered: Values = {}
    for key, item in rule.items():
        if key in _EXPIRATION:
            made.setdefault("Expiration", {})[_EXPIRATION[key]] = item
        elif key in _LIFECYCLE_PLAIN:
            made[_LIFECYCLE_PLAIN[key]] = item
        elif key in ("Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan"):
            filtered[key] = item
        elif key == "TagFilters":
            filtered["Tags"] = item
        elif key == "NoncurrentVersionExpirationInDays":
            made["NoncurrentVersionExpiration"] = {"NoncurrentDays": item}
        elif key == "Transitions":
            made["Transitions"] = [{_TRANSITION.get(name, name): value for name, value in one.items()} for one in item]
        else:
            where = f"#/LifecycleConfiguration/Rules/{index}"
            raise ResourceFailed(f"Properties validation failed: {where}: {key} is not supported by the local AWS")
    tags = filtered.get("Tags", [])
    if len(filtered) > 1 or len(tags) > 1:
        made["Filter"] = {"And": filtered}
    elif tags:
        made["Filter"] = {"Tag": tags[0]}
    else:
        made["Filter"] = filtered or {"Prefix": ""}
    return made


_SETTINGS: Final[dict[str, tuple[Callable[[Any, str, Any], None], Callable[[Any, str], None]]]] = {
    "VersioningConfiguration": (_put_versioning, _suspend_versioning),
    "BucketEncryption": (_put_encryption, lambda client, bucket: client.delete_bucket_encryption(Bucket=bucket)),
    "PublicAccessBlockConfiguration": (
        _put_public_access_block,
        lambda client, bucket: client.delete_public_access_block(Bucket=bucket),
    ),
    "OwnershipControls": (_put_ownership, lambda client, bucket: client.delete_bucket_ownership_controls(Bucket=bucket)),
    "CorsConfiguration": (_put_cors, lambda client, bucket: client.delete_bucket_cors(Bucket=bucket)),
    "LifecycleConfiguration": (_put_lifecycle, lambda client, bucket: client.delete_bucket_lifecycle(Bucket=bucket)),
    # Last: ownership and the public access block decide which ACLs are accepted.
    "AccessControl": (_put_acl, lambda client, bucket: _put_acl(client, bucket, "Private")),
}


class BucketPolicy(ResourceType):
    mutable = frozenset(("PolicyDocument",))
    replacing = frozenset(("Bucket",))
    required = frozenset(("Bucket", "PolicyDocument"))
    structures: ClassVar = {"PolicyDocument": DOCUMENT}

    def create(self, context: Context, properties: Values) -> Created:
        bucket = scalar("string", properties["Bucket"], "#/Bucket")
        context.client("s3").put_bucket_policy(Bucket=bucket, Policy=as_document(properties["PolicyDocument"]))
        return Created(bucket, {})

    def update(self, context: Context, existing: Existing, after: Values) -> None:
        self.create(context, after)

    def delete(self, context: Context, existing: Existing) -> None:
        context.client("s3").delete_bucket_policy(Bucket=existing.physical_id)


TYPES: Final = {"AWS::S3::Bucket": Bucket(), "AWS::S3::BucketPolicy": BucketPolicy()}

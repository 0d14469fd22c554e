"""S3 and KMS.

Source: service authorization references; S3 API reference, "Permissions" of each operation: actions are not named as operations
are, removing a setting needs the permission to put it, and reading a key that is missing needs s3:ListBucket. Uses of a key by
S3 on the caller's behalf: KMS guide, "How Amazon S3 uses AWS KMS".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from async_endpoint.iam.actions.call import (
    ApiCall,
    Permission,
    ResourceFacts,
    Rule,
    Rules,
    alike,
    anywhere,
    each,
    expand,
    on,
    via,
)

_BUCKET: Final = "arn:{partition}:s3:::{Bucket}"
_PREFIX: Final = {"s3:prefix": "prefix"}
_NEW_KEY: Final = "arn:{partition}:kms:{region}:{account}:key/new"
_OBJECT: Final = _BUCKET + "/{Key}"
_COPY_SOURCE: Final = re.compile(r"/?(?P<path>[^/?#;:]+(/[^?#;]*)?)(\?versionId=(?P<version>[^?&=#;%+]+))?")

# Settings of a bucket, as operations name them, by the action's spelling.
_SETTINGS: Final = {
    "BucketAccelerateConfiguration": "AccelerateConfiguration",
    "BucketAcl": "BucketAcl",
    "BucketCors": "BucketCORS",
    "BucketEncryption": "EncryptionConfiguration",
    "BucketLifecycle": "LifecycleConfiguration",
    "BucketLifecycleConfiguration": "LifecycleConfiguration",
    "BucketLocation": "BucketLocation",
    "BucketLogging": "BucketLogging",
    "BucketNotificationConfiguration": "BucketNotification",
    "BucketOwnershipControls": "BucketOwnershipControls",
    "BucketPolicy": "BucketPolicy",
    "BucketReplication": "ReplicationConfiguration",
    "BucketRequestPayment": "BucketRequestPayment",
    "BucketTagging": "BucketTagging",
    "BucketVersioning": "BucketVersioning",
    "BucketWebsite": "BucketWebsite",
    "ObjectLockConfiguration": "BucketObjectLockConfiguration",
    "PublicAccessBlock": "BucketPublicAccessBlock",
}
_DELETED_BY_OWN_ACTION: Final = ("BucketPolicy", "BucketWebsite")


def _settings() -> Iterable[tuple[str, tuple[Rule, ...]]]:
    for operation, action in _SETTINGS.items():
        yield f"Get{operation}", (on(_BUCKET, f"s3:Get{action}"),)
        yield f"Put{operation}", (on(_BUCKET, f"s3:Put{action}"),)
        verb = "Delete" if operation in _DELETED_BY_OWN_ACTION else "Put"
        yield f"Delete{operation}", (on(_BUCKET, f"s3:{verb}{action}"),)


def _versioned(action: str) -> Rule:
    """The action on an object, or on the version that is named."""

    def rule(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
        version = "Version" if call.params.get("VersionId") else ""
        suffix = "Tagging" if action.endswith("Tagging") else ""
        name = f"s3:{action.removesuffix(suffix)}{version}{suffix}"
        return [Permission(name, resource, {}) for resource in expand(_OBJECT, call)]

    return rule


def _find_missing(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """Reading a key carries no prefix, so s3:prefix is absent (A93)."""
    if not facts.object_exists(call.params["Bucket"], call.params["Key"]):
        yield Permission("s3:ListBucket", expand(_BUCKET, call)[0], {})


def _attributes(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """Reading attributes needs the permission to read the object, or the version, too (API reference, GetObjectAttributes)."""
    version = "Version" if call.params.get("VersionId") else ""
    for action in (f"GetObject{version}", f"GetObject{version}Attributes"):
        yield Permission(f"s3:{action}", expand(_OBJECT, call)[0], {})


def _use_key(*actions: str) -> Rule:
    """The actions on the key under which an object is written: the one that the request names, or the bucket's."""

    def rule(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
        chosen = call.params.get("ServerSideEncryption")
        named = call.params.get("SSEKMSKeyId")
        bucket_key = facts.bucket_key(call.params["Bucket"]) if chosen is None else None
        key = facts.key_arn(named) if named and not str(named).endswith("alias/aws/s3") else bucket_key
        if key:
            yield from _key_uses(call, key, actions)

    return rule


def _read_key(when: str = "") -> Rule:
    """Decryption with the key of an object or a version."""

    def rule(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
        if when and not call.params.get(when):
            return
        if key := facts.object_key(call.params["Bucket"], call.params["Key"], call.params.get("VersionId")):
            yield from _key_uses(call, key, ("Decrypt",))

    return rule


def _key_uses(call: ApiCall, key: str, actions: Iterable[str]) -> Iterable[Permission]:
    """Uses of a key by S3, which gives the object's ARN as encryption context (S3 guide, "Encryption context")."""
    context = {"kms:EncryptionContext:aws:s3:arn": expand(_OBJECT, call)[0]}
    for action in actions:
        yield Permission(f"kms:{action}", key, {**via(call, "s3"), **context})


def _source(call: ApiCall) -> ApiCall:
    """The reading of a copy's source: BUCKET/KEY, encoded, with ?versionId= of a version. Raises ValueError for anything else.

    Only what can be read in one way is: a scheme, parameters and a fragment are none of S3's.
    """
    given = str(call.params["CopySource"])
    found = _COPY_SOURCE.fullmatch(given)
    bucket, _, key = unquote(found["path"]).partition("/") if found else ("", "", "")
    if not found or not bucket or not key:
        raise ValueError(f"The copy source {given!r} is not BUCKET/KEY, URL-encoded, with ?versionId= of a version.")
    version = {"VersionId": found["version"]} if found["version"] else {}
    return replace(call, operation="GetObject", params={"Bucket": bucket, "Key": key, **version})


def _copied(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    read = _source(call)
    for rule in (_versioned("GetObject"), _find_missing, _read_key()):
        yield from rule(read, facts)


def _copied_tags(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """The tags of the source are copied unless others replace them (S3 guide, "Categorizing your storage using tags")."""
    read = _source(call)
    replaced = str(call.params.get("TaggingDirective", "COPY")).upper() == "REPLACE"
    if not replaced and facts.object_has_tags(read.params["Bucket"], read.params["Key"], read.params.get("VersionId")):
        yield from _versioned("GetObjectTagging")(read, facts)
        yield Permission("s3:PutObjectTagging", expand(_OBJECT, call)[0], {})


def _deleted_objects(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    for item in call.params.get("Objects", []):
        yield from deletion(call, item, facts)


def deletion(call: ApiCall, item: Mapping[str, str], facts: ResourceFacts) -> Iterable[Permission]:
    """What the deletion of one of the Objects of DeleteObjects needs."""
    one = replace(call, params={**call.params, "Key": item["Key"], "VersionId": item.get("VersionId")})
    yield from _versioned("DeleteObject")(one, facts)
    yield from _bypass(one, facts)


def _bypass(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """The right to overrule a retention in governance mode (S3 guide, "Bypassing governance mode")."""
    if str(call.params.get("BypassGovernanceRetention", "")).lower() == "true":
        yield Permission("s3:BypassGovernanceRetention", expand(_OBJECT, call)[0], {})


_PUT_OTHERS: Final = (
    on(_OBJECT, "s3:PutObjectTagging", when="Tagging"),
    on(_OBJECT, "s3:PutObjectAcl", when="ACL"),
    on(_OBJECT, "s3:PutObjectRetention", when="ObjectLockMode"),
    on(_OBJECT, "s3:PutObjectLegalHold", when="ObjectLockLegalHoldStatus"),
    _use_key("GenerateDataKey"),
)
_PUT: Final = (on(_OBJECT, "s3:PutObject"), *_PUT_OTHERS)
# Conditions of a write are keys where the call accepts them (S3 user guide, "Enforce conditional writes on Amazon S3 buckets").
_WRITE_CONDITIONS: Final = {"s3:if-match": "IfMatch", "s3:if-none-match": "IfNoneMatch"}


def _own_upload(action: str, keys: Mapping[str, str] | None = None) -> Rule:
    """The action on the key of a multipart upload. Raises ValueError for an upload of another key, which S3 does not find."""
    allowed = on(_OBJECT, f"s3:{action}", keys=keys)

    def rule(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
        upload = str(call.params.get("uploadId") or "")
        if facts.upload_key(call.params["Bucket"], upload) not in (None, call.params["Key"]):
            raise ValueError(f"The upload {upload} is not one of {call.params['Key']}.")
        yield from allowed(call, facts)

    return rule


# Parts are decrypted to be put together (KMS guide, same page); S3's documentation asks for both on every part.
_USE_KEY_OF_PARTS: Final = _use_key("Decrypt", "GenerateDataKey")
_PART: Final = (_own_upload("PutObject"), _USE_KEY_OF_PARTS)

S3: Final[Rules] = {
    **dict(_settings()),
    **{"ListBuckets": (on("*", "s3:ListAllMyBuckets"),)},
    "CreateBucket": (
        on(_BUCKET),
        on(_BUCKET, "s3:PutBucketAcl", when="ACL"),
        on(_BUCKET, "s3:PutBucketObjectLockConfiguration", when="ObjectLockEnabledForBucket"),
        on(_BUCKET, "s3:PutBucketVersioning", when="ObjectLockEnabledForBucket"),
        on(_BUCKET, "s3:PutBucketOwnershipControls", when="ObjectOwnership"),
    ),
    "DeleteBucket": (on(_BUCKET),),
    "HeadBucket": (on(_BUCKET, "s3:ListBucket"),),
    "ListObjects": (on(_BUCKET, "s3:ListBucket", keys=_PREFIX),),
    "ListObjectsV2": (on(_BUCKET, "s3:ListBucket", keys=_PREFIX),),
    "ListObjectVersions": (on(_BUCKET, "s3:ListBucketVersions", keys=_PREFIX),),
    "ListMultipartUploads": (on(_BUCKET, "s3:ListBucketMultipartUploads", keys=_PREFIX),),
    "GetObject": (_versioned("GetObject"), _find_missing, _read_key()),
    "HeadObject": (_versioned("GetObject"), _find_missing, _read_key("ChecksumMode")),
    "SelectObjectContent": (on(_OBJECT, "s3:GetObject"), _find_missing, _read_key()),
    "GetObjectTagging": (_versioned("GetObjectTagging"),),
    "GetObjectAttributes": (_attributes, _find_missing, _read_key()),
    "PutObject": (on(_OBJECT, "s3:PutObject", keys=_WRITE_CONDITIONS), *_PUT_OTHERS),
    "CopyObject": (_copied, _copied_tags, *_PUT),
    "UploadPartCopy": (_copied, *_PART),
    "GetObjectAcl": (_versioned("GetObjectAcl"),),
    "PutObjectAcl": (_versioned("PutObjectAcl"),),
    **each(
        _OBJECT, "GetObjectLegalHold", "GetObjectRetention", "PutObjectLegalHold", "RestoreObject",
    ),
    **{f"{verb}BucketNotification": (on(_BUCKET),) for verb in ("Get", "Put")},
    **{
        f"{verb}Bucket{kind}Configuration": (on(_BUCKET, f"s3:{'Get' if verb == 'Get' else 'Put'}{kind}Configuration"),)
        for verb in ("Get", "Put", "Delete")
        for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
    },
    **{
        f"ListBucket{kind}Configurations": (on(_BUCKET, f"s3:Get{kind}Configuration"),)
        for kind in ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
    },
    "GetBucketPolicyStatus": (on(_BUCKET),),
    "PutObjectTagging": (_versioned("PutObjectTagging"),),
    "DeleteObjectTagging": (_versioned("DeleteObjectTagging"),),
    "DeleteObject": (_versioned("DeleteObject"), _bypass),
    "PutObjectRetention": (on(_OBJECT), _bypass),
    "DeleteObjects": (_deleted_objects,),
    "CreateMultipartUpload": _PUT,
    "UploadPart": _PART,
    "CompleteMultipartUpload": (_own_upload("PutObject", _WRITE_CONDITIONS), _USE_KEY_OF_PARTS),
    "AbortMultipartUpload": (_own_upload("AbortMultipartUpload"),),
    "ListParts": (_own_upload("ListMultipartUploadParts"),),
}  # fmt: skip


def _on_key(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    yield Permission(f"kms:{call.operation}", facts.key_arn(call.params["KeyId"]), {})


def _decrypt(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """A ciphertext names its key, which the call may leave out."""
    named = call.params.get("KeyId")
    key = facts.key_arn(named) if named else facts.ciphertext_key(str(call.params.get("CiphertextBlob", "")))
    yield Permission("kms:Decrypt", key, {})


def _re_encrypt(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    named = call.params.get("SourceKeyId")
    source = facts.key_arn(named) if named else facts.ciphertext_key(str(call.params.get("CiphertextBlob", "")))
    yield Permission("kms:ReEncryptFrom", source, {})
    yield Permission("kms:ReEncryptTo", facts.key_arn(call.params["DestinationKeyId"]), {})


def _on_alias_and_key(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    """Aliases are managed with permission on both the alias and its key (KMS guide, "Controlling access to aliases")."""
    [alias] = expand("arn:{partition}:kms:{region}:{account}:{AliasName}", call)
    yield Permission(f"kms:{call.operation}", alias, {})
    yield Permission(f"kms:{call.operation}", facts.key_arn(call.params.get("TargetKeyId") or call.params["AliasName"]), {})


KMS: Final[Rules] = {
    **anywhere("DescribeCustomKeyStores", "GenerateRandom", "ListAliases", "ListKeys", "ListRetirableGrants"),
    "Decrypt": (_decrypt,),
    "ReEncrypt": (_re_encrypt,),
    "CreateKey": (on("*"), on(_NEW_KEY, "kms:PutKeyPolicy", when="Policy"), on(_NEW_KEY, "kms:TagResource", when="Tags")),
    **alike(
        _on_key,
        "CancelKeyDeletion", "CreateGrant", "DeleteImportedKeyMaterial", "DeriveSharedSecret", "DescribeKey", "DisableKey",
        "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "GetKeyPolicy",
        "GetKeyRotationStatus", "GetParametersForImport", "GetPublicKey", "ImportKeyMaterial", "ListGrants",
        "ListKeyPolicies", "ListKeyRotations", "ListResourceTags", "PutKeyPolicy", "RetireGrant", "RevokeGrant",
        "RotateKeyOnDemand", "ScheduleKeyDeletion", "Sign", "TagResource", "UntagResource", "UpdateKeyDescription",
        "Verify", "VerifyMac",
    ),
    **alike(
        _on_alias_and_key, "CreateAlias", "DeleteAlias", "UpdateAlias",
    ),
}  # fmt: skip

"""Names, default encryption, lifecycle and CORS rules of buckets, checked when they are written. moto checks little of them.

A bucket without a configuration of its encryption encrypts with AES256 and says so, where moto answers 404; its objects have no
such header here. Sources: S3 User Guide, "General purpose bucket naming rules", "Lifecycle configuration elements" and "Setting
default server-side encryption behavior"; API reference, PutBucketEncryption. Texts: LocalStack's provider of S3, compared with
AWS (encryption); users' reports and minio's and rustfs's tables of errors (lifecycle); versitygw issue 1870 (CORS).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from moto.s3.exceptions import InvalidArgumentError, InvalidBucketName, MalformedXML, S3ClientError
from moto.s3.models import FakeBucket, S3Backend

_NAME: Final = re.compile(r"[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_METHODS: Final = ("AES256", "aws:kms", "aws:kms:dsse")
_NO_KEY: Final = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
_MAX_ID: Final = 255
_MAX_RULES: Final = 1_000
_MAX_VERSIONS: Final = 100
_ACTIONS: Final = (
    "AbortIncompleteMultipartUpload", "Expiration", "NoncurrentVersionExpiration", "NoncurrentVersionTransition", "Transition",
)  # fmt: skip
_DAYS: Final = {
    "AbortIncompleteMultipartUpload": "DaysAfterInitiation",
    "Expiration": "Days",
    "NoncurrentVersionExpiration": "NoncurrentDays",
}
_BY_DEFAULT: Final = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}
_create_bucket = S3Backend.create_bucket
_get_encryption = S3Backend.get_bucket_encryption
_set_cors = FakeBucket.set_cors
_put_encryption = S3Backend.put_bucket_encryption
_put_lifecycle = S3Backend.put_bucket_lifecycle


def _created(self: S3Backend, bucket_name: str, *arguments: Any, **options: Any) -> FakeBucket:
    valid = _NAME.fullmatch(bucket_name) and not _ADDRESS.fullmatch(bucket_name)
    if not valid or bucket_name.startswith(_PREFIXES) or bucket_name.endswith(_SUFFIXES):
        raise InvalidBucketName
    return _create_bucket(self, bucket_name, *arguments, **options)


def _encrypted(self: S3Backend, bucket_name: str, encryption: Mapping[str, Any]) -> None:
    rule = encryption.get("Rule")
    default = rule.get("ApplyServerSideEncryptionByDefault") if isinstance(rule, Mapping) else None
    if not isinstance(rule, Mapping) or (default is not None and default.get("SSEAlgorithm") not in _METHODS):
        raise MalformedXML
    if default is not None and default["SSEAlgorithm"] == "AES256" and default.get("KMSMasterKeyID"):
        raise InvalidArgumentError(_NO_KEY, "ApplyServerSideEncryptionByDefault", "")
    _put_encryption(self, bucket_name, encryption)


def _encryption(self: S3Backend, bucket_name: str) -> Mapping[str, Any]:
    return _get_encryption(self, bucket_name) or _BY_DEFAULT


def _with_cors(self: FakeBucket, rules: list[dict[str, Any]]) -> None:
    for member in ("AllowedOrigin", "AllowedHeader"):
        for rule in rules:
            values = rule.get(member) or []
            for value in [values] if isinstance(values, str) else values:
                if value.count("*") > 1:
                    raise S3ClientError("InvalidRequest", f'{member} "{value}" can not have more than one wildcard.')
    _set_cors(self, rules)


def _with_lifecycle(self: S3Backend, bucket_name: str, rules: list[dict[str, Any]]) -> None:
    if not 1 <= len(rules) <= _MAX_RULES:
        raise MalformedXML
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(names)) < len(names):
        raise _invalid("Rule ID must be unique. Found same ID for more than one rule")
    for rule in rules:
        for problem in _problems(rule):
            raise problem
    _put_lifecycle(self, bucket_name, rules)


def _problems(rule: Mapping[str, Any]) -> Iterator[S3ClientError]:
    """What S3 refuses in one rule."""
    if rule.get("Status") not in ("Enabled", "Disabled"):
        yield MalformedXML()
    if len(rule.get("ID") or "") > _MAX_ID:
        yield _invalid(f"ID length should not exceed allowed limit of {_MAX_ID}")
    if not any(action in rule for action in _ACTIONS):
        yield S3ClientError("InvalidRequest", "At least one action needs to be specified in a rule")
    for action, member in _DAYS.items():
        days = (rule.get(action) or {}).get(member) if action in rule else None
        if days is not None and not (str(days).isdecimal() and int(days) >= 1):
            yield _invalid(f"'{member}' for {action} action must be a positive integer")
    versions = (rule.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")
    if versions is not None and not (str(versions).isdecimal() and 1 <= int(versions) <= _MAX_VERSIONS):
        yield _invalid(f"'NewerNoncurrentVersions' must be an integer from 1 to {_MAX_VERSIONS}")
    if "AbortIncompleteMultipartUpload" in rule and _has_tags(rule.get("Filter") or {}):
        yield S3ClientError("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags.")


def _has_tags(filters: Mapping[str, Any]) -> bool:
    return "Tag" in filters or "Tag" in (filters.get("And") or {})


def _invalid(message: str) -> S3ClientError:
    return S3ClientError("InvalidArgument", message)


def apply() -> None:
    S3Backend.create_bucket = _created
    S3Backend.get_bucket_encryption = _encryption
    S3Backend.put_bucket_encryption = _encrypted
    FakeBucket.set_cors = _with_cors
    S3Backend.put_bucket_lifecycle = _with_lifecycle

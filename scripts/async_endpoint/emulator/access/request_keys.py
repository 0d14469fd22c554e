"""The condition keys of a request that policies may ask for, besides those of its principal and its permissions.

Source: IAM guide, "AWS global condition context keys"; S3 user guide, "Bucket policy condition keys". The local AWS is reached
over loopback, which counts as TLS: aws:SourceIp is the loopback address and aws:SecureTransport is true.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from async_endpoint.emulator.call_parameters import s3_headers
from async_endpoint.emulator.wsgi import CALLED_VIA, FORM_FIELDS, Environ
from async_endpoint.iam.actions import ApiCall
from async_endpoint.iam.actions.condition_keys import Keys, call_condition_keys

# Headers of S3 that are condition keys of the same name.
_S3_HEADERS: Final = (
    "x-amz-acl", "x-amz-content-sha256", "x-amz-copy-source", "x-amz-grant-full-control", "x-amz-grant-read",
    "x-amz-grant-read-acp", "x-amz-grant-write", "x-amz-grant-write-acp", "x-amz-metadata-directive",
    "x-amz-object-ownership", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm", "x-amz-storage-class", "x-amz-website-redirect-location",
)  # fmt: skip
_S3_PARAMETERS: Final = {
    "LocationConstraint": "s3:locationconstraint",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockRetainUntilDate": "s3:object-lock-retain-until-date",
}
_S3_QUERY: Final = {"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys", "versionId": "s3:VersionId"}
# s3:ObjectCreationOperation (S3 user guide, "Enforce conditional writes on Amazon S3 buckets"): a part creates no object.
_CREATES_OBJECT: Final = {
    **dict.fromkeys(("PutObject", "CopyObject", "CompleteMultipartUpload"), "true"),
    **dict.fromkeys(("CreateMultipartUpload", "UploadPart", "UploadPartCopy"), "false"),
}
_TLS_VERSION: Final = "1.3"


def request_keys(environ: Environ, call: ApiCall) -> Keys:
    """The condition keys of a request for `call`."""
    now = datetime.now(UTC)
    keys: Keys = {
        "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": call.region,
        "aws:ResourceAccount": call.account,
        "aws:SecureTransport": "true",
        "aws:SourceIp": str(environ.get("REMOTE_ADDR") or "127.0.0.1"),
        "aws:ViaAWSService": "false",
    }
    for header, key in (("HTTP_USER_AGENT", "aws:UserAgent"), ("HTTP_REFERER", "aws:Referer")):
        if environ.get(header):
            keys[key] = str(environ[header])
    if service := environ.get(CALLED_VIA):
        keys |= {
            "aws:ViaAWSService": "true",
            "aws:CalledVia": [service],
            "aws:CalledViaFirst": service,
            "aws:CalledViaLast": service,
        }
    if call.service == "s3":
        keys |= _of_s3(environ, call)
    return keys | call_condition_keys(call)


def _of_s3(environ: Environ, call: ApiCall) -> Keys:
    found: dict[str, Any] = {
        "s3:ResourceAccount": call.account,
        "s3:authType": "REST-QUERY-STRING" if "X-Amz-Signature=" in environ.get("QUERY_STRING", "") else "REST-HEADER",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:TlsVersion": _TLS_VERSION,
    }
    if FORM_FIELDS in environ:
        found["s3:authType"] = "POST"
    given = s3_headers(environ)
    if "acl" in environ.get(FORM_FIELDS, {}):
        given["x-amz-acl"] = str(environ[FORM_FIELDS]["acl"])
    found |= {f"s3:{name}": given[name] for name in _S3_HEADERS if name in given}
    keys = {key: str(call.params[name]) for name, key in _S3_QUERY.items() if name in call.params}
    keys |= {key: str(call.params[name]) for name, key in _S3_PARAMETERS.items() if call.params.get(name)}
    if call.operation in _CREATES_OBJECT:
        keys["s3:ObjectCreationOperation"] = _CREATES_OBJECT[call.operation]
    tags = {key.replace("aws:RequestTag/", "s3:RequestObjectTag/"): value for key, value in call_condition_keys(call).items()}
    if names := tags.pop("aws:TagKeys", None):
        tags["s3:RequestObjectTagKeys"] = names
    return found | keys | tags

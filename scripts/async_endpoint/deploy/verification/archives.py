"""The model archives: an endpoint that wakes reads them again, so one that was overwritten in place is another model.

The version is compared, and where it differs the content of an archive uploaded from here: the same bytes in another version
are the same model. The key of an uploaded archive carries the hash of its content (modules/model/artifacts.tf), so another
version of it is not a newer model. The content needs the key, which a planner may not use (modules/iam/planner.tf): S3 requires
kms:Decrypt for a checksum (API reference, HeadObject, ChecksumMode), so it is asked for only where the version differs.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from async_endpoint.aws import AwsSession, error_code
from async_endpoint.core.outputs import Archive, AsyncEndpointOutputs
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.deploy.verification.findings import ABSENT, Difference, denied, not_repaired, raise_any

CHUNK_BYTES: Final = 1 << 20


def archives(aws: AwsSession, outputs: AsyncEndpointOutputs) -> str:
    """That each archive is the one that was applied."""
    planned = outputs.model.archives if outputs.model else ()
    differences, details = [], []
    for recorded in planned:
        # "null" is the version of every object that was put while versioning was off: it identifies no content.
        archive = replace(recorded, version_id=None) if recorded.version_id == "null" else recorded
        difference, detail = _archive(aws, archive)
        differences += difference
        details.append(f"{archive.uri} {detail}")
    raise_any(differences)
    return "; ".join(details)


def _archive(aws: AwsSession, planned: Archive) -> tuple[list[Difference], str]:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if planned.version_id is None and planned.sha256 is None:
        return [], "is not compared: its version was not recorded"
    location = S3Uri.parse(planned.uri)
    try:
        live = aws.client("s3").head_object(Bucket=location.bucket, Key=location.key)
    except ClientError as error:
        if error_code(error) in ABSENT:
            return [_gone(planned, location)], ""
        if planned.sha256 is None and denied(error):
            return [], "is not compared: these credentials may not read it"
        raise
    if planned.version_id is not None and live.get("VersionId") == planned.version_id:
        return [], f"is version {planned.version_id}, as applied"
    return _content(aws, planned, location, live)


def _content(aws: AwsSession, planned: Archive, location: S3Uri, live: Mapping[str, Any]) -> tuple[list[Difference], str]:
    """Of another version, or where there are none: whether it has the content that was applied."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if planned.sha256 is None:
        return [_overwritten(planned, location, live)], ""
    try:
        found = _sha256(aws, location, live)
    except ClientError as error:
        if not denied(error):
            raise
        if planned.version_id is None:
            return [], "is not compared: these credentials may not read its content"
        return [_overwritten(planned, location, live, content=", whose content these credentials may not read")], ""
    if found == planned.sha256:
        return [], f"has SHA-256 {planned.sha256[:16]}…, as applied"
    return [_overwritten(planned, location, live)], ""


def _sha256(aws: AwsSession, location: S3Uri, live: Mapping[str, Any]) -> str:
    """The object's SHA-256 in hex: as S3 states it, or of the bytes, since S3 states none of a whole multipart upload."""
    version = {"VersionId": live["VersionId"]} if live.get("VersionId") else {}
    seen = aws.client("s3").head_object(Bucket=location.bucket, Key=location.key, ChecksumMode="ENABLED", **version)
    stated = seen.get("ChecksumSHA256", "")
    if stated and "-" not in stated and seen.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        return base64.b64decode(stated).hex()
    body = aws.client("s3").get_object(Bucket=location.bucket, Key=location.key, **version)["Body"]
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _gone(planned: Archive, location: S3Uri) -> Difference:
    """Terraform uploads again what it uploaded."""
    subject = f"model archive {planned.uri}"
    if planned.sha256 is not None:
        return Difference(subject, "does not exist")
    return Difference(subject, "does not exist", not_repaired(f"put it back{_from_version(planned, location)}"))


def _overwritten(planned: Archive, location: S3Uri, live: Mapping[str, Any], content: str = "") -> Difference:
    version = live.get("VersionId")
    versions = f"version {version} instead of {planned.version_id}{content}" if planned.version_id else "other content"
    found = f"was overwritten in place: it is {versions}, last modified {live['LastModified']:%Y-%m-%d %H:%M:%S} UTC"
    if planned.sha256 is None:
        accept = "an apply records the new version as applied; instances that run keep the old one until they are replaced"
        return Difference(
            f"model archive {planned.uri}", found, f"{accept}; to undo it, put it back{_from_version(planned, location)}"
        )
    if planned.version_id is None or version in (None, "null"):
        remedy = "upload the archive that was applied to that key again"
    else:
        remedy = f"aws s3api delete-object --bucket {location.bucket} --key {location.key} --version-id {version}"
    return Difference(f"model archive {planned.uri}", found, not_repaired(remedy))


def _from_version(planned: Archive, location: S3Uri) -> str:
    if planned.version_id is None:
        return ""
    source = f"{location.bucket}/{location.key}?versionId={planned.version_id}"
    return f" with: aws s3api copy-object --bucket {location.bucket} --key {location.key} --copy-source {source}"

"""Presigned URLs of S3: an upload whose size and type are signed, and the download of a large output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from async_endpoint.aws import translate_errors

if TYPE_CHECKING:
    from async_endpoint.aws import AwsSession
    from async_endpoint.core.s3_uri import S3Uri

UPLOAD_SECONDS: Final = 900
DOWNLOAD_SECONDS: Final = 300


def upload_request(session: AwsSession, target: S3Uri, content_type: str, size: int) -> tuple[str, dict[str, str]]:
    """The URL and the headers of one PUT of `size` bytes of that type: S3 refuses other headers, since the signature has them.

    `If-None-Match: *` is among them, so that nothing replaces an input that a prediction may have named (S3 User Guide, "How to
    prevent object overwrites with conditional writes": 412 once the object is there).

    Valid for UPLOAD_SECONDS, if the credentials of this process are. Raises what `translate_errors` raises.
    """
    conditions = {"ContentType": content_type, "ContentLength": size, "IfNoneMatch": "*"}
    parameters = {"Bucket": target.bucket, "Key": target.key, **conditions}
    with translate_errors(session, "s3:PutObject", str(target)):
        url: str = session.presigning.generate_presigned_url("put_object", Params=parameters, ExpiresIn=UPLOAD_SECONDS)
    return url, {"Content-Type": content_type, "Content-Length": str(size), "If-None-Match": "*"}


def download_url(session: AwsSession, source: S3Uri, content_type: str, disposition: str) -> str:
    """A URL of an object, answered with these two headers. Raises what `translate_errors` raises."""
    parameters = {
        "Bucket": source.bucket,
        "Key": source.key,
        "ResponseContentType": content_type,
        "ResponseContentDisposition": disposition,
    }
    with translate_errors(session, "s3:GetObject", str(source)):
        url: str = session.presigning.generate_presigned_url("get_object", Params=parameters, ExpiresIn=DOWNLOAD_SECONDS)
    return url

"""Presigned URLs of S3: an upload whose size and type are signed, and the download of a large output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from async_endpoint.aws import translate_errors

if TYPE_CHECKING:
    from async_endpoint.aws import AwsSession
    from async_endpoint.core.s3_uri import S3Uri

UPLOAD_SECONDS: Final = 900
DOWNLOAD_SECONDS: Final = 300


def upload_url(session: AwsSession, target: S3Uri, content_type: str, size: int) -> str:
    """A URL that accepts one PUT of `size` bytes of that type: S3 refuses other headers, since the signature covers both.

    Valid for UPLOAD_SECONDS, if the credentials of this process are. Raises what `translate_errors` raises.
    """
    parameters = {"Bucket": target.bucket, "Key": target.key, "ContentType": content_type, "ContentLength": size}
    with translate_errors(session, "s3:PutObject", str(target)):
        url: str = session.presigning.generate_presigned_url("put_object", Params=parameters, ExpiresIn=UPLOAD_SECONDS)
    return url


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

"""The largest body that a request may have, by its headers. APIs with smaller limits enforce them with their own errors."""

from __future__ import annotations

from typing import Final

from async_endpoint.emulator.api_calls import service_of
from async_endpoint.emulator.wsgi import Environ, is_admin

MEBIBYTE: Final = 1_048_576
# "Amazon S3 multipart upload limits": a single PUT, a part and a POST object, 5 GiB each.
S3_OBJECT_BYTES: Final = 5 * 1_024 * MEBIBYTE
# Above the limits of the APIs that are answered here, which they enforce with their own errors: 6 MB of InvokeEndpoint (service
# model), 1 MiB of SQS ("Amazon SQS message quotas"), each character of which a form or JSON may write as six.
CALL_BYTES: Final = 16 * MEBIBYTE
# "Lambda quotas": 50 MB of a zipped package in a request, which base64 makes 67 MB.
LAMBDA_BYTES: Final = 70 * MEBIBYTE
ADMIN_BYTES: Final = MEBIBYTE


def most_body_bytes(environ: Environ) -> int:
    """The most bytes that the body of this request may have."""
    if is_admin(environ):
        return ADMIN_BYTES
    service = service_of(environ) or "s3"  # as moto treats unsigned requests
    if service == "lambda":
        return LAMBDA_BYTES
    return S3_OBJECT_BYTES if service == "s3" and _carries_object(environ) else CALL_BYTES


def _carries_object(environ: Environ) -> bool:
    """Whether it may be PutObject, UploadPart, or a form that uploads an object."""
    form: bool = environ.get("CONTENT_TYPE", "").lower().startswith("multipart/form-data")
    return environ["REQUEST_METHOD"] == "PUT" or (environ["REQUEST_METHOD"] == "POST" and form)

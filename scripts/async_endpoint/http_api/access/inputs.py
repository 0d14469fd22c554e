"""Inputs by reference: a caller's own uploads and objects below configured prefixes, nothing else that the endpoint reads."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from async_endpoint.aws import error_code, translate_errors
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.limits import INPUT_LOCATION_CHARS
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.http_api.problems import Problem

if TYPE_CHECKING:
    from async_endpoint.http_api.served_endpoint import ServedEndpoint

UPLOAD: Final = "upload:"
_UPLOAD_ID = re.compile(r"[a-z2-7]{26}")
# Keys that mean the same to everything that handles them: S3 takes a key literally, programs in between may decode or
# normalise it, so nothing is accepted that could become another key.
_KEY = re.compile(r"[A-Za-z0-9!_.*'()@=+:,~-]+(?:/[A-Za-z0-9!_.*'()@=+:,~-]+)*")


@dataclass(frozen=True)
class ResolvedInput:
    """An input in S3. `content_type` and `bytes` are those of an upload, None for other objects, which are not looked at."""

    uri: str
    content_type: str | None = None
    bytes: int | None = None


def new_upload(endpoint: ServedEndpoint, caller: str) -> tuple[str, S3Uri]:
    """A random id of an upload, and where its object goes."""
    upload_id = base64.b32encode(secrets.token_bytes(17)).decode().lower()[:26]
    return upload_id, _uploads(endpoint, caller).join(upload_id)


def resolve_input(endpoint: ServedEndpoint, caller: str, reference: str) -> ResolvedInput:
    """The object that `upload:<id>` or an S3 URI names; one call of S3 for an upload, none for others.

    Raises a Problem for what is neither an upload of `caller` nor below a configured prefix, and for a missing upload. Whether
    an object exists that the caller may not name makes no difference.
    """
    if reference.startswith(UPLOAD):
        upload_id = reference.removeprefix(UPLOAD)
        if _UPLOAD_ID.fullmatch(upload_id) is None:
            raise Problem(
                "invalid-request", "The input_url has no valid id of an upload; use the one that POST …/uploads gave."
            )
        return _upload(endpoint, _uploads(endpoint, caller).join(upload_id))
    uri = _checked_uri(reference)
    uploads = _uploads(endpoint, caller)
    if _is_below(uri, uploads):
        return _upload(endpoint, uri)
    allowed = any(_is_below(uri, S3Uri.parse(prefix)) for prefix in endpoint.api.input_prefixes)
    if not allowed or _is_below(uri, endpoint.settings.inputs):  # bodies and uploads of other callers
        raise Problem(
            "invalid-request",
            "The input_url is neither an upload of this caller nor below a prefix that this API is configured to read; upload "
            f"the input by POST /v1/endpoints/{endpoint.name}/uploads.",
        )
    return ResolvedInput(str(uri))


def checked_prefix(text: str) -> str:
    """A prefix for `resolve_input`; raises InvalidInput unless it is an S3 URI that ends in a slash."""
    uri = S3Uri.parse(text)
    if uri.address or not (text.endswith("/") and (not uri.key or _KEY.fullmatch(uri.key.removesuffix("/")))):
        raise InvalidInput(f"{text!r} is no prefix of inputs; write it as s3://bucket/prefix/ with a slash at its end.")
    return text


def _checked_uri(reference: str) -> S3Uri:
    """The S3 URI that a caller wrote, in its only spelling."""
    try:
        uri = S3Uri.parse(reference)
    except InvalidInput:
        uri = None
    if (
        uri is None
        or uri.address
        or len(reference) > INPUT_LOCATION_CHARS
        or _KEY.fullmatch(uri.key) is None
        or any(part in (".", "..") for part in uri.key.split("/"))
    ):
        raise Problem(
            "invalid-request",
            "The input_url is not accepted; use upload:<id>, or s3://bucket/key with a key of letters, digits and "
            "!_.*'()@=+:,~- between single slashes.",
        )
    return uri


def _is_below(uri: S3Uri, folder: S3Uri) -> bool:
    prefix = f"{folder.key.rstrip('/')}/" if folder.key else ""
    return uri.bucket == folder.bucket and uri.key.startswith(prefix)


def _uploads(endpoint: ServedEndpoint, caller: str) -> S3Uri:
    """Where the uploads of a caller are; the key has no slash at its end."""
    return endpoint.settings.inputs.join(caller)


def _upload(endpoint: ServedEndpoint, uri: S3Uri) -> ResolvedInput:
    with translate_errors(endpoint.session, "s3:GetObject", str(uri)):
        try:
            found: dict[str, Any] = endpoint.session.s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            if error_code(error) not in ("NoSuchKey", "404"):
                raise
            raise Problem(
                "invalid-request",
                "The upload that input_url names does not exist, or is not complete; send the file to its URL first.",
            ) from error
    return ResolvedInput(str(uri), found.get("ContentType"), found["ContentLength"])

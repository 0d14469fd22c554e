"""Payloads: inline in the call, or uploaded below the input prefix, large ones as a multipart upload."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from botocore.exceptions import BotoCoreError, ClientError

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.client.models import guess_suffix
from async_endpoint.client.retries import Retries
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.limits import INLINE_BODY_BYTES, INPUT_OBJECT_BYTES
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.input_files import open_input, printable, unreadable

PART_BYTES: Final = 16_777_216  # of a large input: as much as one of them holds in memory
PUT_ACTION: Final = "s3:PutObject"


def upload_or_inline(
    session: AwsSession,
    retries: Retries,
    folder: S3Uri,
    name: str,
    payload: Path | bytes,
    content_type: str,
    inline: bool | None,
) -> tuple[bytes | None, str | None]:
    """The body to send in the call, or the S3 URI that `payload` was uploaded to: `name` below `folder`.

    Inline up to 128,000 bytes unless `inline` decides. A large file is read and sent part by part. Raises InvalidInput for a
    payload that is too large or cannot be read, and what `translate_errors` raises.
    """
    with _opened(payload) as (body, size):
        if inline or (inline is None and 1 <= size <= INLINE_BODY_BYTES):
            if not 1 <= size <= INLINE_BODY_BYTES:
                raise InvalidInput(
                    f"{_label(payload)} has {size:,} bytes; an inline body has 1 to {INLINE_BODY_BYTES:,}: upload it."
                )
            return _read(body, size, payload), None
        if size > INPUT_OBJECT_BYTES:
            raise InvalidInput(f"{_label(payload)} has {size:,} bytes; an input has at most {INPUT_OBJECT_BYTES:,}.")
        target = folder.join(name + _suffix(payload, content_type))
        with translate_errors(session, PUT_ACTION, str(target)):
            if size <= PART_BYTES:
                whole = _read(body, size, payload)
                where = {"Bucket": target.bucket, "Key": target.key}
                retries.call(lambda: session.s3.put_object(**where, Body=whole, ContentType=content_type))
            else:
                _put_in_parts(session.s3, retries, target, lambda: _read(body, PART_BYTES, payload), content_type)
    return None, str(target)


def _put_in_parts(s3: Any, retries: Retries, target: S3Uri, next_part: Callable[[], bytes], content_type: str) -> None:
    """Retry each part by itself; a failed upload is aborted, or expired by the bucket's lifecycle.

    A file that grows meanwhile is read up to the size limit of an input.
    """
    where = {"Bucket": target.bucket, "Key": target.key}
    upload = retries.call(lambda: s3.create_multipart_upload(**where, ContentType=content_type))["UploadId"]
    parts: list[dict[str, Any]] = []

    def put(number: int, part: bytes) -> str:
        reply = retries.call(lambda: s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=part))
        return str(reply["ETag"])

    try:
        while part := next_part():
            if len(parts) * PART_BYTES > INPUT_OBJECT_BYTES:
                raise InvalidInput(
                    f"The input of {target} has grown beyond {INPUT_OBJECT_BYTES:,} bytes; wait until it is written."
                )
            parts.append({"PartNumber": len(parts) + 1, "ETag": put(len(parts) + 1, part)})
        retries.call(lambda: s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts}))
    except BaseException:
        with suppress(BotoCoreError, ClientError):
            s3.abort_multipart_upload(**where, UploadId=upload)
        raise


@contextmanager
def _opened(payload: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    """The payload, open, and its size; raises InvalidInput for anything but a regular file."""
    if isinstance(payload, bytes):
        yield io.BytesIO(payload), len(payload)
        return
    with open_input(payload) as body:
        yield body, os.fstat(body.fileno()).st_size


def _read(body: BinaryIO, most: int, payload: Path | bytes) -> bytes:
    try:
        return body.read(most)
    except OSError as error:
        raise unreadable(Path(_label(payload)), error) from error


def _suffix(payload: Path | bytes, content_type: str) -> str:
    suffix = payload.suffix.lower() if isinstance(payload, Path) else guess_suffix(content_type)
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,16}", suffix) else ""


def _label(payload: Path | bytes) -> str:
    return printable(payload) if isinstance(payload, Path) else "The request"

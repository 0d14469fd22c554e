"""A payload on its way: uploaded below the input prefix, or inline in the call."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from async_endpoint.client.aws import AwsClients
from async_endpoint.client.explain import explained
from async_endpoint.client.payload import Payload, guess_suffix, unreadable
from async_endpoint.contract.errors import InvalidInput
from async_endpoint.contract.limits import INLINE_BODY_BYTES, INPUT_OBJECT_BYTES
from async_endpoint.contract.outputs import Storage
from async_endpoint.contract.s3_uri import S3Uri


def upload(clients: AwsClients, storage: Storage, payload: Path | bytes, content_type: str, inference_id: str) -> str:
    """Put `payload` below the input prefix and return its S3 URI; the key follows from the inference id.

    Large payloads go up in parts. Raises InvalidInput above 1 GB or when the file cannot be read, and what `explained` raises.
    """
    suffix = payload.suffix.lower() if isinstance(payload, Path) else guess_suffix(content_type)
    target = S3Uri.parse(storage.input_uri).join(_key_name(inference_id, suffix))
    with _opened(payload) as (body, size):
        if size > INPUT_OBJECT_BYTES:
            raise InvalidInput(f"{_called(payload)} has {size:,} bytes; give an input of at most {INPUT_OBJECT_BYTES:,}.")
        with explained(clients, "s3:PutObject", str(target)):
            clients.s3.upload_fileobj(body, target.bucket, target.key, ExtraArgs={"ContentType": content_type})
    return str(target)


def inline_body(payload: Payload) -> bytes:
    """The body to send inside the call; raises InvalidInput unless it has 1 to 128,000 bytes."""
    if isinstance(payload, str):
        raise InvalidInput(f"{payload} is in S3 already and cannot go inline; leave out --inline.")
    with _opened(payload) as (body, size):
        if not 1 <= size <= INLINE_BODY_BYTES:
            raise InvalidInput(
                f"{_called(payload)} has {size:,} bytes; an inline body holds 1 to {INLINE_BODY_BYTES:,}: leave out --inline."
            )
        return body.read()


@contextmanager
def _opened(payload: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    try:
        body: BinaryIO = payload.open("rb") if isinstance(payload, Path) else io.BytesIO(payload)
        size = body.seek(0, io.SEEK_END)
        body.seek(0)
    except OSError as error:
        raise unreadable(Path(_called(payload)), error) from error
    with body:
        yield body, size


def _key_name(inference_id: str, suffix: str) -> str:
    """A key of safe characters; a digest keeps apart the ids that differ in unsafe ones."""
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", inference_id)
    if safe != inference_id:
        safe = f"{safe}-{hashlib.sha256(inference_id.encode()).hexdigest()[:8]}"
    return safe + (suffix if re.fullmatch(r"\.[a-z0-9]{1,16}", suffix) else "")


def _called(payload: Path | bytes) -> str:
    return str(payload) if isinstance(payload, Path) else "The request"

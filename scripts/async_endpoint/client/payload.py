"""What a request carries, and its content type."""

from __future__ import annotations

import base64
import json
import mimetypes
from pathlib import Path
from typing import Any, Final

from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.limits import INPUT_OBJECT_BYTES
from async_endpoint.input_files import printable, read_input

Payload = Path | bytes | str
"""A file, the bytes themselves, or the S3 URI of an object that is there already."""

JSON_TYPE: Final = "application/json"
BINARY_TYPE: Final = "application/octet-stream"

# the standard library's own table, without the files of the machine: the same answer everywhere
_TYPES: Final = mimetypes.MimeTypes()
for _kind, _suffix in (
    ("application/jsonlines", ".jsonl"),
    ("application/x-npy", ".npy"),
    ("application/x-parquet", ".parquet"),
    ("image/webp", ".webp"),
):
    _TYPES.add_type(_kind, _suffix)


def guess_content_type(name: str) -> str:
    """The content type that the suffix of a file name or a key stands for; application/octet-stream when it says nothing."""
    kind, encoding = _TYPES.guess_type(name)
    return kind if kind and encoding is None else BINARY_TYPE


def guess_suffix(content_type: str) -> str:
    """The usual suffix of a content type, with its dot; empty when there is none."""
    return _TYPES.guess_extension(content_type.partition(";")[0].strip()) or ""


def prepare(argument: str, *, content_type: str | None = None, top_k: int | None = None) -> tuple[Payload, str | None]:
    """The payload and the content type that a person's `FILE|s3://URI` stands for.

    `top_k` makes the fashion-recommender's request out of a file: an image becomes `{"image": <base64>, "top_k": n}`, in a
    JSON object `top_k` is set. Raises InvalidInput when the payload cannot carry it. Content type None: guess from the name.
    """
    remote = argument.startswith("s3://")
    if top_k is None:
        return (argument if remote else Path(argument)), content_type
    if remote:
        raise InvalidInput(f"--top-k cannot be put into {argument}, which is there already; give a file, or leave out --top-k.")
    return _with_top_k(Path(argument), content_type or guess_content_type(argument), top_k), JSON_TYPE


def _with_top_k(path: Path, content_type: str, top_k: int) -> bytes:
    if content_type.startswith("image/"):
        image = base64.b64encode(read_input(path, INPUT_OBJECT_BYTES)).decode("ascii")
        return json.dumps({"image": image, "top_k": top_k}).encode()
    if content_type == JSON_TYPE:
        return json.dumps(_json_object(path) | {"top_k": top_k}).encode()
    raise InvalidInput(f"--top-k cannot be put into {path} ({content_type}); give an image or a JSON file.")


def _json_object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_input(path, INPUT_OBJECT_BYTES))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"--top-k cannot be put into {printable(path)}: it is not JSON ({error}).") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"--top-k cannot be put into {path}: it holds a JSON {type(document).__name__}; give an object.")
    return document

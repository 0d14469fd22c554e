"""Source: where the items of a batch come from. A folder, a glob, an S3 prefix, or a file of JSON lines or CSV."""

from __future__ import annotations

import glob
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from async_endpoint.aws import AwsSession, translate_errors
from async_endpoint.batch import files, input_rows
from async_endpoint.batch.item import Item, digest
from async_endpoint.client.s3_reader import LIST_ACTION
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.limits import INPUT_OBJECT_BYTES
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.input_files import checked_status, printable, unreadable

Kind = Literal["folder", "glob", "S3 prefix", "JSON lines", "CSV"]
_ROWS = {".jsonl": "JSON lines", ".ndjson": "JSON lines", ".csv": "CSV"}


@dataclass(frozen=True)
class Source:
    """`items` starts from the first item each time, reads lazily, and raises what the reader of its kind raises."""

    kind: Kind
    text: str
    items: Callable[[], Iterator[Item]]

    def count(self) -> int | None:
        """How many items there are, by reading the source once; None if that costs calls (an S3 prefix)."""
        return None if self.kind == "S3 prefix" else sum(1 for _ in self.items())


def open_source(text: str, session: AwsSession, out: Path) -> Source:
    """A folder, a glob, an S3 prefix, or a manifest that ends in .jsonl, .ndjson or .csv.

    What a batch writes into `out` is excluded. Raises InvalidInput for anything else.
    """
    if text.startswith("s3://"):
        S3Uri.parse(text)
        return Source("S3 prefix", text, lambda: below_prefix(session, text))
    path = Path(text)
    try:
        status = path.stat()
    except FileNotFoundError:
        status = None
    except (OSError, ValueError) as error:  # too long, a link to itself, a folder without permission
        if glob.has_magic(text):
            status = None
        else:
            raise unreadable(path, error) from error
    if status is not None and stat.S_ISDIR(status.st_mode):
        return Source("folder", _absolute(path), lambda: files.in_folder(path, out))
    if status is not None:
        checked_status(path)
        kind = _ROWS.get(path.suffix.lower())
        if kind == "CSV":
            return Source("CSV", _absolute(path), lambda: input_rows.in_csv(path))
        if kind == "JSON lines":
            return Source("JSON lines", _absolute(path), lambda: input_rows.in_json_lines(path))
        raise InvalidInput(
            f"{printable(text)} is a file; a manifest ends in {', '.join(_ROWS)}: give one, a folder, or send this file with "
            "invoke."
        )
    if glob.has_magic(text):
        return Source("glob", _absolute(path), lambda: files.matching(text, out))
    raise InvalidInput(
        f"{printable(text)} does not exist; give a folder, a glob, an s3:// prefix, or a manifest in .jsonl or .csv."
    )


def _absolute(path: Path) -> str:
    return str(path.absolute())


def below_prefix(session: AwsSession, prefix: str) -> Iterator[Item]:
    """Each object below an S3 prefix, listed page by page; the endpoint's execution role reads them.

    Names are what follows the prefix's last `/`. Folder markers (`…/`) are skipped. Raises InvalidInput for an invalid URI, and
    what `translate_errors` raises if the prefix cannot be listed.
    """
    uri = S3Uri.parse(prefix)
    cut = uri.key.rfind("/") + 1
    with translate_errors(session, LIST_ACTION, prefix):
        pages = session.s3.get_paginator("list_objects_v2").paginate(Bucket=uri.bucket, Prefix=uri.key)
        for page in pages:
            for entry in page.get("Contents", ()):
                if not entry["Key"].endswith("/"):
                    yield _object_item(uri.bucket, entry["Key"], cut, entry)


def _object_item(bucket: str, key: str, cut: int, entry: dict[str, object]) -> Item:
    name, size = key[cut:], int(str(entry["Size"]))
    if size > INPUT_OBJECT_BYTES:
        return Item.invalid(name, f"s3://{bucket}/{key} has {size:,} bytes; an input has at most {INPUT_OBJECT_BYTES:,}.")
    return Item(name, f"s3://{bucket}/{key}", digest(str(entry["ETag"]), str(size)))

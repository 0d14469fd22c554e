"""What a person's SOURCE stands for."""

from __future__ import annotations

import glob
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from async_endpoint.aws import AwsSession
from async_endpoint.batch import files, objects, rows
from async_endpoint.batch.item import Item
from async_endpoint.core.errors import InvalidInput
from async_endpoint.core.s3_uri import S3Uri
from async_endpoint.input_files import checked_status, printable, unreadable

Kind = Literal["folder", "glob", "S3 prefix", "JSON lines", "CSV"]
_ROWS = {".jsonl": "JSON lines", ".ndjson": "JSON lines", ".csv": "CSV"}


@dataclass(frozen=True)
class Source:
    """`items` begins from the first each time it is called, reads as it goes, and raises what the reader of its kind raises."""

    kind: Kind
    text: str
    items: Callable[[], Iterator[Item]]

    def count(self) -> int | None:
        """How many items there are, from one more look; None where that costs calls (an S3 prefix)."""
        return None if self.kind == "S3 prefix" else sum(1 for _ in self.items())


def open_source(text: str, session: AwsSession, out: Path) -> Source:
    """A folder, a glob, an S3 prefix, or a manifest that ends in .jsonl, .ndjson or .csv.

    What a batch writes into `out` is no input. Raises InvalidInput when `text` is none of these.
    """
    if text.startswith("s3://"):
        S3Uri.parse(text)
        return Source("S3 prefix", text, lambda: objects.below_prefix(session, text))
    path = Path(text)
    try:
        status = path.stat()
    except FileNotFoundError:
        status = None
    except (OSError, ValueError) as error:  # too long, a link to itself, a folder that may not be looked into
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
            return Source("CSV", _absolute(path), lambda: rows.in_csv(path))
        if kind == "JSON lines":
            return Source("JSON lines", _absolute(path), lambda: rows.in_json_lines(path))
        raise InvalidInput(
            f"{printable(text)} is a file; a manifest ends in {', '.join(_ROWS)}: give one, a folder, or send this file with "
            "invoke."
        )
    if glob.has_magic(text):
        return Source("glob", _absolute(path), lambda: files.matching(text, out))
    raise InvalidInput(
        f"{printable(text)} is not there; give a folder, a glob, an s3:// prefix, or a manifest in .jsonl or .csv."
    )


def _absolute(path: Path) -> str:
    return str(path.absolute())

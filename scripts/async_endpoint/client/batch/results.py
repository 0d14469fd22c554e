"""The folder of a batch: a file for each result and each failure, written whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from async_endpoint.client.batch.item import digest
from async_endpoint.contract.errors import InvalidInput

SEGMENT_CHARS: Final = 240  # file systems take 255 bytes, suffix included
SHORT_CHARS: Final = 200


class Results:
    """`results/<name>.out`, `failures/<name>.txt`, and the report, below one folder.

    A file is written beside and moved into its place, so that a reader sees all of it or nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder, and clear what a killed process left half written. Raises InvalidInput when it cannot be written."""
        self.folder = folder
        self._partial = folder / ".partial"

    def prepare(self) -> None:
        """Clear what a killed process left half written; only who holds the manifest may."""
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)

    def result_path(self, name: str) -> Path:
        return self.folder / "results" / f"{_safe(name)}.out"

    def failure_path(self, name: str) -> Path:
        return self.folder / "failures" / f"{_safe(name)}.txt"

    def holds(self, name: str, size: int | None) -> bool:
        """Whether the file of a result is there, with all its bytes."""
        try:
            return self.result_path(name).stat().st_size == size
        except OSError:
            return False

    def write_result(self, name: str, body: bytes) -> None:
        """Put a result into its file; an earlier failure of the item goes. Raises OSError when it cannot be written."""
        self._write(self.result_path(name), [body])
        self.failure_path(name).unlink(missing_ok=True)

    def write_failure(self, name: str, reason: str) -> None:
        """Put into a file why an item failed; an earlier result of the item goes. Raises OSError when it cannot be written."""
        self._write(self.failure_path(name), [f"{reason}\n".encode("utf-8", "replace")])
        self.result_path(name).unlink(missing_ok=True)

    def write_json(self, name: str, document: Any) -> None:
        self._write(self.folder / name, [json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"])

    def write_lines(self, name: str, documents: Iterable[Any]) -> None:
        """JSON lines, one document after another: none is held."""
        self._write(self.folder / name, (json.dumps(document, sort_keys=True).encode() + b"\n" for document in documents))

    def _write(self, path: Path, parts: Iterable[bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._partial / f"{os.getpid()}-{id(parts)}"
        try:
            with partial.open("wb") as file:
                for part in parts:
                    file.write(part)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def make_folder(folder: Path) -> None:
    """Make the folder of a batch; raises InvalidInput when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"{folder} cannot be made ({error.strerror or error}); give another folder with --out.") from error


def _safe(name: str) -> str:
    """A relative path of the item's own words; what could lead out of it, or is too long, is spelled otherwise."""
    return "/".join(_segment(part) for part in name.split("/"))


def _segment(part: str) -> str:
    spelled = quote(part, safe=" !#$&'()+,;=@[]{}^`", errors="surrogateescape")
    if not part.strip("."):  # nothing, or dots alone
        spelled = part.replace(".", "%2E") or "%"
    return spelled if len(spelled) <= SEGMENT_CHARS else f"{spelled[:SHORT_CHARS]}~{digest(part)}"

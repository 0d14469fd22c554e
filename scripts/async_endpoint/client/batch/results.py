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

RESULTS, FAILURES, PARTIAL, REPORT, ITEMS, MANIFEST = (
    "results",
    "failures",
    ".partial",
    "report.json",
    "items.jsonl",
    "manifest.sqlite",
)
OWN: Final = frozenset({RESULTS, FAILURES, PARTIAL, REPORT, ITEMS, MANIFEST, f"{MANIFEST}-wal", f"{MANIFEST}-shm"})
SEGMENT_CHARS: Final = 240  # file systems take 255 bytes, suffix included
SHORT_CHARS: Final = 200


class NameTaken(InvalidInput):
    """The file of one item would lie below the file of another: `a` and `a.out/b`."""


class Results:
    """`results/<name>.out`, `failures/<name>.txt`, and the report, below one folder.

    A file is written beside and moved into its place, so that a reader sees all of it or nothing. Whatever writes raises
    NameTaken when this one item is at fault, InvalidInput when nothing can be written.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` is there (make_folder), and the caller alone writes into it once `prepare` has been called."""
        self.folder = folder
        self._partial = folder / PARTIAL

    def prepare(self) -> None:
        """Clear what a killed process left half written; only who holds the manifest may."""
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir(parents=True)

    def result_path(self, name: str) -> Path:
        return self.folder / RESULTS / f"{_safe(name)}.out"

    def failure_path(self, name: str) -> Path:
        return self.folder / FAILURES / f"{_safe(name)}.txt"

    def holds(self, name: str, size: int | None) -> bool:
        """Whether the file of a result is there, with all its bytes."""
        try:
            return self.result_path(name).stat().st_size == size
        except OSError:
            return False

    def write_result(self, name: str, body: bytes) -> None:
        """Put a result into its file; an earlier failure of the item goes."""
        self._write(self.result_path(name), [body])
        self.failure_path(name).unlink(missing_ok=True)

    def write_failure(self, name: str, reason: str) -> None:
        """Put into a file why an item failed; an earlier result of the item goes."""
        self._write(self.failure_path(name), [f"{reason}\n".encode("utf-8", "replace")])
        self.result_path(name).unlink(missing_ok=True)

    def write_json(self, name: str, document: Any) -> None:
        self._write(self.folder / name, [json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"])

    def write_lines(self, name: str, documents: Iterable[Any]) -> None:
        """JSON lines, one document after another: none is held."""
        self._write(self.folder / name, (json.dumps(document, sort_keys=True).encode() + b"\n" for document in documents))

    def _write(self, path: Path, parts: Iterable[bytes]) -> None:
        try:
            self._replace(path, parts)
        except OSError as error:
            if self._taken(path):
                raise NameTaken(f"{path} cannot be written: the name of another item is in its way.") from error
            raise InvalidInput(
                f"{path} cannot be written ({error.strerror or error}); mend that, and the same command goes on."
            ) from error

    def _taken(self, path: Path) -> bool:
        """Whether a file stands where `path` needs a folder, or a folder where it needs a file."""
        roots = {self.folder / RESULTS, self.folder / FAILURES}
        below = [parent for parent in path.parents if not roots.isdisjoint(parent.parents)]
        return path.is_dir() or any(parent.is_file() for parent in below)

    def _replace(self, path: Path, parts: Iterable[bytes]) -> None:
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


def written_here(folder: Path) -> frozenset[Path]:
    """Files and folders that a batch writes into `folder`; none of it is an input."""
    return frozenset(folder.resolve() / name for name in OWN)


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

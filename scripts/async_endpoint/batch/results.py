"""Results: the folder of a batch, with a file for each result and each failure, written atomically."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from async_endpoint.batch.item import digest
from async_endpoint.core.errors import InvalidInput
from async_endpoint.input_files import printable

RESULTS, FAILURES, PARTIAL, REPORT, ITEMS, MANIFEST = (
    "results",
    "failures",
    ".partial",
    "report.json",
    "items.jsonl",
    "manifest.sqlite",
)
OWN: Final = frozenset({RESULTS, FAILURES, PARTIAL, REPORT, ITEMS, MANIFEST, f"{MANIFEST}-wal", f"{MANIFEST}-shm"})
PATH_CHARS: Final = 1_000  # of a name in all its segments: systems take 4,096 bytes, the folder included
SEGMENT_CHARS: Final = 240  # file systems take 255 bytes, suffix included
SHORT_CHARS: Final = 200


class NameTaken(InvalidInput):
    """The file of one item cannot be written while others can: for example because a folder has its name."""


# errors that concern one name; a full or read-only disk concerns all
_OF_THE_NAME: Final = frozenset(
    {errno.EEXIST, errno.EILSEQ, errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR}
)


class Results:
    """`results/<name>.out`, `failures/<name>.txt`, and the report, below one folder.

    No two names share a file: folders never end in `.out` or `.txt` as files do, and on case-insensitive file systems names
    with capital letters get a digest. A file is written to a temporary name and moved, so readers see all of it or nothing.
    Methods that write raise NameTaken if only this item is affected, InvalidInput if nothing can be written.
    """

    def __init__(self, folder: Path, *, case_sensitive: bool = True) -> None:
        """`folder` exists (make_folder), and the caller alone writes into it once `prepare` has been called."""
        self.folder, self.case_sensitive = folder, case_sensitive
        self._partial = folder / PARTIAL

    def prepare(self) -> None:
        """Delete the temporary files of a killed process; only for the holder of the manifest. Raises InvalidInput."""
        try:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True, exist_ok=True)
            probe = self._partial / "case"
            probe.touch()
            self.case_sensitive = self.case_sensitive and not (self._partial / "CASE").exists()
            probe.unlink()
        except OSError as error:
            reason = error.strerror or error
            raise InvalidInput(
                f"{printable(self._partial)} cannot be written ({reason}); fix this, or give another folder with --out."
            ) from error

    def result_path(self, name: str) -> Path:
        return self.folder / RESULTS / f"{self._safe(name)}.out"

    def failure_path(self, name: str) -> Path:
        return self.folder / FAILURES / f"{self._safe(name)}.txt"

    def holds(self, name: str, size: int | None) -> bool:
        """Whether the file of a result exists and is complete."""
        try:
            return self.result_path(name).stat().st_size == size
        except OSError:
            return False

    def write_result(self, name: str, body: bytes) -> None:
        """Write the file of a result and delete that of an earlier failure."""
        self._write(self.result_path(name), [body])
        _remove(self.failure_path(name))

    def write_failure(self, name: str, reason: str) -> None:
        """Write the file of a failure and delete that of an earlier result."""
        self._write(self.failure_path(name), [f"{reason}\n".encode("utf-8", "replace")])
        _remove(self.result_path(name))

    def write_json(self, name: str, document: Any) -> None:
        self._write(self.folder / name, [json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"])

    def write_lines(self, name: str, documents: Iterable[Any]) -> None:
        """Write JSON lines, one document at a time."""
        self._write(self.folder / name, (json.dumps(document, sort_keys=True).encode() + b"\n" for document in documents))

    def _write(self, path: Path, parts: Iterable[bytes]) -> None:
        try:
            self._replace(path, parts)
        except OSError as error:
            reason = error.strerror or error
            root = self.folder / path.relative_to(self.folder).parts[0]
            if error.errno in _OF_THE_NAME and root != path and root.is_dir():
                raise NameTaken(f"{printable(path)} cannot be written ({reason}); others can.") from error
            raise InvalidInput(
                f"{printable(path)} cannot be written ({reason}); fix this and rerun the command to resume."
            ) from error

    def _safe(self, name: str) -> str:
        """A relative path made of the item's name; unsafe or long parts are escaped or replaced by a digest."""
        parts = name.split("/")
        spelled = [*(self._segment(part, folder=True) for part in parts[:-1]), self._segment(parts[-1], folder=False)]
        path = "/".join(spelled)
        return path if len(path) <= PATH_CHARS else f"{path[:SHORT_CHARS].replace('/', '%')}~{digest(name)}"

    def _segment(self, part: str, *, folder: bool) -> str:
        spelled = quote(part, safe=" !#$&'()+,;=@[]{}^`", errors="surrogatepass")
        if not part.strip("."):  # nothing, or dots alone
            spelled = part.replace(".", "%2E") or "%"
        elif folder and part.endswith((".out", ".txt")):
            spelled = f"{spelled[:-4]}%2E{spelled[-3:]}"
        ambiguous = not self.case_sensitive and part != part.lower()
        return spelled if len(spelled) <= SEGMENT_CHARS and not ambiguous else f"{spelled[:SHORT_CHARS]}~{digest(part)}"

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


def _remove(path: Path) -> None:
    with suppress(OSError):  # missing, or not a file of this batch
        path.unlink()


def written_here(folder: Path) -> frozenset[Path]:
    """Files and folders that a batch writes into `folder`; none of them is an input."""
    return frozenset(Path(os.path.realpath(folder)) / name for name in OWN)


def make_folder(folder: Path) -> None:
    """Create the folder of a batch; raises InvalidInput if that is impossible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{printable(folder)} cannot be created ({reason}); give another folder with --out.") from error

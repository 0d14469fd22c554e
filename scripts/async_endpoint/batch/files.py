"""Items from files: everything below a folder, or the matches of a glob."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from async_endpoint.batch.item import Item, digest
from async_endpoint.batch.results import OWN, written_here
from async_endpoint.core.errors import InvalidInput
from async_endpoint.input_files import checked_status, printable


def in_folder(folder: Path, out: Path) -> Iterator[Item]:
    """Each file below `folder` except what a batch writes into `out`, in file system order: lazily and unsorted.

    Names are relative to `folder`, with `/`. Names with a leading dot are skipped, links to folders are not followed. Special
    files and unreadable ones become invalid items. Raises InvalidInput if `folder` itself cannot be read.
    """
    written = written_here(out)
    below = [(folder, "")]
    while below:
        here, prefix = below.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    path, name = here / entry.name, prefix + entry.name
                    if entry.name.startswith(".") or (entry.name in OWN and _real(path) in written):
                        continue
                    kind = _folder_or_link_to_one(entry)
                    if kind == "folder":
                        below.append((path, f"{name}/"))
                    elif kind is None:
                        yield _item(path, name)
        except OSError as error:
            reason = error.strerror or error
            if not prefix:
                raise InvalidInput(
                    f"Folder {printable(folder)} cannot be read ({reason}); make it readable, or select its files with a glob."
                ) from error
            yield Item.invalid(decoded(prefix.rstrip("/")), f"Folder {printable(here)} cannot be read ({reason}).")


def matching(pattern: str, out: Path) -> Iterator[Item]:
    """Each file that the glob `pattern` matches (`**` descends into folders), except what a batch writes into `out`.

    Names are relative to the pattern's fixed part. Names with a leading dot are skipped. Raises InvalidInput for an invalid
    pattern.
    """
    base, written = fixed_part(pattern), written_here(out)
    try:
        for path in base.glob(str(Path(pattern).relative_to(base))):
            name = path.relative_to(base)
            real = _real(path)
            hidden = any(part.startswith(".") for part in name.parts)
            if not hidden and not real.is_dir() and written.isdisjoint([real, *real.parents]):
                yield _item(path, name.as_posix())
    except (OSError, ValueError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"Glob {printable(pattern)} is invalid ({reason}); give another one, or a folder.") from error


def fixed_part(pattern: str) -> Path:
    """The folders of a glob before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def decoded(name: str) -> str:
    """A file name as valid Unicode: bytes that are not UTF-8 are escaped, `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _folder_or_link_to_one(entry: os.DirEntry[str]) -> str | None:
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "link" if entry.is_dir() else None
    except OSError:  # a link to itself
        return None


def _real(path: Path) -> Path:
    """The path with links resolved as far as possible: Path.resolve raises RuntimeError for a link to itself."""
    return Path(os.path.realpath(path))


def _item(path: Path, name: str) -> Item:
    try:
        known = checked_status(path)
    except InvalidInput as error:
        return Item.invalid(decoded(name), str(error))
    return Item(decoded(name), path, digest(str(known.st_size), str(known.st_mtime_ns)))

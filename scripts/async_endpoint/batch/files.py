"""Inputs that are files: a folder with all below it, or a glob."""

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
    """Each entry below `folder` but what a batch writes into `out`, as the file system gives them: nothing is held or sorted.

    Names are relative to `folder`, with `/`. What begins with a dot is left out, links to folders are not followed. What is
    neither a folder nor a regular file, or cannot be read, fails alone. Raises InvalidInput when `folder` itself cannot be
    read.
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
                    f"Folder {printable(folder)} cannot be read ({reason}); make it readable, or name its files with a glob."
                ) from error
            yield Item.invalid(decoded(prefix.rstrip("/")), f"Folder {printable(here)} cannot be read ({reason}).")


def matching(pattern: str, out: Path) -> Iterator[Item]:
    """Each entry that the glob `pattern` matches (`**` goes down folders), but folders and what a batch writes into `out`.

    Names are relative to the folder that the pattern's fixed part names. What begins with a dot is left out. Raises
    InvalidInput for a pattern that cannot be used.
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
        raise InvalidInput(f"Glob {printable(pattern)} cannot be used ({reason}); give another one, or a folder.") from error


def fixed_part(pattern: str) -> Path:
    """The folders of a glob before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def decoded(name: str) -> str:
    """A file's name as valid Unicode: bytes that are no UTF-8 are escaped, `\\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _folder_or_link_to_one(entry: os.DirEntry[str]) -> str | None:
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "link" if entry.is_dir() else None
    except OSError:  # a link to itself
        return None


def _real(path: Path) -> Path:
    """Links followed, as far as they lead anywhere: Path.resolve raises RuntimeError for a link to itself."""
    return Path(os.path.realpath(path))


def _item(path: Path, name: str) -> Item:
    try:
        known = checked_status(path)
    except InvalidInput as error:
        return Item.invalid(decoded(name), str(error))
    return Item(decoded(name), path, digest(str(known.st_size), str(known.st_mtime_ns)))

"""Inputs that are files: a folder with all below it, or a glob."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from async_endpoint.client.batch.item import Item, digest
from async_endpoint.contract.errors import InvalidInput


def in_folder(folder: Path, without: Path) -> Iterator[Item]:
    """Each file below `folder` but those below `without`, as the file system gives them: nothing is held, nothing sorted.

    Names are relative to `folder`, with `/`. What begins with a dot is left out, links to folders are not followed. Raises
    InvalidInput when the folder itself cannot be read.
    """
    without = without.resolve()
    for path in _below(folder, without):
        yield _item(path, path.relative_to(folder).as_posix())


def matching(pattern: str, without: Path) -> Iterator[Item]:
    """Each file that the glob `pattern` matches (`**` goes down folders), but those below `without`.

    Names are relative to the folder that the pattern's fixed part names. What begins with a dot is left out.
    """
    base, without = fixed_part(pattern), without.resolve()
    for path in base.glob(str(Path(pattern).relative_to(base))):
        name = path.relative_to(base)
        hidden = any(part.startswith(".") for part in name.parts)
        if not hidden and path.is_file() and without not in path.resolve().parents:
            yield _item(path, name.as_posix())


def fixed_part(pattern: str) -> Path:
    """The folders of a glob before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _below(folder: Path, without: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if path.resolve() != without:
                        yield from _below(path, without)
                elif entry.is_file():
                    yield path
    except OSError as error:
        raise InvalidInput(
            f"Folder {folder} cannot be read ({error.strerror or error}); make it readable, or name its files with a glob."
        ) from error


def _item(path: Path, name: str) -> Item:
    try:
        known = path.stat()
    except OSError as error:
        return Item.poison(name, f"{path} cannot be read ({error.strerror or error}).")
    return Item(name, path, digest(str(known.st_size), str(known.st_mtime_ns)))

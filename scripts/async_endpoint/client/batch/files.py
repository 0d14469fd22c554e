"""Inputs that are files: a folder with all below it, or a glob."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from pathlib import Path

from async_endpoint.client.batch.item import Item, digest
from async_endpoint.client.batch.results import OWN, written_here
from async_endpoint.contract.errors import InvalidInput


def in_folder(folder: Path, out: Path) -> Iterator[Item]:
    """Each file below `folder` but what a batch writes into `out`, as the file system gives them: nothing is held or sorted.

    Names are relative to `folder`, with `/`. What begins with a dot is left out, links to folders are not followed. Raises
    InvalidInput when the folder itself cannot be read.
    """
    for path in _below(folder, written_here(out)):
        yield _item(path, path.relative_to(folder).as_posix())


def matching(pattern: str, out: Path) -> Iterator[Item]:
    """Each file that the glob `pattern` matches (`**` goes down folders), but what a batch writes into `out`.

    Names are relative to the folder that the pattern's fixed part names. What begins with a dot is left out.
    """
    base, written = fixed_part(pattern), written_here(out)
    for path in base.glob(str(Path(pattern).relative_to(base))):
        name = path.relative_to(base)
        hidden = any(part.startswith(".") for part in name.parts)
        if not hidden and path.is_file() and written.isdisjoint([path.resolve(), *path.resolve().parents]):
            yield _item(path, name.as_posix())


def fixed_part(pattern: str) -> Path:
    """The folders of a glob before its first wildcard."""
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _below(folder: Path, written: frozenset[Path]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                path = folder / entry.name
                if entry.name.startswith(".") or (entry.name in OWN and path.resolve() in written):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from _below(path, written)
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

"""Files that are written whole or not at all, by way of a temporary file that does not outlive its command for long.

A command that is killed cannot remove its temporary file, which may hold a plan, and lies wherever the user wanted the file.
So its path is noted in `.local/partial` first, in a file that the writer has locked. The kernel ends that lock with the
process, and the next command removes what notes without a lock name.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from async_endpoint.workspace import Workspace

FOLDER: Final = "partial"


def write_whole(workspace: Workspace, path: Path, content: bytes, *, mode: int = 0o644, aside: Path | None = None) -> None:
    """Replace the file at `path`, or the link. The temporary file lies beside it, or in `aside`; the umask limits `mode`.

    A file that only its owner can read is on the disk before it has its name. Raises OSError, and ValueError for a path that
    cannot be one.
    """
    with _noted(workspace, aside or path.parent, path.name) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                if not mode & 0o077:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def remove_partial_files(workspace: Workspace) -> None:
    """Remove the temporary files of commands that were killed while they wrote."""
    folder = workspace.local / FOLDER
    for note in folder.glob("*") if folder.is_dir() else ():
        lock = try_lock(note)
        if lock is None:
            continue
        try:
            _remove_noted(note)
        finally:
            os.close(lock)


@contextmanager
def _noted(workspace: Workspace, folder: Path, name: str) -> Iterator[Path]:
    """The path of a temporary file in `folder` for a file `name`, noted for the block."""
    notes = workspace.make_local(FOLDER)
    while True:
        note = notes / secrets.token_hex(8)
        lock = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if note.is_file():
            break
        os.close(lock)  # another command took it for one of a dead process before it was locked
    temporary = folder.absolute() / f".{name}.{note.name}"
    try:
        os.write(lock, os.fsencode(temporary))
        yield temporary
    finally:
        note.unlink(missing_ok=True)
        os.close(lock)


def _remove_noted(note: Path) -> None:
    """Remove a note and the file that it names. A killed writer has noted nothing, or the whole path of a file of that name."""
    noted = Path(os.fsdecode(note.read_bytes()))
    if noted.is_absolute() and noted.name.endswith(f".{note.name}"):
        try:
            noted.unlink(missing_ok=True)
        except OSError:  # its folder cannot be written any more, or is on a disk that is away: the note stays
            return
    note.unlink(missing_ok=True)


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock of a file or folder; None while a living process has it, or when it is gone."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock

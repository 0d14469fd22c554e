"""Input files named by users: regular files only, opened without blocking and read up to a limit.

Opening a FIFO blocks until a writer opens it, and a device may never end.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from async_endpoint.core.errors import InvalidInput

_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def checked_status(path: Path) -> os.stat_result:
    """Size and times of the regular file at `path`, following links, without opening it; raises InvalidInput."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:  # a NUL in a name, or a lone surrogate, is a ValueError
        raise unreadable(path, error) from error
    _check_kind(path, status)
    return status


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """The regular file at `path`, open for reading; raises InvalidInput."""
    checked_status(path)
    try:
        # the file may be replaced between the two calls: opening does not block, and the open file is checked again
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    with os.fdopen(descriptor, "rb") as file:
        _check_kind(path, os.fstat(descriptor))
        yield file


def read_input(path: Path, most: int) -> bytes:
    """The bytes of the regular file at `path`; raises InvalidInput, also if there are more than `most`."""
    with open_input(path) as file:
        try:
            body = file.read(most + 1)
        except OSError as error:
            raise unreadable(path, error) from error
    if len(body) > most:
        raise InvalidInput(f"{printable(path)} has more than {most:,} bytes; use a smaller file.")
    return body


def unreadable(path: Path, error: Exception) -> InvalidInput:
    """The error for a file that cannot be opened or read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else printable(error)
    return InvalidInput(f"{printable(path)} cannot be read ({reason}); give an existing regular file.")


def printable(text: object) -> str:
    """`text` safe to print and store: invalid Unicode and control characters are escaped."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(text))


def kind_of(status: os.stat_result) -> str | None:
    """The kind of a special file or folder, in words; None for a regular file."""
    return None if stat.S_ISREG(status.st_mode) else _KINDS.get(stat.S_IFMT(status.st_mode), "not a regular file")


def _check_kind(path: Path, status: os.stat_result) -> None:
    kind = kind_of(status)
    if kind is not None:
        raise InvalidInput(f"{printable(path)} cannot be read: it is {kind}; give a regular file.")

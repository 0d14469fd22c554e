"""An exclusive lock on a folder, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def try_lock(folder: Path) -> Iterator[bool]:
    """Try to lock an existing `folder` for the block; yields False while another process holds the lock.

    The lock is the kernel's (flock): it leaves no file, and is released when the process ends, however it ends.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        yield False
        return
    try:
        yield True
    finally:
        os.close(handle)

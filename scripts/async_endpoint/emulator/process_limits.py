"""Settings of the local AWS's own process: memory is returned to the system, and many files may be open."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # of malloc.h
_MMAP_BYTES: Final = 1 << 20
MAX_OPEN_FILES: Final = 10_240  # the most that macOS grants (OPEN_MAX)


def return_large_blocks() -> None:
    """Make glibc return freed blocks of 1 MiB and more to the system, so that the memory of a large request does not stay."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries lack it
    if mallopt is not None and "MALLOC_MMAP_THRESHOLD_" not in os.environ:
        mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)


def allow_open_files() -> None:
    """Raise the limit of open files up to MAX_OPEN_FILES, as far as the system allows: each large S3 object is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

"""A forked child of a process with threads, which is killed when it hangs."""

from __future__ import annotations

import os
import select
import signal
import warnings
from collections.abc import Callable

CHILD_SECONDS = 30.0


def in_child(do: Callable[[], object]) -> str:
    """What `do` raises or returns in a forked child, which is killed when it takes too long."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # this process has threads: that is the point
        child = os.fork()
    if child == 0:
        try:
            said = f"returned {do()!r}"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    try:
        if not select.select([reader], [], [], CHILD_SECONDS)[0]:
            os.kill(child, signal.SIGKILL)
            return "hangs"
        return os.read(reader, 65_536).decode()
    finally:
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)

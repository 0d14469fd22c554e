"""Ctrl-C, twice: the first ends a command in order, the second at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 130  # 128 and the number of the signal, as shells have it


@contextmanager
def second_interrupt_ends_at_once(message: str) -> Iterator[None]:
    """Within the block, Ctrl-C raises KeyboardInterrupt once; from then on another one prints `message` and ends the process.

    Nothing is cleaned up then, so this is for what is safe to kill. An inherited ignore stays, and so does a handler of others.
    """
    usual = threading.current_thread() is threading.main_thread()
    if not usual or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    interrupted = False

    def end(*_: Any) -> None:
        # no buffer and no lock is touched: the thread that holds it may be the one that was interrupted
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\033[?25h\n{message}\n".encode())
        os._exit(INTERRUPTED)

    def interrupt(*_: Any) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, end)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if not interrupted:
            signal.signal(signal.SIGINT, signal.default_int_handler)

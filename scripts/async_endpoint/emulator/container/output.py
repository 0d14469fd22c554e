"""What a container prints, on its way to whoever keeps it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import BinaryIO, Final

LINE_BYTES: Final = 262_144  # the largest event that CloudWatch Logs took until 2025; what is longer becomes several
log = logging.getLogger(__name__)


def follow(printed: BinaryIO, on_output: Callable[[str], None]) -> None:
    """Give each line to `on_output` until they end, a long one in pieces. What that raises costs the line alone.

    Nobody else empties the pipe: were it left full, the model would wait in print() for ever.
    """
    for line in iter(lambda: printed.readline(LINE_BYTES), b""):
        try:
            on_output(line.decode(errors="replace").rstrip())
        except Exception as error:
            log.warning("A line that a container printed is lost: %s: %s", type(error).__name__, error)

"""What a container prints, on its way to whoever keeps it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

log = logging.getLogger(__name__)


def follow(lines: Iterable[bytes], on_output: Callable[[str], None]) -> None:
    """Give each line to `on_output` until they end. What that raises costs the line alone.

    Nobody else empties the pipe: were it left full, the model would wait in print() for ever.
    """
    for line in lines:
        try:
            on_output(line.decode(errors="replace").rstrip())
        except Exception as error:
            log.warning("A line that a container printed is lost: %s: %s", type(error).__name__, error)

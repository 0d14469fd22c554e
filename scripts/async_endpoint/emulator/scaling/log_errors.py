"""What fails alone: one bad alarm, policy or endpoint must not keep the others of its minute from their turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def log_errors(what: str, name: str) -> Iterator[None]:
    """Whatever fails inside is logged, with its traceback, and over."""
    try:
        yield
    except Exception:
        log.exception("%s %s failed this minute; the others go on.", what, name)
